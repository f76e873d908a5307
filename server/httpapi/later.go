package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"muster/server/asynchronous"
	"muster/server/events"
	"muster/server/instance"
	"muster/server/scim"
	"muster/server/scim/tolerance"
)

// requestsPath is where what came of a request is fetched, behind the base URL.
const requestsPath = "/Requests/"

// longestWait is how long a client may have the server wait at the most.
const longestWait = time.Minute

// preference is what a client prefers: Section 4 of RFC 7240.
type preference struct {
	// async is "respond-async", and wait how long it wants to wait nevertheless.
	async bool
	wait  time.Duration
}

// preferred reads the Prefer headers. Of several preferences of a name the first one
// counts, and what cannot be understood is no preference: Section 2 of RFC 7240.
func preferred(h http.Header) preference {
	var p preference
	values := h.Values("Prefer")
	if len(values) == 0 {
		return p
	}
	seen := make(map[string]bool)
	for item := range strings.SplitSeq(strings.Join(values, ","), ",") {
		item, _, _ = strings.Cut(item, ";")
		name, value, _ := strings.Cut(item, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if seen[name] {
			continue
		}
		seen[name] = true
		switch name {
		case "respond-async":
			p.async = true
		case "wait":
			n, err := strconv.Atoi(strings.Trim(strings.TrimSpace(value), `"`))
			if err == nil && n > 0 {
				p.wait = min(time.Duration(min(n, 1<<20))*time.Second, longestWait)
			}
		}
	}
	return p
}

// applied is the value of Preference-Applied.
func (p preference) applied() string {
	if p.wait == 0 {
		return "respond-async"
	}
	return "respond-async, wait=" + strconv.Itoa(int(p.wait.Seconds()))
}

// postponable reports whether the client may ask not to wait for what comes of a
// request: it changes something.
func (s *server) postponable(x *requestContext) bool {
	return s.Requests != nil && x.administrator == nil && x.resumed == nil &&
		(x.route.action != "" || x.route.path == Base+"/Bulk")
}

// accept keeps the request, to be done after it is answered: Section 2.5.1.1 of RFC
// 9967. A client who wants to wait gets the normal answer, if that is there in time.
func (s *server) accept(x *requestContext, p preference) error {
	if err := s.Admin.Instances.Current(x.Context()); err != nil {
		return err
	}
	r := &asynchronous.Request{
		Txn: asynchronous.NewTxn(), InstanceID: x.scope.Instance.ID, Accepted: time.Now(),
		Message: asynchronous.Message{
			Method: x.Method, Path: strings.TrimPrefix(x.URL.RequestURI(), Base), Base: x.base,
			Header: make(http.Header), Actor: x.scope.Actor,
		},
	}
	for _, name := range []string{"Accept", "Content-Type", "If-Match", "If-None-Match"} {
		if values := x.Header.Values(name); len(values) > 0 {
			r.Header[name] = values
		}
	}
	var err error
	if x.Method != http.MethodDelete {
		err = x.inTurn(s.turns(x), func() (err error) {
			r.Body, err = s.bodyToKeep(x)
			return err
		})
	}
	if err != nil {
		return x.refused(err)
	}
	done, err := s.Requests.Accept(x.Context(), r)
	if errors.Is(err, asynchronous.ErrFull) {
		return &scim.Error{
			Status: http.StatusServiceUnavailable, RetryAfter: 5 * time.Second, Limit: "waiting",
			Detail: strconv.Itoa(asynchronous.MaxWaiting) + " requests of the instance wait to " +
				"be done; this one was not accepted, send it again",
		}
	}
	if err != nil {
		return err
	}
	x.accepted = true
	h := x.answer.Header()
	h.Set("Preference-Applied", p.applied())
	if a := s.Requests.Wait(x.Context(), done, p.wait); a != nil {
		for name, values := range a.Header {
			h[name] = values
		}
		x.answer.WriteHeader(a.Status)
		_, err := x.answer.Write(a.Body)
		return err
	}
	h.Set("Set-Txn", r.Txn)
	h.Set("Location", x.base+requestsPath+r.Txn)
	return x.sendNothing(http.StatusAccepted)
}

// bodyToKeep reads the body of a request that is done later. What cannot be read at all
// is refused at once.
func (s *server) bodyToKeep(x *requestContext) ([]byte, error) {
	var raw map[string]any
	var err error
	if x.route.path == Base+"/Bulk" {
		if raw, err = s.bulkBody(x); err == nil {
			_, err = newBulk(raw)
		}
	} else {
		raw, err = x.body()
	}
	if err != nil {
		return nil, err
	}
	withoutPasswords(raw)
	return json.Marshal(raw)
}

// withoutPasswords empties passwords: they are dropped when the request is done, and
// must not be kept until then.
func withoutPasswords(v any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			withoutPasswords(x)
		}
	case map[string]any:
		for name, x := range v {
			switch {
			case strings.EqualFold(name, "password"):
				v[name] = ""
			case strings.EqualFold(name, "path") && isPassword(x):
				for other := range v {
					if strings.EqualFold(other, "value") {
						v[other] = ""
					}
				}
			default:
				withoutPasswords(x)
			}
		}
	}
}

// isPassword reports whether the path of an operation is that of a password.
func isPassword(path any) bool {
	text, _ := path.(string)
	at := strings.LastIndexAny(text, ":.")
	return strings.EqualFold(strings.TrimSpace(text[at+1:]), "password")
}

// bulkBody reads the body of a bulk request.
func (s *server) bulkBody(x *requestContext) (map[string]any, error) {
	if x.ContentLength > MaxBulkPayload {
		return nil, bulkTooLarge("the body is larger than %d bytes", MaxBulkPayload)
	}
	x.Body = http.MaxBytesReader(x.answer, x.Body, MaxBulkPayload)
	raw, err := x.body()
	if e := scim.AsError(err); e != nil && e.Status == http.StatusRequestEntityTooLarge {
		return nil, bulkTooLarge("the body is larger than %d bytes", MaxBulkPayload)
	}
	if err == nil {
		raw, err = tolerance.Bulk(raw, x.scope.Policy)
	}
	if err == nil {
		err = x.route.operation.checkBody(raw)
	}
	return raw, err
}

// txns are the transactions of requests, and of the operations of a Bulk.
var txns = regexp.MustCompile(`^([0-9a-f]{32})(:[0-9]+)?$`)

// completion answers with the event of what came of a request: the token itself, or
// those of all operations of a Bulk in the form of Section 2.4 of RFC 8936.
func (s *server) completion(x *requestContext) error {
	id := x.PathValue("id")
	unknown := &scim.Error{
		Status: http.StatusNotFound,
		Detail: "there is no request " + strconv.Quote(id) + ", or its completion is older than " +
			strconv.Itoa(int(asynchronous.KeepTime.Hours())) + " hours",
	}
	m := txns.FindStringSubmatch(id)
	if m == nil {
		return unknown
	}
	r, err := s.Requests.Request(x.Context(), x.scope.Instance.ID, m[1])
	if errors.Is(err, instance.ErrNotFound) {
		return unknown
	}
	if err != nil {
		return err
	}
	if key := x.credential.Key; key.Access == instance.UserAccess && key.ID != r.Actor.KeyID {
		return unknown
	}
	if r.Completed.IsZero() {
		x.answer.Header().Set("Retry-After", "1")
		return x.sendNothing(http.StatusAccepted)
	}
	sets := make(map[string]string)
	for _, e := range r.Events {
		jti, token, err := s.Events.Completion(x.Context(), e, r.Completed, r.Base)
		if err != nil {
			return err
		}
		if e.Txn == id {
			return x.sendJSON(http.StatusOK, events.MediaType, []byte(token))
		}
		sets[jti] = token
	}
	if id != m[1] {
		return unknown
	}
	body, err := json.Marshal(events.PollAnswer{Sets: sets})
	if err != nil {
		return err
	}
	return x.sendJSON(http.StatusOK, scim.MediaTypeJSON, body)
}
