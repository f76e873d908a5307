package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"muster/secevent"
)

// user is what the application knows of one.
type user struct {
	ID string `json:"id"`
	// Active is whether he or she may be signed in, and Version that of the event which
	// said so: events may come again, and those of long ago change nothing.
	Active  bool  `json:"active"`
	Version int64 `json:"version"`
	// Deleted users stay, so that an event that comes again brings nobody back.
	Deleted bool `json:"deleted,omitempty"`
	// Sessions is how many there are.
	Sessions int `json:"sessions"`
}

// table is who may be signed in.
type table struct {
	file string

	mu    sync.Mutex
	users map[string]user
}

func openTable(file string) (*table, error) {
	t := &table{file: file, users: make(map[string]user)}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	return t, json.Unmarshal(text, &t.users)
}

// prefix is that of the events of RFC 9967.
const prefix = "urn:ietf:params:scim:event:"

// take takes an event. It returns once the table is safe on disk: what is acknowledged is
// not sent again.
func (t *table) take(token *secevent.Token) error {
	id, isUser := strings.CutPrefix(token.Subject.URI, "/Users/")
	if !isUser {
		return nil // a group says nothing of who may be signed in
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.users[id]
	u := before
	u.ID = id
	changed := t.apply(&u, token)
	if !changed {
		return nil
	}
	t.users[id] = u
	if err := t.save(); err != nil {
		t.users[id] = before
		if before.ID == "" {
			delete(t.users, id)
		}
		return err // the event comes again
	}
	return nil
}

// apply changes a user as an event says, and reports whether anything has changed.
func (t *table) apply(u *user, token *secevent.Token) bool {
	version := token.Version()
	if u.Deleted || version > 0 && version <= u.Version {
		return false
	}
	was := *u
	for uri := range token.Events {
		switch strings.TrimPrefix(uri, prefix) {
		case "prov:activate", "feed:add":
			u.Active = true
		case "prov:deactivate":
			u.Active, u.Sessions = false, 0
		case "prov:delete", "feed:remove":
			u.Active, u.Sessions, u.Deleted = false, 0, uri == prefix+"prov:delete"
		}
	}
	u.Version = max(u.Version, version)
	return *u != was
}

// save writes the table beside the file, and puts it in its place.
func (t *table) save() error {
	text, err := json.MarshalIndent(t.users, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(t.file), ".users-")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), t.file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// list shows the table.
func (t *table) list(w http.ResponseWriter, _ *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]user, 0, len(t.users))
	for _, id := range slices.Sorted(maps.Keys(t.users)) {
		list = append(list, t.users[id])
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list) // the client may have gone
}

// signIn begins a session of a user who may have one.
func (t *table) signIn(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	u := t.users[r.PathValue("id")]
	if !u.Active {
		http.Error(w, "this user may not sign in", http.StatusForbidden)
		return
	}
	u.Sessions++
	t.users[u.ID] = u
	if err := t.save(); err != nil {
		http.Error(w, "the session could not be kept", http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
