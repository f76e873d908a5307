package example

import (
	"os/exec"
	"strings"
	"testing"
)

// TestFirstTenMinutes: a stranger's first ten minutes, as scripts/stranger does them: a fresh
// clone, make rehearse, a server of one's own that is checked, and a feature of one's
// own in a module outside of this repository, without this machine's flags for Go.
func TestFirstTenMinutes(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short nothing is built")
	}
	c := exec.CommandContext(t.Context(), "../scripts/stranger")
	out, err := c.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "nothing was left behind\n") {
		t.Errorf("%v\n%s", err, out)
	}
}
