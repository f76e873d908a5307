package events

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster/server/history"
	"muster/server/instance"
)

const (
	// pollEvents is how many events a receiver gets at once that does not say, and
	// maxPollEvents how many at the most.
	pollEvents, maxPollEvents = 100, 1000
	// pollTime is how long a receiver waits for an event.
	pollTime = 30 * time.Second
)

// PollRequest is that of Section 2.2 of RFC 8936.
type PollRequest struct {
	MaxEvents         *int                 `json:"maxEvents"`
	ReturnImmediately bool                 `json:"returnImmediately"`
	Ack               []string             `json:"ack"`
	SetErrs           map[string]PollError `json:"setErrs"`
}

// PollError says what is wrong with an event.
type PollError struct {
	Err         string `json:"err"`
	Description string `json:"description"`
}

// PollAnswer is that of Section 2.3 of RFC 8936: tokens by their "jti".
type PollAnswer struct {
	Sets map[string]string `json:"sets"`
	More bool              `json:"moreAvailable,omitempty"`
}

// Poll takes what a receiver acknowledges, and returns events that it has not
// acknowledged: those that have waited longest. If there are none it waits for some,
// unless the receiver does not want to.
func (s *Service) Poll(ctx context.Context, f *Feed, r PollRequest) (PollAnswer, error) {
	most := pollEvents
	if r.MaxEvents != nil {
		most = max(0, min(*r.MaxEvents, maxPollEvents))
	}
	woken, leave := s.wait()
	defer leave()
	end := time.After(pollTime)
	for last := int64(-1); ; {
		c, err := s.store.Chain(ctx, f.InstanceID)
		if err != nil {
			return PollAnswer{}, err
		}
		if c.Seq != last {
			last = c.Seq
			answer, err := s.pollNow(ctx, &f, r, most, last)
			if err != nil || len(answer.Sets) > 0 || r.ReturnImmediately || most == 0 {
				return answer, err
			}
			r.Ack, r.SetErrs = nil, nil
		}
		select {
		case <-ctx.Done():
			return PollAnswer{}, ctx.Err()
		case <-end:
			return PollAnswer{Sets: map[string]string{}}, nil
		case <-s.stopped:
			return PollAnswer{Sets: map[string]string{}}, nil
		case <-woken:
		}
	}
}

// pollNow does one round, with a history that ends at a place. It leaves in f how the
// feed is.
func (s *Service) pollNow(
	ctx context.Context, f **Feed, r PollRequest, most int, end int64,
) (PollAnswer, error) {
	const attempts = 20
	for range attempts {
		answer, err := s.pollOnce(ctx, *f, r, most, end)
		if !errors.Is(err, instance.ErrChanged) {
			return answer, err
		}
		id := (*f).ID
		if *f, err = s.store.Feed(ctx, id); err != nil {
			return PollAnswer{}, err
		}
	}
	return PollAnswer{}, fmt.Errorf("the feed is polled by many at once: %w", instance.ErrChanged)
}

// pollOnce takes what is acknowledged, moves the feed on, and collects events.
func (s *Service) pollOnce(
	ctx context.Context, f *Feed, r PollRequest, most int, end int64,
) (PollAnswer, error) {
	p := Progress{
		FeedID: f.ID, InstanceID: f.InstanceID, Epoch: f.Epoch, Seq: f.Seq, At: time.Now(),
	}
	done := f.done()
	take := func(jti string) (int64, bool) {
		seq, ok := f.place(jti)
		if !ok || seq <= f.Seq || seq > end || done[seq] {
			return 0, false // another's, or long done, or never sent
		}
		done[seq] = true
		return seq, true
	}
	for jti, e := range r.SetErrs {
		if seq, ok := take(jti); ok {
			p.Parked = append(p.Parked, Parked{
				Epoch: f.Epoch, Seq: seq, At: p.At,
				Error: fmt.Sprintf("the receiver refuses it: %.100s: %.200s", e.Err, e.Description),
			})
		}
	}
	for _, jti := range r.Ack {
		if _, ok := take(jti); ok {
			p.Delivered++
		}
	}
	answer, err := s.collect(ctx, f, &p, done, most)
	if err != nil {
		return answer, err
	}
	for seq := range done {
		if seq > p.Seq {
			p.Acked = append(p.Acked, seq)
		}
	}
	slices.Sort(p.Acked)
	if p.Seq == f.Seq && slices.Equal(p.Acked, f.Acked) {
		return answer, nil
	}
	return answer, s.store.SettlePoll(ctx, f, p)
}

// collect signs the events that are not done, and moves the position over rows that
// are, or have none.
func (s *Service) collect(
	ctx context.Context, f *Feed, p *Progress, done map[int64]bool, most int,
) (PollAnswer, error) {
	answer := PollAnswer{Sets: make(map[string]string)}
	open, rows, now := false, 0, s.now(ctx)
	err := s.store.HistoryAfter(ctx, f.InstanceID, f.Seq, func(row history.Sealed) error {
		var c *Claims
		var err error
		if !done[row.Seq] {
			if c, err = f.Claims(row, s.public, now); err != nil {
				return err
			}
		}
		if rows++; c == nil {
			if !open {
				p.Seq = row.Seq
			}
			return nil
		}
		open = true
		if len(answer.Sets) == most {
			answer.More = true
			return errEnough
		}
		answer.Sets[c.ID], err = s.keys.Sign(ctx, c)
		return err
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return answer, err
}

// Receiver returns the feed of an id that is polled with a token, or
// instance.ErrNotFound.
func (s *Service) Receiver(ctx context.Context, id, token string) (*Feed, error) {
	f, err := s.store.Feed(ctx, id)
	if err != nil {
		return nil, err
	}
	if f.Delivery != Poll ||
		subtle.ConstantTimeCompare([]byte(f.Token), []byte(Digest(token))) != 1 {
		return nil, instance.ErrNotFound
	}
	return f, nil
}

// Digest returns what is kept of a token: its SHA-256, in hexadecimal digits.
func Digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
