package harness

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Offer is what a server says that it offers, and how it takes what many clients
// send. Scenarios are not asked of a server that does not offer what they need.
type Offer struct {
	// Config is the server's ServiceProviderConfig (Section 5 of RFC 7643); nil
	// if it has none: then it is taken to support everything.
	Config map[string]any
	// types are the names of the resource types, extensions the schemas that
	// extend them; nil if the server tells none.
	types, extensions map[string]bool
	// Open reports that requests without a token are answered.
	Open bool
	// NullLists reports that a list of nothing has Resources of null.
	NullLists bool
	// TextActive reports that the server takes {"active": "true"}, and
	// BooleanActive that it takes {"active": true}.
	TextActive, BooleanActive bool
}

// Announces reports whether the server says that it supports a feature: patch,
// bulk, filter, sort, etag, changePassword, or cursor (RFC 9865).
func (o *Offer) Announces(feature string) bool {
	if feature == "cursor" || feature == "index" {
		pagination, _ := o.Config["pagination"].(map[string]any)
		return pagination[feature] == true
	}
	entry, ok := o.Config[feature].(map[string]any)
	if !ok {
		return feature != "pagination"
	}
	return entry["supported"] == true
}

// Has reports whether the server has a resource type, by its name.
func (o *Offer) Has(resourceType string) bool { return o.types == nil || o.types[resourceType] }

// Extends reports whether a schema extends one of the server's resource types.
func (o *Offer) Extends(schema string) bool {
	return o.extensions == nil || o.extensions[schema]
}

// Survey asks the server what it offers. It creates users of its own and deletes
// them again. It returns an error if the server cannot be reached or does not
// accept the token.
func (t Target) Survey(ctx context.Context) (*Offer, error) {
	o := &Offer{}
	config, err := t.probe(ctx)
	if err != nil {
		return nil, err
	}
	o.Config = config
	if status, types, err := t.ask(ctx, http.MethodGet, "/ResourceTypes", nil); err == nil &&
		status == http.StatusOK {
		o.readTypes(types)
	}
	if t.Token != "" {
		anybody := Target{BaseURL: t.BaseURL}
		status, _, err := anybody.ask(ctx, http.MethodGet, "/Users?count=1", nil)
		o.Open = err == nil && status == http.StatusOK
	} else {
		o.Open = true
	}
	if o.TextActive, err = t.takes(ctx, "true"); err != nil {
		return nil, err
	}
	if o.BooleanActive, err = t.takes(ctx, true); err != nil {
		return nil, err
	}
	nobody := "/Users?filter=userName+eq+%22nobody-" + strings.ToLower(rand.Text()) + "%22"
	if _, list, err := t.ask(ctx, http.MethodGet, nobody, nil); err == nil {
		resources, there := list["Resources"]
		o.NullLists = there && resources == nil
	}
	return o, ctx.Err()
}

// readTypes reads a list of resource types (Section 6 of RFC 7643).
func (o *Offer) readTypes(list map[string]any) {
	resources, _ := list["Resources"].([]any)
	if len(resources) == 0 {
		return
	}
	o.types, o.extensions = make(map[string]bool), make(map[string]bool)
	for _, v := range resources {
		r, _ := v.(map[string]any)
		name, _ := r["name"].(string)
		o.types[name] = true
		extensions, _ := r["schemaExtensions"].([]any)
		for _, v := range extensions {
			x, _ := v.(map[string]any)
			schema, _ := x["schema"].(string)
			o.extensions[schema] = true
		}
	}
}

// takes reports whether the server creates a user with such a value of active. What
// it began it ends, also after ctx is done: whoever stops waiting for the answer does
// not learn whom to delete.
func (t Target) takes(ctx context.Context, active any) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	ctx = context.WithoutCancel(ctx)
	status, user, err := t.ask(ctx, http.MethodPost, "/Users", map[string]any{
		"schemas":  []string{"urn:ietf:params:scim:schemas:core:2.0:User"},
		"userName": "muster-check-" + strings.ToLower(rand.Text()), "active": active,
	})
	if id, ok := user["id"].(string); ok && status == http.StatusCreated {
		_, _, gone := t.ask(ctx, http.MethodDelete, "/Users/"+id, nil)
		err = errors.Join(err, gone)
	}
	return status == http.StatusCreated, err
}

// Probe reports whether the server answers, and accepts the token.
func (t Target) Probe(ctx context.Context) error {
	_, err := t.probe(ctx)
	return err
}

func (t Target) probe(ctx context.Context) (map[string]any, error) {
	status, config, err := t.ask(ctx, http.MethodGet, "/ServiceProviderConfig", nil)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the server cannot be reached: %w", err)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		detail, _ := config["detail"].(string)
		return nil, fmt.Errorf("the server does not accept the token: %d %s", status,
			cmp.Or(detail, http.StatusText(status)))
	case status != http.StatusOK:
		return nil, nil
	}
	return config, nil
}

// ask sends a request, and decodes the answer. It fails if there is none, or one
// that is no JSON.
func (t Target) ask(
	ctx context.Context, method, path string, body any,
) (status int, answer map[string]any, err error) {
	var text bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&text).Encode(body); err != nil {
			return 0, nil, err
		}
	}
	base := strings.TrimSuffix(t.BaseURL, "/")
	r, err := http.NewRequestWithContext(ctx, method, base+path, &text)
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Accept", "application/scim+json")
	if body != nil {
		r.Header.Set("Content-Type", "application/scim+json")
	}
	if t.Token != "" {
		r.Header.Set("Authorization", "Bearer "+t.Token)
	}
	res, err := (&http.Client{Timeout: probeTime}).Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return 0, nil, err
	}
	if len(bytes.TrimSpace(got)) == 0 {
		return res.StatusCode, nil, nil
	}
	if !json.Valid(got) {
		return 0, nil, fmt.Errorf("the answer is no JSON: %d %.200s", res.StatusCode, got)
	}
	_ = json.Unmarshal(got, &answer) // what is no object has nothing to read
	return res.StatusCode, answer, nil
}

// probeTime is how long a server may take to answer.
const probeTime = 30 * time.Second
