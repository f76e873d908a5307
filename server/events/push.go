package events

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"muster/lease"
	"muster/server/history"
	"muster/server/instance"
)

const (
	// lanes is how many events of a feed are on their way at once: those of one
	// resource go one after the other. part is how many rows of the history are
	// looked at together.
	lanes = 8
	part  = 256
	// patience is how often an event is tried that its receiver cannot take, while it
	// takes others, before it is put aside.
	patience = 8
)

// parcel is an event on its way.
type parcel struct {
	seq      int64
	resource string
	token    string
}

// outcome is what came of an event.
type outcome struct {
	seq int64
	// refused is set where the receiver will never take the event, and err where it
	// could not be delivered now; answered is set if the receiver said so itself.
	refused, err error
	answered     bool
	retryAfter   time.Duration
}

// sender sends one feed until it is at the end of the history.
type sender struct {
	*Service
	feed *Feed
	// sandbox is set if the feed is of one.
	sandbox bool
	// done are those behind the position that are delivered, or put aside.
	done map[int64]bool
	// tries is how often an event was answered with an error.
	tries map[int64]int
}

// run sends until there is nothing more to send, or the feed is somebody else's.
func (s *sender) run(ctx context.Context) error {
	failures := 0
	for ctx.Err() == nil {
		parcels, last, more, err := s.next(ctx)
		if err != nil {
			return err
		}
		p, wait := s.deliver(ctx, parcels, last)
		// Also when the server stops: what was refused would be sent again, behind what
		// was taken after it.
		if err := s.settle(ctx, p); err != nil {
			return err
		}
		s.feed.Seq = p.Seq
		switch {
		case p.Error != "":
			failures++
			s.log.DebugContext(ctx, "events not delivered", "feed", s.feed.Name, "error", p.Error)
			if err := s.await(ctx, max(wait, s.pause(failures))); err != nil {
				return err
			}
		case !more && p.Seq == last:
			return nil
		default:
			failures = 0
		}
	}
	return ctx.Err()
}

// settleTime is how long it may take to write how far a feed has come.
const settleTime = 5 * time.Second

func (s *sender) settle(ctx context.Context, p Progress) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	return s.store.SettleFeed(ctx, s.owner, p)
}

// await waits, unless the feed is changed meanwhile, or taken over: who has rewound it, or
// mended its receiver, wants to see it go on.
func (s *sender) await(ctx context.Context, d time.Duration) error {
	const often = time.Second
	for ; d > 0; d -= often {
		if !lease.Sleep(ctx, min(d, often)) {
			return ctx.Err()
		}
		f, err := s.store.Feed(ctx, s.feed.ID)
		if err != nil {
			return err
		}
		if f.Owner != s.owner || f.Epoch != s.feed.Epoch {
			return instance.ErrNotFound
		}
	}
	return nil
}

// pause is how long to wait after so many failures in succession.
func (s *Service) pause(failures int) time.Duration {
	return lease.Pause(cmp.Or(s.Retry, 200*time.Millisecond), failures)
}

// errEnough ends the reading of rows.
var errEnough = errors.New("enough rows")

// next returns the events of the next rows of the history, and the last of these
// rows; more is set if there may be others behind it.
func (s *sender) next(ctx context.Context) (list []parcel, last int64, more bool, err error) {
	last = s.feed.Seq
	n, now := 0, s.now(ctx)
	err = s.store.HistoryAfter(ctx, s.feed.InstanceID, s.feed.Seq, func(row history.Sealed) error {
		n++
		last = row.Seq
		if !s.done[row.Seq] {
			c, err := s.feed.Claims(row, s.public, now)
			if err != nil {
				return err
			}
			if c != nil {
				token, err := s.keys.Sign(ctx, c)
				if err != nil {
					return err
				}
				list = append(list, parcel{row.Seq, row.Target.Type + row.Target.ID, token})
			}
		}
		if n == part {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		more, err = true, nil
	}
	return list, last, more, err
}

// deliver sends events, those of one resource in their order, and returns how far the
// feed has come, and how long the receiver wants to be left alone.
func (s *sender) deliver(
	ctx context.Context, list []parcel, last int64,
) (p Progress, wait time.Duration) {
	p = Progress{
		FeedID: s.feed.ID, InstanceID: s.feed.InstanceID, Epoch: s.feed.Epoch, Seq: last,
		At: time.Now(),
	}
	outcomes := s.send(ctx, list)
	accepted := slices.ContainsFunc(outcomes, func(o outcome) bool { return o.err == nil })
	for _, o := range outcomes {
		switch {
		case o.err != nil && o.answered && accepted && s.tries[o.seq]+1 >= patience:
			o.refused = fmt.Errorf("given up after %d attempts, while others were taken: %w",
				patience, o.err)
		case o.err != nil:
			if o.answered {
				s.tries[o.seq]++
			}
			p.Error, wait = o.err.Error(), max(wait, o.retryAfter)
			continue
		case o.refused == nil:
			p.Delivered++
		}
		if o.refused != nil {
			p.Parked = append(p.Parked, Parked{
				Epoch: s.feed.Epoch, Seq: o.seq, At: p.At, Error: o.refused.Error(),
			})
		}
		s.done[o.seq] = true
	}
	for _, x := range list {
		if !s.done[x.seq] {
			p.Seq = x.seq - 1
			break
		}
	}
	for seq := range s.done {
		if seq <= p.Seq {
			delete(s.done, seq)
			delete(s.tries, seq)
		}
	}
	// Who goes on with the feed must not send these again, behind what was taken after
	// them.
	p.Acked = slices.Sorted(maps.Keys(s.done))
	return p, wait
}

// send sends events over the lanes. What is behind one that cannot be delivered, in
// its lane, is not tried.
func (s *sender) send(ctx context.Context, list []parcel) (outcomes []outcome) {
	var byLane [lanes][]parcel
	for _, x := range list {
		h := fnv.New32a()
		_, _ = h.Write([]byte(x.resource))
		lane := h.Sum32() % lanes
		byLane[lane] = append(byLane[lane], x)
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, lane := range byLane {
		if len(lane) == 0 {
			continue
		}
		group.Go(func() {
			held := make(map[string]bool)
			for _, x := range lane {
				if ctx.Err() != nil {
					return
				}
				if held[x.resource] {
					continue // its order is kept
				}
				o := s.post(ctx, x)
				mu.Lock()
				outcomes = append(outcomes, o)
				mu.Unlock()
				if o.err != nil && !o.answered {
					return // nobody is there
				}
				// What is refused is put aside before anything behind it is sent: it must not
				// come again, from another server, after that.
				held[x.resource] = o.err != nil || o.refused != nil
			}
		})
	}
	group.Wait()
	return outcomes
}

// post pushes one event: Section 2 of RFC 8935. A server that stops waits for the answer:
// a token that was let go might arrive behind later ones, which another server sends.
func (s *sender) post(ctx context.Context, x parcel) outcome {
	o := outcome{seq: x.seq}
	r, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, s.feed.URL,
		strings.NewReader(x.token))
	if err != nil {
		o.err = err
		return o
	}
	r.Header.Set("Content-Type", MediaType)
	r.Header.Set("Accept", "application/json")
	if s.feed.Authorization != "" {
		r.Header.Set("Authorization", s.feed.Authorization)
	}
	client := s.production
	if s.sandbox {
		client = s.sandboxed
	}
	resp, err := client.Do(r)
	if err != nil {
		o.err = withoutURL(err)
		return o
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err = errors.Join(err, resp.Body.Close()); err != nil && resp.StatusCode/100 != 2 {
		o.err = err
		return o
	}
	o.judge(resp, text)
	return o
}

// judge says what an answer means: Sections 2.2 to 2.4 of RFC 8935.
func (o *outcome) judge(resp *http.Response, text []byte) {
	if resp.StatusCode/100 == 2 {
		return
	}
	var said struct {
		Err         string `json:"err"`
		Description string `json:"description"`
	}
	_ = json.Unmarshal(text, &said) // what else it may be is told by the status
	err := fmt.Errorf("the receiver answered %d", resp.StatusCode)
	if said.Err != "" {
		err = fmt.Errorf("%w: %.100s: %.200s", err, said.Err, said.Description)
	}
	o.answered = true
	switch resp.StatusCode {
	case http.StatusBadRequest:
		// These are about the feed, and not about this event: nobody is helped if all
		// that comes is put aside.
		switch said.Err {
		case "invalid_key", "invalid_issuer", "invalid_audience", "authentication_failed",
			"access_denied":
			o.err, o.answered = err, false
		default:
			o.refused = err
		}
	case http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		o.refused = err
	default:
		o.err = err
		o.retryAfter = retryAfter(resp.Header.Get("Retry-After"))
		// Of these it does not matter which event it is.
		o.answered = resp.StatusCode >= 500 && resp.StatusCode != http.StatusServiceUnavailable
	}
}

// longestRetry is how long a receiver may ask to be left alone.
const longestRetry = 10 * time.Minute

func retryAfter(value string) time.Duration {
	if n, err := strconv.Atoi(value); err == nil && n > 0 {
		return min(time.Duration(min(n, 1<<20))*time.Second, longestRetry)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(time.Until(at), 0), longestRetry)
	}
	return 0
}

// withoutURL leaves the address out of an error: it may hold a secret.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
