package steps

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/features/harness"
	"muster/secevent"
)

// NewTarget makes an instance on a harness's own server, and returns the server
// as one reaches it with a key of that instance.
func NewTarget(ctx context.Context, h *harness.Harness, slug string) (harness.Target, error) {
	w := &world{
		h: h, tag: "target", keys: make(map[string]string), keyIDs: make(map[string]string),
		dir: h.Dir,
	}
	err := w.anInstance(ctx, slug)
	return harness.Target{
		BaseURL: "http://" + h.Server.Address + "/scim/v2", Token: w.keys[slug],
	}, err
}

// scimClient sends requests as a scenario of the protocol describes them.
type scimClient struct {
	base, token string
	// headers are for the next request.
	headers map[string]string
	answer  *scimAnswer
	// created is what the scenario created, to be deleted.
	created []resource
	// offer is what our own server announces, once it was read.
	offer *harness.Offer
	// asked is the last request: "PATCH /Users/{id}".
	asked string
	log   []string
}

type scimAnswer struct {
	status int
	header http.Header
	text   string
	body   any
}

func (a *scimAnswer) String() string { return fmt.Sprintf("%d %s", a.status, a.text) }

// client returns the scenario's client. At a server of our own it has the key
// of an instance of the scenario's own.
func (w *world) client(ctx context.Context) (*scimClient, error) {
	if w.scim != nil {
		return w.scim, nil
	}
	c := &scimClient{headers: make(map[string]string)}
	if t := w.h.Foreign; t != nil && w.keys["acme"] != "" && w.h.Admin != "" {
		c.base, c.token = t.BaseURL, w.keys["acme"]
	} else if t != nil {
		c.base, c.token = t.BaseURL, t.Token
	} else {
		if w.keys["acme"] == "" {
			if err := w.anInstance(ctx, "acme"); err != nil {
				return nil, err
			}
		}
		c.base, c.token = w.recorder.URL+"/scim/v2", w.keys["acme"]
	}
	w.scim = c
	return c, nil
}

// send sends a request and keeps the answer. A path that begins with "//"
// is taken from the root of the server.
func (w *world) send(ctx context.Context, method, path, body string) error {
	c, err := w.client(ctx)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if w.h.Foreign != nil {
		// A request that was begun is finished, in the time that the client has:
		// else nobody would know what it created.
		ctx = context.WithoutCancel(ctx)
	}
	path, body = w.fill(path), w.fill(body)
	target := c.base + path
	r, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/scim+json")
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/scim+json")
	}
	for name, value := range c.headers {
		r.Header.Del(name)
		if value != "" {
			r.Header.Set(name, w.fill(value))
		}
	}
	c.headers = make(map[string]string)
	client := w.h.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return err
	}
	c.asked = method + " " + endpoint(path)
	c.answer = &scimAnswer{status: res.StatusCode, header: res.Header, text: string(text)}
	c.log = append(c.log,
		fmt.Sprintf("%s %s %s\n  → %s", method, path, clip(body), clip(c.answer.String())))
	if location := res.Header.Get("Location"); res.StatusCode == http.StatusCreated {
		c.note(location) // also if the rest is not understood
	}
	kind := res.Header.Get("Content-Type")
	if len(bytes.TrimSpace(text)) > 0 && !strings.HasPrefix(kind, "text/csv") &&
		kind != secevent.MediaType {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&c.answer.body); err != nil {
			return fmt.Errorf("the answer is no JSON: %w: %s", err, c.answer)
		}
	}
	c.noteCreated(method, path)
	c.answer.body = w.listOfNothing(c.answer.body)
	return nil
}

// listOfNothing gives a ListResponse of somebody else's server without Resources
// the empty list: Section 3.4.2 of RFC 7644 asks for them only if there are any on
// the page. That null stands in their place is told once for all scenarios, in the
// survey.
func (w *world) listOfNothing(body any) any {
	list, ok := body.(map[string]any)
	if ok && w.h.Foreign != nil && list["totalResults"] != nil && list["Resources"] == nil {
		list["Resources"] = []any{}
	}
	return body
}

// resource is one that a scenario created, and the token that it did so with.
type resource struct{ path, token string }

// location is the end of a URL of a user or a group.
var location = regexp.MustCompile(`/(?:Users|Groups)/[^/?#]+$`)

// note keeps what was created at a URL.
func (c *scimClient) note(url string) {
	r := resource{location.FindString(url), c.token}
	if r.path != "" && !slices.Contains(c.created, r) {
		c.created = append(c.created, r)
	}
}

// noteCreated keeps what the last answer says was created: by a POST, or by an
// operation of a bulk request (Section 3.7 of RFC 7644).
func (c *scimClient) noteCreated(method, path string) {
	body, _ := c.answer.body.(map[string]any)
	if method != http.MethodPost || body == nil {
		return
	}
	path, _, _ = strings.Cut(path, "?")
	if id, ok := body["id"].(string); ok && c.answer.status == http.StatusCreated {
		c.note(strings.TrimRight(path, "/") + "/" + id)
	}
	operations, _ := body["Operations"].([]any)
	for _, o := range operations {
		o, _ := o.(map[string]any)
		if url, ok := o["location"].(string); ok && o["method"] == http.MethodPost {
			c.note(url)
		}
	}
}

func clip(s string) string {
	if len(s) > 1500 {
		return s[:1500] + "…"
	}
	return s
}

// cleanUpTime is how long a scenario may take to delete what it created.
const cleanUpTime = 30 * time.Second

// cleanUp deletes what a scenario created at a server of somebody else, the
// newest first.
func (w *world) cleanUp(ctx context.Context) {
	// Somebody may have stopped the run: then there is all the more to do.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	if w.h.Foreign != nil && w.h.Dir != "" {
		w.remoteCleanUp(ctx)
	}
	if w.scim == nil || w.h.Foreign == nil {
		return
	}
	for _, r := range slices.Backward(w.scim.created) {
		w.scim.headers = make(map[string]string)
		w.scim.token = r.token
		if err := w.send(ctx, http.MethodDelete, r.path, ""); err != nil {
			continue // it may be gone already
		}
	}
}

// fill replaces {name} by what a scenario remembers of that name, and {tag} by
// the scenario's own tag. Other braces stay.
func (w *world) fill(text string) string {
	pairs := []string{"{tag}", w.tag}
	for name, value := range w.ids {
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// pointer returns the value at a JSON pointer (RFC 6901).
func pointer(v any, path string) (any, error) {
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if path == "" || path == "/" {
			return v, nil
		}
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		if name, want, ok := strings.Cut(strings.Trim(part, "[]"), "="); ok && part[0] == '[' {
			if v = chosen(v, name, want); v == nil {
				return nil, fmt.Errorf("there is no %s", path)
			}
			continue
		}
		switch x := v.(type) {
		case map[string]any:
			value, ok := x[part]
			if !ok {
				return nil, fmt.Errorf("there is no %s", path)
			}
			v = value
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(x) {
				return nil, fmt.Errorf("there is no %s", path)
			}
			v = x[i]
		default:
			return nil, fmt.Errorf("there is no %s", path)
		}
	}
	return v, nil
}

// chosen returns the object of a list whose member is a text; nil if there is
// none. The order of a multi-valued attribute says nothing (Section 2.4 of RFC
// 7643).
func chosen(list any, member, text string) any {
	values, _ := list.([]any)
	for _, v := range values {
		if object, ok := v.(map[string]any); ok && object[member] == text {
			return object
		}
	}
	return nil
}

// announces reports whether the server says in its ServiceProviderConfig that a
// feature is supported. A server without one is taken to support all.
func (w *world) announces(ctx context.Context, feature string) (bool, error) {
	c, err := w.client(ctx)
	if err != nil {
		return false, err
	}
	if w.h.Offer != nil {
		return w.h.Offer.Announces(feature), nil
	}
	if c.offer == nil {
		before := c.answer
		if err := w.send(ctx, http.MethodGet, "/ServiceProviderConfig", ""); err != nil {
			return false, err
		}
		config, _ := c.answer.body.(map[string]any)
		c.offer, c.answer = &harness.Offer{Config: config}, before
	}
	return c.offer.Announces(feature), nil
}

// needs skips the scenario if the server does not announce a feature.
func (w *world) needs(ctx context.Context, feature string) error {
	ok, err := w.announces(ctx, feature)
	if err == nil && !ok {
		return w.lacks(feature)
	}
	return err
}
