package command

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// TestHistoryFollows: history list shows the newest 50 rows, all of them with --all,
// and with --follow those that are written from then on, each once.
func TestHistoryFollows(t *testing.T) {
	db := setUp(t)
	for n := range 60 {
		must(t, db, "group", "create", fmt.Sprint("before", n))
	}
	rows := func(args ...string) int {
		return strings.Count(must(t, db, append([]string{"history", "list", "--json"}, args...)...),
			"\n")
	}
	if newest, all := rows(), rows("--all"); newest != 50 || all < 62 {
		t.Errorf("%d rows are listed, and %d with --all", newest, all)
	}
	out := &lockedBuffer{}
	c := newRoot()
	c.SetOut(out)
	c.SetArgs([]string{"history", "list", "--follow", "--limit", "3", "--database", db})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- c.ExecuteContext(ctx) }()
	out.find(t, `(before59)`)
	for n := range 5 {
		must(t, db, "group", "create", fmt.Sprint("after", n))
	}
	out.find(t, `(after4)`)
	cancel()
	if err := <-done; err != nil {
		t.Errorf("it ended with %v", err)
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	text := out.b.String()
	if strings.Contains(text, "before56") {
		t.Error("more is listed than was asked for")
	}
	for n := range 5 {
		if told := strings.Count(text, fmt.Sprint("  group.create     after", n, " ")); told != 1 {
			t.Errorf("after%d is told %d times:\n%s", n, told, text)
		}
	}
}
