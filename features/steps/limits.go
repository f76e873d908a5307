package steps

import (
	"context"
	"errors"
	"net/http"
)

// registerLimits adds the steps about how much a provider may ask of a server.
func (w *world) registerLimits(sc *registry) {
	// Turns to a second server on the same database, which has that limit.
	sc.Step(`^the server lets each key send ([\d.]+) requests a second$`,
		func(ctx context.Context, rate string) error {
			s, err := w.h.Serve(context.WithoutCancel(ctx), "127.0.0.1:0", "--rate-per-key", rate)
			if err != nil {
				return err
			}
			w.limited = s
			w.recorder.Redirect(s.Address)
			return nil
		})
	// A request was refused, and told when to come again.
	sc.Step(`^the server answered 429 with Retry-After at least once$`, func() error {
		for _, e := range w.recorder.Exchanges() {
			if e.Status == http.StatusTooManyRequests && e.RetryAfter != "" {
				return nil
			}
		}
		return errors.New("no request was answered 429 with Retry-After")
	})
}
