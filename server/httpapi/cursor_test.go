package httpapi

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/scim"
)

func cursorExchange(instanceID, digest string) *requestContext {
	return &requestContext{
		Request: httptest.NewRequest(http.MethodGet, "/", nil), route: &route{searched: "users"},
		digest: []byte(digest),
		scope:  provisioning.Scope{Instance: &instance.Instance{ID: instanceID}},
	}
}

var unreserved = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)

func TestCursor(t *testing.T) {
	x := cursorExchange("1", "digest")
	q := &search{sortBy: "userName"}
	value := "ana\u00efs@x \U0001f469"
	now := time.Now()
	c := &cursor{
		Query: x.fingerprint(q), Issued: now.Unix(), Type: 1,
		After: &provisioning.Position{Value: &value, ID: "7"}, Total: 9,
	}
	text, err := x.seal(c)
	if err != nil || !unreserved.MatchString(text) {
		t.Fatalf("%q, %v", text, err)
	}
	got, err := x.open(text, x.fingerprint(q), now)
	if err != nil || got.Type != 1 || *got.After.Value != value || got.After.ID != "7" ||
		got.Total != 9 {
		t.Fatalf("got %+v, %v", got, err)
	}
	again, err := x.seal(c)
	if err != nil || again == text {
		t.Errorf("the same cursor is sealed alike: %v", err)
	}
	filter := "userName pr"
	other := cursorExchange("2", "digest")
	for name, test := range map[string]struct {
		x     *requestContext
		query uint64
		at    time.Time
		want  scim.Type
	}{
		"another filter": {
			x, x.fingerprint(&search{sortBy: "userName", filter: &filter}), now, scim.InvalidCursor,
		},
		"another order": {
			x, x.fingerprint(&search{sortBy: "userName", descending: true}), now,
			scim.InvalidCursor,
		},
		"another key": {
			cursorExchange("1", "other"), x.fingerprint(q), now, scim.InvalidCursor,
		},
		"another instance": {other, other.fingerprint(q), now, scim.InvalidCursor},
		"an hour and a second": {
			x, x.fingerprint(q), now.Add(CursorTimeout + 2*time.Second), scim.ExpiredCursor,
		},
	} {
		if _, err := test.x.open(text, test.query, test.at); scim.AsError(err) == nil ||
			scim.AsError(err).Type != test.want {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := x.open(text, x.fingerprint(q), now.Add(CursorTimeout-time.Second)); err != nil {
		t.Errorf("just in time: %v", err)
	}
}

func FuzzCursor(f *testing.F) {
	x := cursorExchange("1", "digest")
	q := x.fingerprint(&search{})
	good, err := x.seal(&cursor{
		Query: q, Issued: time.Now().Unix(), After: &provisioning.Position{ID: "sealed by us"},
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "nonsense", good, good[:20], good + "A", "=" + good, "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := x.open(text, q, time.Now())
		// Each process of the fuzzer seals the seed anew.
		if err == nil && c.After != nil && c.After.ID == "sealed by us" {
			return
		}
		if e := scim.AsError(err); c != nil || e == nil || e.Type != scim.InvalidCursor {
			t.Errorf("%q: got %+v, %v", text, c, err)
		}
	})
}
