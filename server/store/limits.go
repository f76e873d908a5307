package store

import (
	"context"
	"time"

	"muster/server/instance"
	"muster/server/limit"
)

// bucketLife is how long a bucket is kept that nobody takes from.
const bucketLife = time.Hour

// These statements take tokens, by the time of the database: the clocks of
// servers differ. Behind the client, the parameters are: what is left of a new
// bucket and what is taken from it; then what fits and the rate, of the bucket
// as it has filled; then, twice, how much is wanted, what fits and the rate.
const (
	takeTokensPostgres = `INSERT INTO rate_buckets AS b (client, tokens, at, granted)
	VALUES (?, CAST(? AS double precision),
		CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint),
		CAST(? AS double precision))
	ON CONFLICT (client) DO UPDATE SET
		tokens = least(CAST(? AS double precision),
				b.tokens + greatest(EXCLUDED.at - b.at, 0) * CAST(? AS double precision) / 1000)
			- least(CAST(? AS double precision), least(CAST(? AS double precision),
				b.tokens + greatest(EXCLUDED.at - b.at, 0) * CAST(? AS double precision) / 1000)),
		at = greatest(b.at, EXCLUDED.at),
		granted = least(CAST(? AS double precision), least(CAST(? AS double precision),
				b.tokens + greatest(EXCLUDED.at - b.at, 0) * CAST(? AS double precision) / 1000))
	RETURNING granted`

	takeTokensSQLite = `INSERT INTO rate_buckets AS b (client, tokens, at, granted)
	VALUES (?, CAST(? AS double precision),
		CAST((julianday('now') - 2440587.5) * 86400000 AS integer),
		CAST(? AS double precision))
	ON CONFLICT (client) DO UPDATE SET
		tokens = min(CAST(? AS double precision),
				b.tokens + max(EXCLUDED.at - b.at, 0) * CAST(? AS double precision) / 1000)
			- min(CAST(? AS double precision), min(CAST(? AS double precision),
				b.tokens + max(EXCLUDED.at - b.at, 0) * CAST(? AS double precision) / 1000)),
		at = max(b.at, EXCLUDED.at),
		granted = min(CAST(? AS double precision), min(CAST(? AS double precision),
				b.tokens + max(EXCLUDED.at - b.at, 0) * CAST(? AS double precision) / 1000))
	RETURNING granted`
)

// TakeTokens takes up to want tokens from the bucket of a client, which all
// servers share, and returns how many there were. The bucket fills at a rate,
// up to what fits into it.
func (s *Store) TakeTokens(
	ctx context.Context, client string, want, perSecond, fits float64,
) (granted float64, err error) {
	query := takeTokensSQLite
	if s.db.Postgres {
		query = takeTokensPostgres
	}
	first := min(want, fits) // a bucket that is new is full
	args := []any{
		client, fits - first, first, fits, perSecond, want, fits, perSecond, want, fits, perSecond,
	}
	ctx = instance.WithTenant(ctx, "") // the bucket is none of the instance's own
	err = s.update(ctx, func(t *tx) error { return t.Get(ctx, &granted, query, args...) })
	return granted, err
}

// ledgerLife is how long the database keeps who was held back.
const ledgerLife = 30 * 24 * time.Hour

const (
	noteHeld = `INSERT INTO held_back AS b
		(hour, instance, key_id, address, limit_name, n, first_at, last_at)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (hour, instance, key_id, address, limit_name)
	DO UPDATE SET n = b.n + EXCLUDED.n, last_at = EXCLUDED.last_at`

	selectHeld = `SELECT instance, key_id, address, limit_name, CAST(sum(n) AS bigint) AS n,
		min(first_at) AS first_at, max(last_at) AS last_at
	FROM held_back WHERE hour >= ? AND (? = '' OR instance = ?)
	GROUP BY instance, key_id, address, limit_name
	ORDER BY n DESC, instance, key_id, address, limit_name`
)

// NoteHeld adds to who was held back.
func (s *Store) NoteHeld(ctx context.Context, list []limit.Tally) error {
	return s.update(ctx, func(t *tx) error {
		for _, h := range list {
			_, err := t.Exec(ctx,
				noteHeld,
				millis(h.First.Truncate(time.Hour)), h.Instance, h.Key, h.Address, h.Limit, h.N,
				millis(h.First), millis(h.Last))
			if err != nil {
				return err
			}
		}
		now := time.Now()
		if _, err := t.Exec(ctx, "DELETE FROM held_back WHERE hour < ?",
			millis(now.Add(-ledgerLife))); err != nil {
			return err
		}
		_, err := t.Exec(ctx, "DELETE FROM rate_buckets WHERE at < ?", millis(now.Add(-bucketLife)))
		return err
	})
}

// Held returns who was held back since a time, to the hour, of an instance or,
// if its name is empty, of all: whom it happened to most often first.
func (s *Store) Held(ctx context.Context, slug string, since time.Time) ([]limit.Tally, error) {
	var rows []struct {
		Instance string `db:"instance"`
		Key      string `db:"key_id"`
		Address  string `db:"address"`
		Limit    string `db:"limit_name"`
		N        int    `db:"n"`
		First    int64  `db:"first_at"`
		Last     int64  `db:"last_at"`
	}
	err := s.db.List(ctx, &rows,
		selectHeld, millis(since.Truncate(time.Hour)),
		slug, slug)
	list := make([]limit.Tally, len(rows))
	for i, r := range rows {
		list[i] = limit.Tally{
			Refusal: limit.Refusal{
				Limit: r.Limit, Instance: r.Instance, Key: r.Key, Address: r.Address,
			},
			N: r.N, First: fromMillis(r.First), Last: fromMillis(r.Last),
		}
	}
	return list, err
}
