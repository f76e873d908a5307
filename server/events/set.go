package events

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/server/history"
	"muster/server/scim"
)

// Subject is the "sub_id" of Section 2.1 of RFC 9967.
type Subject struct {
	Format     string `json:"format"`
	URI        string `json:"uri"`
	ExternalID string `json:"externalId,omitempty"`
	ID         string `json:"id,omitempty"`
}

// Claims are those of a Security Event Token (Section 2 of RFC 8417).
type Claims struct {
	Issuer   string   `json:"iss"`
	IssuedAt int64    `json:"iat"`
	ID       string   `json:"jti"`
	Audience []string `json:"aud"`
	Txn      string   `json:"txn"`
	// Time is that of the event, "toe".
	Time    int64   `json:"toe"`
	Subject Subject `json:"sub_id"`
	// Events are by their URIs.
	Events map[string]any `json:"events"`
}

// payload is that of Section 2.2 of RFC 9967: either Data or Attributes.
type payload struct {
	Version    string          `json:"version,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"`
	Attributes *[]string       `json:"attributes,omitempty"`
}

// current says whether a resource matches the filter of a feed now. It is asked where
// the history does not know what it was when it changed.
type current func(f *Feed, row history.Sealed) (bool, error)

// TokenID returns the "jti" of the event of a row for a feed. It is the same however
// often the event is sent, until the feed is rewound.
func (f *Feed) TokenID(seq int64) string {
	return fmt.Sprintf("%s.%d.%d", f.ID, f.Epoch, seq)
}

// place returns the place in the history that a "jti" of the feed stands for; ok is
// false for what is none of its own, or was sent before the feed was rewound.
func (f *Feed) place(jti string) (seq int64, ok bool) {
	rest, ok := strings.CutPrefix(jti, f.ID+"."+strconv.FormatInt(f.Epoch, 10)+".")
	if !ok {
		return 0, false
	}
	seq, err := strconv.ParseInt(rest, 10, 64)
	return seq, err == nil && seq > 0
}

// Claims returns what a row of the history tells the feed; nil if that is nothing.
// public is the server's address.
func (f *Feed) Claims(row history.Sealed, public string, now current) (*Claims, error) {
	list, err := f.events(row, public, now)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	c := &Claims{
		Issuer: public, ID: f.TokenID(row.Seq), Audience: []string{f.audience(public)},
		IssuedAt: time.Now().Unix(), Time: row.Time.Unix(), Txn: row.Txn(), Subject: subject(row),
		Events: list,
	}
	return c, nil
}

func (f *Feed) audience(public string) string {
	if f.Audience != "" {
		return f.Audience
	}
	return public + FeedPath(f.ID)
}

func subject(row history.Sealed) Subject {
	s := Subject{Format: "scim", ID: row.Target.ID, URI: "/" + row.Target.Type + "s"}
	if row.Target.ID != "" {
		s.URI += "/" + row.Target.ID
	}
	if row.Event == nil {
		return s
	}
	s.ExternalID = row.Event.ExternalID
	if row.Event.Result != nil {
		s.URI = row.Event.Result.URI
	}
	return s
}

// events returns the events of a row by their URIs: several for one change of state.
func (f *Feed) events(
	row history.Sealed, public string, now current,
) (map[string]any, error) {
	kind := typeOf(row)
	if kind == "" || f.Filter != "" && kind == AsyncResponse && row.Target.ID == "" {
		return nil, nil
	}
	s := history.Stays
	if f.Filter != "" {
		var err error
		if s, err = f.standing(row, now); err != nil {
			return nil, err
		}
	}
	list := make(map[Type]any)
	switch s {
	case history.Absent:
		return nil, nil
	case history.Leaves: // what has become of it is not for the feed any more
		return f.wanted(map[Type]any{FeedRemove: struct{}{}}), nil
	case history.Joins:
		list[FeedAdd] = struct{}{}
	}
	list[kind] = f.payload(row, kind, public)
	if kind != Delete {
		if t := activity(row); t != "" {
			list[t] = struct{}{}
		}
	}
	return f.wanted(list), nil
}

// wanted returns those events that the feed wants.
func (f *Feed) wanted(list map[Type]any) map[string]any {
	uris := make(map[string]any, len(list))
	for t, v := range list {
		if !f.wants(t) {
			continue
		}
		m := Notice
		if p, ok := v.(payload); ok && p.Data != nil {
			m = Full
		}
		uris[t.URI(m)] = v
	}
	return uris
}

// typeOf returns the type of the event of a row; "" if it changed nothing that can be
// seen over SCIM.
func typeOf(row history.Sealed) Type {
	if row.Action == history.RequestComplete && row.Event != nil && row.Event.Result != nil {
		return AsyncResponse
	}
	if row.Outcome != history.Done || row.Event != nil && row.Event.Concealed ||
		row.Target.ID == "" {
		return ""
	}
	switch row.Action {
	case history.UserCreate, history.GroupCreate:
		return Create
	case history.UserDelete, history.GroupDelete:
		return Delete
	case history.UserUpdate, history.UserPickUp, history.UserSuspend, history.UserReactivate,
		history.UserManager, history.GroupUpdate, history.GroupPickUp:
		if row.Event != nil && row.Event.Method == http.MethodPut {
			return Put
		}
		return Patch
	}
	return ""
}

// activity returns whether a user was activated or deactivated by a change: who is
// created active may sign in from then on, too.
func activity(row history.Sealed) Type {
	for _, c := range row.Changes {
		if row.Target.Type != "User" || c.Attribute != "active" {
			continue
		}
		if c.New == "false" {
			return Deactivate
		}
		return Activate // also where it is taken away: without it a user is active
	}
	return ""
}

// standing says how a row is to the feed's filter: as it was written down, or else as
// the resource is now.
func (f *Feed) standing(row history.Sealed, now current) (history.Standing, error) {
	if row.Event != nil {
		if s, ok := row.Event.Feeds[f.ID]; ok {
			return s, nil
		}
	}
	if matches, err := now(f, row); err != nil || !matches {
		return history.Absent, err
	}
	return history.Stays, nil
}

// payload returns what is told of a change: the data if the feed is to have them and
// they were kept, and else the names of the attributes.
func (f *Feed) payload(row history.Sealed, kind Type, public string) any {
	switch kind {
	case Delete:
		return struct{}{}
	case AsyncResponse:
		return completion(row.Event.Result)
	}
	var p payload
	e := row.Event
	if e != nil && e.Version > 0 {
		p.Version = scim.ETag(e.Version)
	}
	if f.Mode == Full && e != nil && e.Data != nil {
		p.Data = data(row, kind, public)
		return p
	}
	names := attributes(row)
	if kind == Create {
		names = append([]string{"id"}, names...)
	}
	p.Attributes = &names
	return p
}

// data returns the "data" of a change. That of a PATCH is its message, Section 3.5.2
// of RFC 7644; else it is the resource as an answer has it, with its id.
func data(row history.Sealed, kind Type, public string) json.RawMessage {
	if kind == Patch {
		return slices.Concat(
			[]byte(`{"schemas":["`+scim.PatchOpURN+`"],"Operations":`),
			row.Event.Data, []byte("}"))
	}
	text := row.Event.Data
	head := strings.IndexByte(string(text), ']') + 1 // behind "schemas"
	meta := marshal(map[string]any{
		"resourceType": row.Target.Type, "lastModified": row.Time,
		"location": public + "/scim/v2" + subject(row).URI, "version": scim.ETag(row.Event.Version),
	})
	return slices.Concat(text[:head], []byte(`,"id":`), marshal(row.Target.ID),
		text[head:len(text)-1], []byte(`,"meta":`), meta, []byte("}"))
}

// attributes returns the paths of what a row changed, each once, as the ABNF of paths
// has them: a value that has no type to tell it by is told by its attribute.
func attributes(row history.Sealed) []string {
	paths := []string{}
	add := func(path string) {
		if path != "" && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	if row.Event != nil {
		for _, path := range row.Event.Attributes {
			add(path)
		}
	}
	for _, c := range row.Changes {
		path := c.Attribute
		if open := strings.IndexByte(path, '['); open >= 0 && !strings.Contains(path, `eq "`) {
			path = path[:open]
		}
		add(path)
	}
	return paths
}
