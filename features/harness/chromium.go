package harness

import (
	"os"
	"os/exec"
)

// Chromium returns the path of the browser in which the consoles are tried: the one that
// MUSTER_TEST_BROWSER names, or the one that there is; empty if there is none.
func Chromium() string {
	if path := os.Getenv("MUSTER_TEST_BROWSER"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}
