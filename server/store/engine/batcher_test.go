package engine

import (
	"testing"

	"muster/server/store/pgtest"
)

// TestBoundIsTakenBack: if the end of a batch is given up, because the bound of
// its statements holds for it, too, the connection is not used again.
func TestBoundIsTakenBack(t *testing.T) {
	db, err := Open(t.Context(), pgtest.Open(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.LimitConnections(2)
	nothing := func(error) error { return nil }
	err = db.batcher.send(t.Context(), []segment{
		{[]Statement{beginTenant("")}, nothing},
		{[]Statement{{Query: "SELECT pg_sleep(1)"}}, func(outcome error) error { return outcome }},
	})
	if !db.timedOut(err) {
		t.Fatalf("got %v", err)
	}
	var timeout string
	if err := db.pool.GetContext(t.Context(), &timeout, "SHOW statement_timeout"); err != nil {
		t.Fatal(err)
	}
	if timeout != "0" {
		t.Errorf("a connection is left with a bound of %s", timeout)
	}
}
