package command

import (
	"testing"

	"muster/usage/usagetest"
)

// TestFlagsAreShown: each flag is shown with a name for its value, and not with prose.
func TestFlagsAreShown(t *testing.T) {
	t.Parallel()
	usagetest.Flags(t, newRoot())
}
