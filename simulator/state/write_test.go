package state

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// What many write at the same moment is committed together, and is in the file
// for another process by the time each of them is told.
func TestWritesTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	f, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	other, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for n := range 40 {
				key := fmt.Sprint(worker, "-", n)
				r := &Record{Key: key, Creating: true}
				if err := f.Save(t.Context(), "a", r); err != nil {
					t.Error(err)
				}
				r.Creating, r.RemoteID = false, "id-"+key
				if err := f.SaveAndLog(t.Context(), "a", r,
					Entry{Time: time.Now(), App: "a", User: key}); err != nil {
					t.Error(err)
				}
				if got, err := other.ByRemote(t.Context(), "a", "id-"+key); err != nil ||
					got == nil || got.Key != key || got.Creating {
					t.Errorf("%s: another process reads %+v, %v", key, got, err)
				}
				if n%4 == 0 {
					if err := f.Forget(t.Context(), "a", key); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	n := 0
	if err := other.EachRecord(t.Context(), "a",
		func(*Record) error { n++; return nil }); err != nil || n != 8*30 {
		t.Errorf("%d records, %v", n, err)
	}
	if entries, err := other.Entries(t.Context(), "a"); err != nil || len(entries) != 8*40 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
}

// An account is found by its id without reading all records: nobody ever
// analyzes the file.
func TestByRemoteUsesTheIndex(t *testing.T) {
	f, err := Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var plan []struct {
		ID, Parent, NotUsed int
		Detail              string
	}
	if err := f.db.SelectContext(t.Context(), &plan, "EXPLAIN QUERY PLAN "+byRemote, "a",
		"b"); err != nil {
		t.Fatal(err)
	}
	if len(plan) != 1 || !strings.Contains(plan[0].Detail, "records_by_remote") {
		t.Errorf("%+v", plan)
	}
}
