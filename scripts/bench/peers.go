package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	elimity "github.com/elimity-com/scim"
	"github.com/elimity-com/scim/errors"
	"github.com/elimity-com/scim/optional"
	"github.com/elimity-com/scim/schema"
)

// servePeer serves one of the others that ours is compared with, and prints
// where.
func servePeer(h http.Handler) error {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "serving http://%s\n", l.Addr())
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	return s.Serve(l)
}

// bare answers /N with N bytes: what HTTP alone costs.
func bare() http.Handler {
	text := []byte(strings.Repeat("x", 16<<20))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		if err != nil || n > len(text) {
			http.Error(w, "a size", http.StatusBadRequest)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/scim+json")
		w.Header().Set("Content-Length", strconv.Itoa(n))
		_, _ = w.Write(text[:n])
	})
}

// newElimity returns a server on the library elimity-com/scim, with users in
// memory. It keeps them in their order and finds names by an index, so that
// what is measured is the library.
func newElimity() (http.Handler, error) {
	server, err := elimity.NewServer(&elimity.ServerArgs{
		ServiceProviderConfig: &elimity.ServiceProviderConfig{
			SupportFiltering: true, MaxResults: 200,
		},
		ResourceTypes: []elimity.ResourceType{{
			ID: optional.NewString("User"), Name: "User", Endpoint: "/Users",
			Schema:           schema.CoreUserSchema(),
			SchemaExtensions: []elimity.SchemaExtension{{Schema: schema.ExtensionEnterpriseUser()}},
			Handler: &elimityUsers{
				at: make(map[string]int), names: make(map[string]string),
			},
		}},
	})
	return http.StripPrefix("/scim", server), err
}

// elimityUsers keeps users.
type elimityUsers struct {
	mu    sync.RWMutex
	kept  []elimity.Resource
	at    map[string]int    // by id
	names map[string]string // user name → id
}

func (u *elimityUsers) Create(
	_ *http.Request, a elimity.ResourceAttributes,
) (elimity.Resource, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	name, _ := a["userName"].(string)
	name = strings.ToLower(name)
	if _, taken := u.names[name]; taken {
		return elimity.Resource{}, errors.ScimErrorUniqueness
	}
	now := time.Now()
	r := elimity.Resource{
		ID: strconv.Itoa(len(u.kept) + 1), Attributes: a,
		Meta: elimity.Meta{Created: &now, LastModified: &now},
	}
	u.at[r.ID] = len(u.kept)
	u.names[name] = r.ID
	u.kept = append(u.kept, r)
	return r, nil
}

func (u *elimityUsers) Get(_ *http.Request, id string) (elimity.Resource, error) {
	u.mu.RLock()
	defer u.mu.RUnlock()
	i, ok := u.at[id]
	if !ok {
		return elimity.Resource{}, errors.ScimErrorResourceNotFound(id)
	}
	return u.kept[i], nil
}

func (u *elimityUsers) GetAll(_ *http.Request, p elimity.ListRequestParams) (elimity.Page, error) {
	u.mu.RLock()
	defer u.mu.RUnlock()
	page := elimity.Page{Resources: []elimity.Resource{}}
	if p.FilterValidator == nil {
		from := min(max(p.StartIndex-1, 0), len(u.kept))
		page.TotalResults = len(u.kept)
		page.Resources = u.kept[from:min(from+p.Count, len(u.kept))]
		return page, nil
	}
	for _, r := range u.kept {
		if p.FilterValidator.PassesFilter(r.Attributes) != nil {
			continue
		}
		if page.TotalResults++; page.TotalResults >= p.StartIndex && len(page.Resources) < p.Count {
			page.Resources = append(page.Resources, r)
		}
	}
	return page, nil
}

func (u *elimityUsers) Replace(
	_ *http.Request, id string, a elimity.ResourceAttributes,
) (elimity.Resource, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	i, ok := u.at[id]
	if !ok {
		return elimity.Resource{}, errors.ScimErrorResourceNotFound(id)
	}
	now := time.Now()
	u.kept[i].Attributes = a
	u.kept[i].Meta.LastModified = &now
	return u.kept[i], nil
}

func (u *elimityUsers) Delete(*http.Request, string) error {
	return errors.ScimError{Status: http.StatusNotImplemented}
}

func (u *elimityUsers) Patch(
	_ *http.Request, id string, ops []elimity.PatchOperation,
) (elimity.Resource, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	i, ok := u.at[id]
	if !ok {
		return elimity.Resource{}, errors.ScimErrorResourceNotFound(id)
	}
	attributes := maps.Clone(u.kept[i].Attributes) // others read what was
	for _, o := range ops {
		if o.Path != nil && o.Op == elimity.PatchOperationReplace {
			attributes[o.Path.String()] = o.Value
		}
	}
	u.kept[i].Attributes = attributes
	return u.kept[i], nil
}
