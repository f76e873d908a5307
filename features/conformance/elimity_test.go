package conformance_test

import (
	"bytes"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/features/harness"

	elimity "github.com/elimity-com/scim"
	"github.com/elimity-com/scim/errors"
	"github.com/elimity-com/scim/optional"
	"github.com/elimity-com/scim/schema"

	"muster/features/conformance"
	"muster/simulator/template"
)

// newElimity starts a small server on the library elimity-com/scim, as its
// documentation shows how: users and groups in memory, filters, no PATCH. It
// asks for the token "secret".
func newElimity(t *testing.T) (baseURL string) {
	t.Helper()
	baseURL, _ = startElimity(t)
	return baseURL
}

// startElimity returns what keeps its users, too.
func startElimity(t *testing.T) (baseURL string, users *elimityHandler) {
	t.Helper()
	users = &elimityHandler{unique: "userName", kept: make(map[string]elimity.Resource)}
	server, err := elimity.NewServer(&elimity.ServerArgs{
		ServiceProviderConfig: &elimity.ServiceProviderConfig{
			SupportFiltering: true, MaxResults: 100,
		},
		ResourceTypes: []elimity.ResourceType{
			{
				ID: optional.NewString("User"), Name: "User", Endpoint: "/Users",
				Schema: schema.CoreUserSchema(),
				SchemaExtensions: []elimity.SchemaExtension{
					{Schema: schema.ExtensionEnterpriseUser()},
				},
				Handler: users,
			},
			{
				ID: optional.NewString("Group"), Name: "Group", Endpoint: "/Groups",
				Schema: schema.CoreGroupSchema(),
				Handler: &elimityHandler{
					unique: "displayName", kept: make(map[string]elimity.Resource),
				},
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.StripPrefix("/scim",
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer secret" {
				w.Header().Set("WWW-Authenticate", "Bearer")
				http.Error(w,
					`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"401"}`,
					http.StatusUnauthorized)
				return
			}
			server.ServeHTTP(w, r)
		})))
	// some filters make the library panic
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	t.Cleanup(s.Close)
	return s.URL + "/scim/v2", users
}

// elimityHandler keeps the resources of one type.
type elimityHandler struct {
	unique string

	mu   sync.Mutex
	last int
	kept map[string]elimity.Resource
}

func (h *elimityHandler) taken(id string, a elimity.ResourceAttributes) bool {
	name, _ := a[h.unique].(string)
	for other, r := range h.kept {
		if is, _ := r.Attributes[h.unique].(string); other != id && strings.EqualFold(is, name) {
			return true
		}
	}
	return false
}

func (h *elimityHandler) keep(
	id string, created time.Time, a elimity.ResourceAttributes,
) (elimity.Resource, error) {
	if h.taken(id, a) {
		return elimity.Resource{}, errors.ScimErrorUniqueness
	}
	now := time.Now()
	r := elimity.Resource{
		ID: id, Attributes: a, Meta: elimity.Meta{Created: &created, LastModified: &now},
	}
	if s, ok := a["externalId"].(string); ok {
		r.ExternalID = optional.NewString(s)
	}
	h.kept[id] = r
	return r, nil
}

func (h *elimityHandler) Create(
	_ *http.Request, a elimity.ResourceAttributes,
) (elimity.Resource, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	return h.keep(strconv.Itoa(h.last), time.Now(), a)
}

func (h *elimityHandler) Get(_ *http.Request, id string) (elimity.Resource, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, ok := h.kept[id]
	if !ok {
		return r, errors.ScimErrorResourceNotFound(id)
	}
	return r, nil
}

func (h *elimityHandler) GetAll(
	_ *http.Request, p elimity.ListRequestParams,
) (elimity.Page, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	page := elimity.Page{Resources: []elimity.Resource{}}
	for _, id := range slices.Sorted(maps.Keys(h.kept)) {
		r := h.kept[id]
		if p.FilterValidator != nil && p.FilterValidator.PassesFilter(r.Attributes) != nil {
			continue
		}
		page.TotalResults++
		if page.TotalResults >= p.StartIndex && len(page.Resources) < p.Count {
			page.Resources = append(page.Resources, r)
		}
	}
	return page, nil
}

func (h *elimityHandler) Replace(
	_ *http.Request, id string, a elimity.ResourceAttributes,
) (elimity.Resource, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	old, ok := h.kept[id]
	if !ok {
		return old, errors.ScimErrorResourceNotFound(id)
	}
	return h.keep(id, *old.Meta.Created, a)
}

func (h *elimityHandler) Delete(_ *http.Request, id string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.kept[id]; !ok {
		return errors.ScimErrorResourceNotFound(id)
	}
	delete(h.kept, id)
	return nil
}

func (h *elimityHandler) Patch(
	*http.Request, string, []elimity.PatchOperation,
) (elimity.Resource, error) {
	return elimity.Resource{}, errors.ScimError{Status: http.StatusNotImplemented}
}

// TestElimityGuide: the scenarios of the guide give a sensible result there,
// too. The library refuses "active" as a text, which the run finds out.
func TestElimityGuide(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("with -short no processes are started")
	}
	base, _ := startElimity(t)
	dir := t.TempDir()
	simulator, err := harness.Command(t.Context(), "simulator", dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := conformance.Run(t.Context(), harness.Target{BaseURL: base, Token: "secret"},
		conformance.Options{
			Simulator: simulator, Dir: dir, DefaultTemplate: template.Default(),
			HTML:  report(t, "html"),
			JUnit: report(t, "xml"),
		})
	if err != nil {
		t.Fatal(err)
	}
	topics := make(map[string]*conformance.Section)
	for _, s := range r.Sections {
		if s.Number == "" {
			topics[s.Title] = s
			t.Logf("%s: %d passed, %d failed, %d left out %v", s.Title, s.Passed, s.Guide,
				s.Unsupported, s.Lacks)
			for _, f := range s.Failures {
				t.Logf("    @%s %s: %.400s (%s)", f.Level, f.Scenario, f.Reason, f.Cause)
			}
		}
	}
	t.Logf("causes: %+v; survey: %v", r.Causes, r.Survey)
	if len(r.Survey) == 0 || !strings.Contains(r.Survey[0], `takes {"active": true}`) {
		t.Errorf("active was sent as a text, and nobody noticed: %v", r.Survey)
	}
	if s := topics["pickup"]; s == nil || s.Passed < 10 {
		t.Errorf("pickups, which the library can do: %+v", s)
	}
	if s := topics["duplicates"]; s == nil || s.Unsupported == 0 || len(s.Failures) > 0 {
		t.Errorf("there is no second instance, and it was tried: %+v", s)
	}
	if r.NotAsked["patch"] == 0 {
		t.Errorf("the library has no PATCH, and it was asked for: %v", r.NotAsked)
	}
}

// withoutActive returns the simulator's template without "active".
func withoutActive(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "simulator", "template", "default.json"))
	if err != nil {
		t.Fatal(err)
	}
	without := bytes.Replace(text, []byte("  \"active\": \"{$user.active}\",\n"), nil, 1)
	if bytes.Equal(without, text) {
		t.Fatal("the template has another form")
	}
	return without
}
