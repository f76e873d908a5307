package provisioning

import (
	"context"
	"time"

	"muster/server/history"
	"muster/server/instance"
)

// followInterval is how often the history is looked at for new rows.
const followInterval = time.Second

// HistoryWindow returns the id of the first of the n newest entries of an instance before
// one; see [history.Store].
func (s *Service) HistoryWindow(
	ctx context.Context, sc Scope, before string, n int,
) (string, error) {
	return s.store.HistoryWindow(ctx, sc.Instance.ID, before, n)
}

// FollowHistory calls yield with the entries that q chooses, and then with those
// that are written from then on, until ctx ends, which is no error.
func (s *Service) FollowHistory(
	ctx context.Context, q history.Query, yield func(*history.Entry) error,
) error {
	chain, err := s.store.Chain(ctx, q.InstanceID)
	if err != nil {
		return err
	}
	// What is written between the two reads would be told twice.
	told := make(map[string]bool)
	err = s.store.History(ctx, q, func(e *history.Entry) error {
		told[e.ID] = true
		return yield(e)
	})
	if err != nil {
		return err
	}
	return s.StreamHistory(ctx, q, chain.Seq, Stream{
		Row: func(row history.Sealed) error {
			if told[row.ID] {
				return nil
			}
			return yield(row.Entry)
		},
		Idle: func() error { return nil },
	})
}

// Stream is where the rows of a history go.
type Stream struct {
	Row func(history.Sealed) error
	// Idle is called after each look at the history, with or without rows.
	Idle func() error
}

// FromNow has [Service.StreamHistory] begin with the next row.
const FromNow = -1

// StreamHistory gives the rows of a chain behind a place, which q chooses but for
// Limit and Before, and those that are written from then on, to a stream, in the order
// of the chain, until ctx ends, which is no error, or the stream returns one. A place
// that no row has yet is refused: the rows until there would be passed over.
func (s *Service) StreamHistory(
	ctx context.Context, q history.Query, after int64, to Stream,
) error {
	chain, err := s.store.Chain(ctx, q.InstanceID)
	if err != nil {
		return err
	}
	if after > chain.Seq {
		return instance.Refuse("the history ends at %d, and has no row %d yet: that is of another "+
			"instance, or of before a backup was restored; read the history, and then begin "+
			"without a place", chain.Seq, after)
	}
	if after == FromNow {
		after = chain.Seq
	}
	tick := time.NewTicker(followInterval)
	defer tick.Stop()
	for {
		err := s.store.HistoryAfter(ctx, q.InstanceID, after, func(row history.Sealed) error {
			after = row.Seq
			if !q.Matches(row.Entry) {
				return nil
			}
			return to.Row(row)
		})
		if err == nil {
			err = to.Idle()
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
