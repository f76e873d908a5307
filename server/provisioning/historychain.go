package provisioning

import (
	"context"
	"fmt"
	"time"

	"muster/server/history"
)

// sealBatch is how many rows of an instance are linked in one transaction.
const sealBatch = 500

// SealHistory links the rows of all instances into their chains until ctx
// ends. Of several servers one does so for an instance at a time.
func (s *Service) SealHistory(ctx context.Context, every time.Duration) {
	for {
		n, err := s.store.Seal(ctx, sealBatch)
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "history not sealed; trying again", "error", err)
		}
		if err == nil && n >= sealBatch {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

// VerifyHistory checks that the history of an instance is as it was written.
func (s *Service) VerifyHistory(ctx context.Context, sc Scope) (*history.Verifier, error) {
	for attempt := 0; ; attempt++ {
		c, err := s.store.Chain(ctx, sc.Instance.ID)
		if err != nil {
			return nil, err
		}
		v := history.NewVerifier(c)
		if err := s.store.Sealed(ctx, sc.Instance.ID, v.Check); err != nil {
			return nil, err
		}
		v.End()
		// Rows that were sealed or pruned meanwhile make the end look wrong.
		again, err := s.store.Chain(ctx, sc.Instance.ID)
		if err != nil {
			return nil, err
		}
		if again == c || attempt == 5 {
			return v, nil
		}
	}
}

// PruneHistory deletes rows that are older than an age. The rest still
// verifies, and tells that rows were pruned.
func (s *Service) PruneHistory(ctx context.Context, sc Scope, age time.Duration) (int, error) {
	if _, err := s.store.Seal(ctx, sealBatch); err != nil {
		return 0, err
	}
	before := s.clock().Add(-age)
	e := history.New(sc.Instance.ID, s.clock(), sc.Actor, history.HistoryPrune, history.Target{Type: "History"})
	e.Detail = fmt.Sprintf("rows before %s deleted", before.Format(time.RFC3339))
	return s.store.Prune(ctx, sc.Instance.ID, before, e)
}
