package engine

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// statementTime is how long one statement of a batch may take, since the others
	// wait for it: what takes longer is given up, and asked again elsewhere.
	statementTime = "20ms"
	// slowTime is for how long a tenant that asked for more than that goes by
	// itself.
	slowTime = time.Minute
	// commonAtOnce is how many statements of one tenant, each of which may
	// turn out to be slow, wait for a batch or are in one.
	commonAtOnce = 32
	// maxSlowTenants and knownQueries are how many are remembered.
	maxSlowTenants, maxKnownQueries = 10_000, 500
)

// batchPolicy remembers what does not go together with others.
type batchPolicy struct {
	// slow are the tenants of which a statement took too long, until when.
	slow *lru.Cache[string, time.Time]
	// known are the queries that clients have put together before. One that is
	// new has to be planned, which takes longer than to run it.
	known *lru.Cache[string, struct{}]
	// underWay counts what may find many rows, by tenant.
	mu       sync.Mutex
	underWay map[string]int
}

func newBatchPolicy() *batchPolicy {
	slow, err := lru.New[string, time.Time](maxSlowTenants)
	if err != nil {
		panic(err) // only for a size of zero
	}
	known, err := lru.New[string, struct{}](maxKnownQueries)
	if err != nil {
		panic(err)
	}
	return &batchPolicy{slow: slow, known: known, underWay: make(map[string]int)}
}

// isSlow reports whether a tenant goes by itself now.
func (b *batchPolicy) isSlow(tenant string) bool {
	until, ok := b.slow.Get(tenant)
	return ok && time.Now().Before(until)
}

// enter lets a statement in that may find many rows, if there are not too many
// of its tenant. Whoever is in must call leave.
func (b *batchPolicy) enter(tenant string) (leave func(), ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.underWay[tenant] >= commonAtOnce {
		return nil, false
	}
	b.underWay[tenant]++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.underWay[tenant]--; b.underWay[tenant] == 0 {
			delete(b.underWay, tenant)
		}
	}, true
}

// isKnown reports whether a query was there before, and remembers it.
func (b *batchPolicy) isKnown(query string) bool {
	known, _ := b.known.ContainsOrAdd(query, struct{}{})
	return known
}

// GoesAlone reports whether the statements of a tenant go by themselves now,
// because one of them took too long.
func (db *DB) GoesAlone(tenant string) bool {
	return db.batcher != nil && db.batcher.isSlow(tenant)
}
