package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
)

// drawnKey is what the model knows of a key.
type drawnKey struct {
	id, holder string
	ends       time.Time
	revoked    bool
}

// testExpiringKeys: whatever keys are made, rotated and revoked, those are told of
// that end within the window and are the last of their user, and nobody else.
func testExpiringKeys(t *testing.T, x *suite) {
	ctx, i := t.Context(), x.scope.Instance
	now := time.Now().Truncate(time.Millisecond)
	service := instance.NewService(x.store, x.store, func() time.Time { return now })
	holders := 0
	rapid.Check(t, func(r *rapid.T) {
		var keys []drawnKey
		for range rapid.IntRange(1, 3).Draw(r, "holders") {
			holders++
			h, err := x.users.AddUser(ctx, provisioning.Scope{Instance: i, Actor: administrator},
				provisioning.Account{
					Fields: mapping.Fields{
						mapping.UserName: x.name(fmt.Sprint("holder", holders)),
					},
					Integration: true, Role: instance.LiteAdmin,
				})
			fatal(t, err)
			for range rapid.IntRange(1, 3).Draw(r, "keys") {
				life := time.Duration(rapid.IntRange(1, 60).Draw(r, "days")) * 24 * time.Hour
				k, _, err := service.CreateKey(ctx, i,
					instance.KeyRequest{UserName: h.UserName(), Life: life}, administrator)
				fatal(t, err)
				keys = append(keys, drawnKey{k.ID, h.ID, k.Expires, false})
			}
		}
		for n := range keys {
			if rapid.IntRange(0, 3).Draw(r, "revoke") == 0 {
				_, err := service.RevokeKey(ctx, i, keys[n].id, administrator)
				fatal(t, err)
				keys[n].revoked = true
			}
		}
		window := time.Duration(rapid.IntRange(1, 60).Draw(r, "window")) * 24 * time.Hour
		got, err := x.store.ExpiringKeys(ctx, now, now.Add(window))
		fatal(t, err)
		var told []string
		for _, k := range got {
			if slices.ContainsFunc(keys, func(d drawnKey) bool { return d.id == k.KeyID }) {
				told = append(told, k.KeyID)
			}
		}
		slices.Sort(told)
		if want := lastToEnd(keys, now.Add(window)); !slices.Equal(told, want) {
			r.Fatalf("got %v, want %v of %s", told, want, fmt.Sprint(keys))
		}
	})
}

// lastToEnd returns the keys that are to be told of.
func lastToEnd(keys []drawnKey, until time.Time) (ids []string) {
	for _, k := range keys {
		last := !k.revoked && k.ends.Before(until)
		for _, other := range keys {
			if other.holder == k.holder && !other.revoked && other.ends.After(k.ends) {
				last = false
			}
		}
		if last {
			ids = append(ids, k.id)
		}
	}
	slices.Sort(ids)
	return ids
}
