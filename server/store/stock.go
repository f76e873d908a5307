package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// TakeStock has the database learn what an import has changed, so that it
// plans by it at once, and not only when it finds the time.
func (s *Store) TakeStock(ctx context.Context) error {
	if s.lite != nil {
		_, err := s.db.ExecContext(ctx, "PRAGMA optimize")
		return err
	}
	// Not in parallel: for that a container has too little shared memory.
	_, err := s.db.ExecContext(ctx, "VACUUM (ANALYZE, PARALLEL 0) users, history")
	var refused *pgconn.PgError
	if errors.As(err, &refused) { // PostgreSQL's kin know no VACUUM
		_, err = s.db.ExecContext(ctx, "ANALYZE users")
	}
	return err
}

// stockInterval is how often it is asked whether a table has grown.
const stockInterval = 5 * time.Second

// stocked are the tables that grow with the people of a deployment.
func stocked() []string {
	return []string{"users", "groups", "group_users", "group_groups", "history", "user_objects", "objects"}
}

// KeepStock has PostgreSQL analyze a table that has grown tenfold since it last
// did, until ctx ends. Autovacuum comes by once a minute at the best, and in
// some deployments never; in a minute a first sync writes most of a company.
func (s *Store) KeepStock(ctx context.Context, log *slog.Logger) {
	if s.lite != nil {
		return
	}
	known := make(map[string]int64)
	for {
		if err := s.takeStock(ctx, known); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "tables not analyzed; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(stockInterval):
		}
	}
}

// takeStock analyzes the tables that have grown. known are the rows of those
// that it has analyzed: where the database does not let it, it is not asked
// again until the table has grown once more.
func (s *Store) takeStock(ctx context.Context, known map[string]int64) error {
	var rows []struct {
		Table   string `db:"relname"`
		Rows    int64  `db:"n_live_tup"`
		Changed int64  `db:"n_mod_since_analyze"`
	}
	err := s.list(ctx, &rows, "SELECT relname, n_live_tup, n_mod_since_analyze FROM pg_stat_user_tables WHERE schemaname = ANY (current_schemas(false))")
	if err != nil {
		return err
	}
	for _, r := range rows {
		grown := r.Rows >= 10 && 10*(r.Rows-r.Changed) < r.Rows && r.Rows >= 10*known[r.Table]
		if !grown || !slices.Contains(stocked(), r.Table) {
			continue
		}
		if _, err := s.db.ExecContext(ctx, "ANALYZE "+pgx.Identifier{r.Table}.Sanitize()); err != nil {
			return fmt.Errorf("analyze %s: %w", r.Table, err)
		}
		known[r.Table] = r.Rows
	}
	return nil
}
