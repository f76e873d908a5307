package provisioning

import (
	"context"
	"fmt"
	"time"

	"muster/server/history"
)

// adoptBatch is how many rows of an instance are adopted in one transaction.
const adoptBatch = 500

// AdoptHistory takes over what servers of older versions leave, until ctx
// ends: rows that they did not link into the chain any more, and users whose
// manager came at the same moment by a server of this version.
func (s *Service) AdoptHistory(ctx context.Context, every time.Duration) {
	for {
		more, err := s.adopt(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "history of an older version not adopted; trying again",
				"error", err)
		}
		if more && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

// adopt takes over one batch of each instance, and reports whether there may
// be more.
func (s *Service) adopt(ctx context.Context) (more bool, err error) {
	adopted, err := s.store.Adopt(ctx, adoptBatch)
	for id, n := range adopted {
		if n == 0 || err != nil {
			continue
		}
		more = more || n == adoptBatch
		_, err = s.store.LinkPending(ctx, id, "", s.clock(), linkBatch)
	}
	return more, err
}

// VerifyHistory checks that the history of an instance is as it was written. progress,
// which may be nil, is called after each row that was checked, of so many in the chain.
func (s *Service) VerifyHistory(
	ctx context.Context, sc Scope, progress func(done, total int),
) (*history.Verifier, error) {
	if progress == nil {
		progress = func(int, int) {}
	}
	for attempt := 0; ; attempt++ {
		c, err := s.store.Chain(ctx, sc.Instance.ID)
		if err != nil {
			return nil, err
		}
		v := history.NewVerifier(c)
		if err := s.store.Sealed(ctx, sc.Instance.ID, func(r history.Sealed) error {
			progress(v.Rows, int(c.Seq-c.AnchorSeq))
			return v.Check(r)
		}); err != nil {
			return nil, err
		}
		now, err := s.store.Chain(ctx, sc.Instance.ID)
		if err != nil {
			return nil, err
		}
		v.End(now)
		// Rows that were pruned meanwhile make the beginning look wrong.
		if now.AnchorSeq == c.AnchorSeq || attempt == 5 {
			return v, nil
		}
	}
}

// NoteVerification writes to the history that it was checked, and what came of it.
func (s *Service) NoteVerification(ctx context.Context, sc Scope, v *history.Verifier) error {
	e := history.New(sc.Instance.ID, s.clock(), sc.Actor, history.HistoryVerify,
		history.Target{Type: "Instance", ID: sc.Instance.ID, Name: sc.Instance.Slug})
	e.Detail = fmt.Sprintf("%d rows, all as they were written", v.Rows)
	if n := len(v.Problems); n > 0 {
		e.Detail = fmt.Sprintf("%d problems: %s", n, v.Problems[0])
	}
	return s.store.AppendHistory(ctx, e)
}

// PruneHistory deletes rows that are older than an age. The rest still
// verifies, and tells that rows were pruned.
func (s *Service) PruneHistory(ctx context.Context, sc Scope, age time.Duration) (int, error) {
	before := s.clock().Add(-age)
	e := history.New(sc.Instance.ID, s.clock(), sc.Actor, history.HistoryPrune,
		history.Target{Type: "History"})
	e.Detail = fmt.Sprintf("rows before %s deleted", before.Format(time.RFC3339))
	return s.store.Prune(ctx, sc.Instance.ID, before, e)
}
