package administration_test

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"muster/server/administration"
	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/store"
)

// office is one of several servers on a database.
func office(t *testing.T, name string) *administration.Service {
	t.Helper()
	s, err := store.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	users, err := provisioning.NewService(s, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	return &administration.Service{Instances: instance.NewService(s, s, nil), Users: users}
}

// TestSetupIsNotLost: whatever several administrators change of one setup at the same
// moment, on several servers, is there afterwards; and who has looked at a setup that
// somebody else has changed since is told so, and changes nothing.
func TestSetupIsNotLost(t *testing.T) {
	ctx, name := t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "m.db")
	offices := []*administration.Service{office(t, name), office(t, name)}
	actor := history.Actor{Kind: history.Administrator, Name: "test"}
	_, err := offices[0].Instances.Create(ctx, instance.Instance{Slug: "acme"}, actor)
	if err != nil {
		t.Fatal(err)
	}
	scope := func(o *administration.Service) provisioning.Scope {
		t.Helper()
		sc, err := o.Scope(ctx, "acme", actor)
		if err != nil {
			t.Fatal(err)
		}
		return sc
	}
	const each = 6
	for n := range each {
		_, err := offices[0].Instances.AddField(ctx, scope(offices[0]).Instance,
			instance.Field{Name: fmt.Sprint("field", n), Type: "text"}, actor)
		if err != nil {
			t.Fatal(err)
		}
	}
	looked := scope(offices[0]) // all of them have looked at the same setup
	var administrators sync.WaitGroup
	for n := range each {
		o := offices[n%2]
		administrators.Go(func() {
			if err := o.MapField(ctx, looked, fmt.Sprintf("addresses[type eq %q].country",
				fmt.Sprint("t", n)), fmt.Sprint("field", n)); err != nil {
				t.Error(err)
			}
		})
		administrators.Go(func() {
			_, err := o.CreateRule(ctx, looked, administration.NewRule{
				Name: fmt.Sprint("rule", n), Field: string(mapping.ScimSyncJobTitle),
				Do: []string{"create:job-title"},
			})
			if err != nil {
				t.Error(err)
			}
		})
		administrators.Go(func() {
			if err := o.DefineType(ctx, looked, fmt.Sprint("type", n)); err != nil {
				t.Error(err)
			}
		})
	}
	administrators.Wait()
	now := scope(offices[1])
	rows, setup := 0, now.Instance.Workflow
	for _, r := range now.Instance.Mapping {
		if strings.HasPrefix(string(r.Field), "field") {
			rows++
		}
	}
	if rows != each || len(setup.Rules) != each || len(setup.ObjectTypes) < each {
		t.Errorf("%d rows, %d rules and %d types are there of %d each", rows, len(setup.Rules),
			len(setup.ObjectTypes), each)
	}

	// Of those who have looked at the same setup, and will have it so, one gets it.
	same := scope(offices[0])
	same.Exact = true
	outcomes := make(chan error, each)
	for n := range each {
		o := offices[n%2]
		administrators.Go(func() {
			_, err := o.AddField(ctx, same,
				instance.Field{Name: fmt.Sprint("exact", n), Type: "text"})
			outcomes <- err
		})
	}
	administrators.Wait()
	close(outcomes)
	made := 0
	for err := range outcomes {
		switch {
		case err == nil:
			made++
		case !errors.Is(err, instance.ErrChanged):
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("%d fields were added to the same setup, exactly", made)
	}

	looked.Exact = true
	for what, err := range map[string]error{
		"row":  offices[0].UnmapField(ctx, looked, "officePhone"),
		"type": offices[0].DefineType(ctx, looked, "late"),
	} {
		if !errors.Is(err, instance.ErrChanged) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	after := scope(offices[0])
	if len(after.Instance.Mapping) != len(now.Instance.Mapping) ||
		after.Instance.Workflow.HasType("late") {
		t.Error("what was refused was done")
	}
}
