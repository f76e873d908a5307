package steps

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// registerMail adds the steps about mail that arrives.
func (w *world) registerMail(sc *registry) {
	sc.Step(`^"([^"]*)" gets the invitation by mail, once$`, w.invitedOnce)
	// Nothing that names the user has arrived at the mail server.
	sc.Step(`^"([^"]*)" gets no mail$`, func(user string) error {
		return expect("messages", w.mailAbout(user), 0)
	})
}

// mailAbout returns how many messages with a user name have come.
func (w *world) mailAbout(user string) (n int) {
	for _, message := range w.h.Mail.Messages() {
		if strings.Contains(message, w.name(user)) {
			n++
		}
	}
	return n
}

// invitedOnce waits until an invitation has arrived. Another one would arrive
// from another server or another try.
func (w *world) invitedOnce(ctx context.Context, user string) error {
	for range 150 {
		if w.mailAbout(user) > 0 {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	if err := expect("messages to "+user, w.mailAbout(user), 1); err != nil {
		return fmt.Errorf("after 15 seconds: %w", err)
	}
	return nil
}
