package command

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/creack/pty"

	"muster/features/harness"
)

// onTerminal runs a command on a terminal of some columns, and returns what was
// written to it.
func onTerminal(t *testing.T, columns uint16, env []string, command string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), command, args...)
	c.Dir = filepath.Dir(command)
	c.Env = append(os.Environ(), env...)
	f, err := pty.StartWithSize(c, &pty.Winsize{Rows: 50, Cols: columns})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out bytes.Buffer
	if _, err := io.Copy(&out, f); err != nil && !errors.Is(err, syscall.EIO) {
		t.Fatal(err) // EIO is how a terminal ends
	}
	_ = c.Wait() // the commands here may fail
	return strings.ReplaceAll(out.String(), "\r\n", "\n")
}

// TestTerminal: tables fit the terminal, what failed is red, and NO_COLOR is heard.
func TestTerminal(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short nothing is built")
	}
	simulator, err := harness.Command(t.Context(), "simulator", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, columns := range []uint16{60, 80, 132} {
		out := onTerminal(t, columns, nil, simulator, "profiles")
		for line := range strings.Lines(out) {
			if n := utf8.RuneCountInString(strings.TrimSpace(line)); n > int(columns) {
				t.Errorf("a line has %d columns of %d: %s", n, columns, line)
			}
		}
		if !strings.Contains(out, "│ entra") {
			t.Errorf("there is no table:\n%s", out)
		}
	}
	const red = "\x1b[31m"
	wrong := []string{"approvals", "bogus"}
	if out := onTerminal(t, 80, nil, simulator, wrong...); !strings.Contains(out, red) {
		t.Errorf("nothing is red: %q", out)
	}
	if out := onTerminal(t, 80, []string{"NO_COLOR=1"}, simulator, wrong...); strings.Contains(out,
		"\x1b") {
		t.Errorf("it is colored: %q", out)
	}
	plain, _ := exec.CommandContext(t.Context(), simulator, wrong...).CombinedOutput()
	if bytes.Contains(plain, []byte("\x1b")) || len(plain) == 0 {
		t.Errorf("there is no terminal, and it is colored: %q", plain)
	}
}
