// Package scripted is a small SCIM server for tests that behaves as told: its
// ids are counted, it ignores filters, or it answers what it is told to. It
// knows no more of SCIM than a provider needs, and keeps everything in memory.
package scripted

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Token is the bearer token that the server asks for.
const Token = "scripted"

// Resource is a user or a group.
type Resource = map[string]any

// Server is the server. Its fields may be set before it is used.
type Server struct {
	*httptest.Server
	// IgnoreFilters answers every lookup with everybody.
	IgnoreFilters bool
	// Answer, if it is not nil, is asked first: with true it has answered.
	Answer func(w http.ResponseWriter, r *http.Request, body Resource) bool

	mu     sync.Mutex
	kinds  map[string]map[string]Resource // by endpoint and id
	last   int
	writes []string
}

// New starts a server without users and groups. Its ids are n1, n2, ….
func New() *Server {
	s := &Server{kinds: map[string]map[string]Resource{"Users": {}, "Groups": {}}}
	s.Server = httptest.NewServer(s)
	return s
}

// BaseURL returns the base URL.
func (s *Server) BaseURL() string { return s.URL + "/scim/v2" }

// Add adds a resource, past the protocol, and returns its id.
func (s *Server) Add(kind string, r Resource) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(kind, r)
}

func (s *Server) add(kind string, r Resource) string {
	s.last++
	id := "n" + strconv.Itoa(s.last)
	r = maps.Clone(r)
	r["id"] = id
	s.kinds[kind][id] = r
	return id
}

// Set changes an attribute of a resource, past the protocol.
func (s *Server) Set(kind, id, name string, v any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kinds[kind][id][name] = v
}

// All returns the resources by their ids.
func (s *Server) All(kind string) map[string]Resource {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]Resource)
	for id, r := range s.kinds[kind] {
		all[id] = maps.Clone(r)
	}
	return all
}

// Writes returns the requests that would change something, as METHOD /path,
// and forgets them.
func (s *Server) Writes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.writes
	s.writes = nil
	return list
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	var body Resource
	if err != nil || len(text) > 0 && json.Unmarshal(text, &body) != nil {
		fail(w, http.StatusBadRequest, "the body is no JSON object")
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+Token {
		fail(w, http.StatusUnauthorized, "the token is another one")
		return
	}
	if s.Answer != nil && s.Answer(w, r, body) {
		return
	}
	s.Do(w, r, body)
}

// Do answers a request as the server does, for an Answer that wants to do
// something afterwards.
func (s *Server) Do(w http.ResponseWriter, r *http.Request, body Resource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/scim/v2/")
	if r.Method != http.MethodGet {
		s.writes = append(s.writes, r.Method+" /"+path)
	}
	kind, id, one := strings.Cut(path, "/")
	if s.kinds[kind] == nil {
		fail(w, http.StatusNotFound, "there is nothing at this path")
		return
	}
	if one {
		s.one(w, r, kind, id, body)
		return
	}
	s.many(w, r, kind, body)
}

func (s *Server) one(w http.ResponseWriter, r *http.Request, kind, id string, body Resource) {
	there := s.kinds[kind][id]
	if there == nil {
		fail(w, http.StatusNotFound, "there is no "+id)
		return
	}
	switch r.Method {
	case http.MethodPut:
		if s.taken(kind, id, body) {
			fail(w, http.StatusConflict, "the name is taken")
			return
		}
		body["id"] = id
		s.kinds[kind][id] = body
	case http.MethodPatch:
		patch(there, body)
	case http.MethodDelete:
		delete(s.kinds[kind], id)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(w, http.StatusOK, s.kinds[kind][id])
}

func (s *Server) many(w http.ResponseWriter, r *http.Request, kind string, body Resource) {
	if r.Method == http.MethodPost {
		if s.taken(kind, "", body) {
			fail(w, http.StatusConflict, "the name is taken")
			return
		}
		answer(w, http.StatusCreated, s.kinds[kind][s.add(kind, body)])
		return
	}
	query := r.URL.Query()
	matches := matcher(query)
	list := []Resource{}
	for _, id := range slices.SortedFunc(maps.Keys(s.kinds[kind]), byNumber) {
		if s.IgnoreFilters || matches(s.kinds[kind][id]) {
			list = append(list, s.kinds[kind][id])
		}
	}
	total := len(list)
	start, _ := strconv.Atoi(query.Get("startIndex"))
	list = list[min(max(start-1, 0), total):]
	if count, err := strconv.Atoi(query.Get("count")); err == nil {
		list = list[:min(count, len(list))]
	}
	answer(w, http.StatusOK, Resource{
		"schemas":      []string{"urn:ietf:params:scim:api:messages:2.0:ListResponse"},
		"totalResults": total, "startIndex": max(start, 1), "itemsPerPage": len(list),
		"Resources": list,
	})
}

// taken reports whether another resource has the userName.
func (s *Server) taken(kind, id string, body Resource) bool {
	for other, r := range s.kinds[kind] {
		if other != id && same(r["userName"], body["userName"]) {
			return true
		}
	}
	return false
}

func byNumber(a, b string) int {
	x, _ := strconv.Atoi(a[1:])
	y, _ := strconv.Atoi(b[1:])
	return x - y
}

// term is a comparison in a filter of equations that are joined by "or".
var term = regexp.MustCompile(`(\w+) eq ("(?:[^"\\]|\\.)*")`)

func matcher(query url.Values) func(Resource) bool {
	terms := term.FindAllStringSubmatch(query.Get("filter"), -1)
	return func(r Resource) bool {
		return len(terms) == 0 || slices.ContainsFunc(terms, func(m []string) bool {
			var want string
			return json.Unmarshal([]byte(m[2]), &want) == nil && same(r[m[1]], want)
		})
	}
}

func same(a, b any) bool {
	x, ok := a.(string)
	y, also := b.(string)
	return ok && also && strings.EqualFold(x, y)
}

// patch applies adds and removals of members, and replacements of attributes.
func patch(r, body Resource) {
	operations, _ := body["Operations"].([]any)
	for _, x := range operations {
		o, _ := x.(map[string]any)
		path, _ := o["path"].(string)
		op, _ := o["op"].(string)
		value, _ := o["value"].([]any)
		switch op = strings.ToLower(op); {
		case path == "members" && op == "add":
			members, _ := r["members"].([]any)
			r["members"] = append(members, value...)
		case strings.HasPrefix(path, "members") && op == "remove":
			members, _ := r["members"].([]any)
			r["members"] = slices.DeleteFunc(members, func(m any) bool {
				id := fmt.Sprint(m.(map[string]any)["value"])
				return strings.Contains(path, strconv.Quote(id)) ||
					slices.ContainsFunc(value,
						func(v any) bool { return v.(map[string]any)["value"] == id })
			})
		case path == "":
			if m, ok := o["value"].(map[string]any); ok {
				maps.Copy(r, m)
			}
		default:
			r[path] = o["value"]
		}
	}
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/scim+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func fail(w http.ResponseWriter, status int, detail string) {
	answer(w, status, Resource{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:Error"},
		"status":  strconv.Itoa(status), "detail": detail,
	})
}
