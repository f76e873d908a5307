package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Analyze has the database learn what an import has changed in some tables, so
// that it plans by it at once, and not only when it finds the time.
func (db *DB) Analyze(ctx context.Context, tables ...string) error {
	if db.sqlite != nil {
		_, err := db.pool.ExecContext(ctx, "PRAGMA optimize")
		return err
	}
	// Not in parallel: for that a container has too little shared memory.
	list := strings.Join(tables, ", ")
	_, err := db.pool.ExecContext(ctx, "VACUUM (ANALYZE, PARALLEL 0) "+list)
	var refused *pgconn.PgError
	if errors.As(err, &refused) { // PostgreSQL's kin know no VACUUM
		_, err = db.pool.ExecContext(ctx, "ANALYZE "+tables[0])
	}
	return err
}

// analyzeInterval is how often it is asked whether a table has grown.
const analyzeInterval = 5 * time.Second

// KeepAnalyzed has PostgreSQL analyze a table that has grown tenfold since it
// last did, until ctx ends. Autovacuum comes by once a minute at the best, and
// in some deployments never; in a minute a first sync writes most of a company.
func (db *DB) KeepAnalyzed(ctx context.Context, log *slog.Logger, tables ...string) {
	if db.sqlite != nil {
		return
	}
	known := make(map[string]int64)
	for {
		if err := db.AnalyzeGrown(ctx, tables, known); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "tables not analyzed; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(analyzeInterval):
		}
	}
}

// tableSizes reads how many rows the tables have, and how many of them have
// changed since they were analyzed.
const tableSizes = `SELECT relname, n_live_tup, n_mod_since_analyze
	FROM pg_stat_user_tables WHERE schemaname = ANY (current_schemas(false))`

// AnalyzeGrown analyzes the tables that have grown. known are the rows of those
// that it has analyzed: where the database does not let it, it is not asked
// again until the table has grown once more.
func (db *DB) AnalyzeGrown(
	ctx context.Context, tables []string, known map[string]int64,
) error {
	var rows []struct {
		Table   string `db:"relname"`
		Rows    int64  `db:"n_live_tup"`
		Changed int64  `db:"n_mod_since_analyze"`
	}
	if err := db.List(ctx, &rows, tableSizes); err != nil {
		return err
	}
	for _, r := range rows {
		grown := r.Rows >= 10 && 10*(r.Rows-r.Changed) < r.Rows && r.Rows >= 10*known[r.Table]
		if !grown || !slices.Contains(tables, r.Table) {
			continue
		}
		table := pgx.Identifier{r.Table}.Sanitize()
		if _, err := db.pool.ExecContext(ctx, "ANALYZE "+table); err != nil {
			return fmt.Errorf("analyze %s: %w", r.Table, err)
		}
		known[r.Table] = r.Rows
	}
	return nil
}
