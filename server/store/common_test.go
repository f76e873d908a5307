package store

import (
	"fmt"
	"sync"
	"testing"

	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/store/pgtest"
)

// TestCommonValues: what an index answers can be a lot. Whoever asks for that
// is answered, by itself, and once; others are answered in the meantime; and no
// connection stays bounded.
func TestCommonValues(t *testing.T) {
	s, err := Open(t.Context(), pgtest.Open(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	much, little := &planned{t: t, s: s}, &planned{t: t, s: s}
	little.town("little", 3)
	much.instance("much")
	much.hot("first")
	_, err = s.db.Pool().ExecContext(t.Context(),
		`INSERT INTO users (id, instance_id, user_name, display, user_name_key, family_name_key, active, integration, role, source,
			resource, search, fields, version, created, modified)
			SELECT gen_random_uuid(), CAST($1 AS uuid), 'c' || n, 'c' || n, 'c' || n, 'common',
				true, false, '', '', repeat('x', 700),
				CAST('{"title":"' || repeat('t', 2000) || '"}' AS jsonb), '{}', 1, 0, 0
			FROM generate_series(1, 30000) AS n`, much.sc.Instance.ID)
	much.must(err)
	rt := much.users.UserType(much.sc.Instance)
	common := func() {
		ctx := instance.WithRevision(t.Context(), much.sc.Instance)
		list, page, err := much.users.Users(ctx, much.sc, provisioning.Query{
			Filter: much.filter(rt, `name.familyName eq "common" and title co "u"`), Limit: 10,
		})
		if err != nil || len(list) != 0 || page.Total != 0 {
			t.Errorf("none of the common ones: %d of %d, %v", len(list), page.Total, err)
		}
		list, page, err = much.users.Users(ctx, much.sc,
			provisioning.Query{Filter: much.filter(rt, `name.familyName eq "common"`), Limit: 10})
		ids := make(map[string]bool)
		for _, u := range list {
			ids[u.ID] = true
		}
		if err != nil || len(ids) != 10 || len(list) != 10 || page.Total != 30000 {
			t.Errorf("the common ones: %d, %d different, of %d, %v", len(list), len(ids),
				page.Total, err)
		}
	}
	common() // the queries are new
	if s.db.GoesAlone(much.sc.Instance.ID) {
		t.Error("what is new went with others")
	}
	var all sync.WaitGroup
	for n := range 16 {
		all.Go(func() {
			if n%2 == 0 {
				common()
				return
			}
			ctx := instance.WithRevision(t.Context(), little.sc.Instance)
			for i := range 50 {
				list, _, err := little.users.Users(ctx, little.sc, provisioning.Query{
					Filter: little.filter(rt, fmt.Sprintf(`userName eq "little%d"`, i%3)),
					Limit:  10,
				})
				if err != nil || len(list) != 1 {
					t.Errorf("little%d: %d, %v", i%3, len(list), err)
				}
			}
		})
	}
	all.Wait()
	if !s.db.GoesAlone(much.sc.Instance.ID) {
		t.Error("it still goes with others: the test shows nothing")
	}
	if s.db.GoesAlone(little.sc.Instance.ID) {
		t.Log("the other one was slow, too: this machine is busy")
	}
	for range 30 {
		var timeout string
		much.must(s.db.Pool().GetContext(t.Context(), &timeout, "SHOW statement_timeout"))
		if timeout != "0" {
			t.Fatalf("a connection stayed bounded: %s", timeout)
		}
	}
}
