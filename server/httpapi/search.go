package httpapi

import (
	"encoding/json"
	"strconv"
	"strings"

	"muster/server/scim"
	"muster/server/scim/filter"
	"muster/server/scim/schema"
	"muster/server/scim/tolerance"
)

// The sizes of a page.
const (
	DefaultCount = 100
	MaxCount     = 200
)

// search is a query as the client put it: in the URL (Section 3.4.2 of RFC
// 7644), or in the body of a SearchRequest (Section 3.4.3).
type search struct {
	filter     *string // nil without one
	sortBy     string
	descending bool
	// start and count are nil if they are not given.
	start, count *int
	// cursor is nil without one, and empty for the first page.
	cursor               *string
	attributes, excluded []string
}

// urlSearch reads a query from the URL. The contract has checked that numbers
// are numbers.
func (x *requestContext) urlSearch() *search {
	q := x.query
	text := func(name string) *string {
		if !q.Has(name) {
			return nil
		}
		s := q.Get(name)
		return &s
	}
	number := func(name string) *int {
		n, err := strconv.Atoi(q.Get(name))
		if err != nil {
			return nil
		}
		return &n
	}
	return &search{
		filter: text("filter"), cursor: text("cursor"), start: number("startIndex"),
		count:  number("count"),
		sortBy: q.Get("sortBy"), descending: q.Get("sortOrder") == "descending",
		attributes: names(q.Get("attributes")), excluded: names(q.Get("excludedAttributes")),
	}
}

// bodySearch reads a query from a SearchRequest message.
func (x *requestContext) bodySearch() (*search, error) {
	raw, err := x.body()
	if err == nil {
		raw, err = tolerance.Search(raw, x.scope.Policy)
	}
	if err == nil {
		err = x.route.operation.checkBody(raw)
	}
	if err != nil {
		return nil, err
	}
	text := func(name string) *string {
		s, ok := raw[name].(string)
		if !ok {
			return nil
		}
		return &s
	}
	number := func(name string) *int {
		n, _ := raw[name].(json.Number)
		i, err := strconv.Atoi(n.String())
		if err != nil {
			return nil
		}
		return &i
	}
	list := func(name string) (paths []string) {
		values, _ := raw[name].([]any)
		for _, v := range values {
			s, _ := v.(string)
			paths = append(paths, names(s)...)
		}
		return paths
	}
	q := &search{
		filter: text("filter"), cursor: text("cursor"), start: number("startIndex"),
		count:      number("count"),
		attributes: list("attributes"), excluded: list("excludedAttributes"),
	}
	q.sortBy, _ = raw["sortBy"].(string)
	q.descending = raw["sortOrder"] == "descending"
	return q, nil
}

// names splits a list of names at its commas.
func names(list string) []string {
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// limit returns how many resources a page holds at the most: less than 0
// means 0 (Table 6 of RFC 7644), and no more than MaxCount are returned.
func (q *search) limit() int {
	if q.count == nil {
		return DefaultCount
	}
	return min(max(*q.count, 0), MaxCount)
}

// offset returns how many resources come before the page: a start of less
// than 1 means 1.
func (q *search) offset() int {
	if q.start == nil {
		return 0
	}
	return max(*q.start, 1) - 1
}

// projection reads the attributes that the client wants, Section 3.9 of RFC
// 7644. In a query across resource types an attribute may be one of another.
func (q *search) projection(
	rt *schema.ResourceType, others []*schema.ResourceType, p *tolerance.Policy,
) (*schema.Projection, error) {
	own := func(paths []string) (list []string, err error) {
		for _, path := range paths {
			if path, err = tolerance.Path(rt, path, p); err != nil {
				return nil, err
			}
			a, extension := rt.Resolve(path)
			if a != nil || extension != nil || !known(others, path) {
				list = append(list, path)
			}
		}
		return list, nil
	}
	attributes, err := own(q.attributes)
	if err != nil {
		return nil, err
	}
	excluded, err := own(q.excluded)
	if err != nil {
		return nil, err
	}
	if len(attributes) == 0 && len(q.attributes) > 0 {
		attributes = []string{"id"} // what is always returned, and nothing else
	}
	return rt.Projection(attributes, excluded)
}

func known(types []*schema.ResourceType, path string) bool {
	for _, rt := range types {
		if a, extension := rt.Resolve(path); a != nil || extension != nil {
			return true
		}
	}
	return false
}

// node binds the filter to a resource type; nil without one.
func (q *search) node(
	rt *schema.ResourceType, others []*schema.ResourceType, p *tolerance.Policy,
) (filter.Node, error) {
	if q.filter == nil {
		return nil, nil
	}
	e, err := filter.Parse(*q.filter, p)
	if err != nil {
		return nil, err
	}
	return filter.BindAmong(rt, others, e, p)
}

// sort returns the attribute to sort by: of a complex one, its value.
func (q *search) sort(
	rt *schema.ResourceType, others []*schema.ResourceType, p *tolerance.Policy,
) (*schema.Attribute, error) {
	if q.sortBy == "" {
		return nil, nil
	}
	if len(others) > 0 {
		return nil, scim.BadRequest(scim.InvalidValue,
			"a query across resource types cannot be sorted; query /Users or /Groups")
	}
	path, err := tolerance.Path(rt, q.sortBy, p)
	if err != nil {
		return nil, err
	}
	a, _ := rt.Resolve(path)
	if a != nil && a.Type == schema.Complex {
		a = a.Sub("value")
	}
	if a == nil {
		return nil, scim.BadRequest(scim.InvalidValue,
			"cannot sort by %q: it is no simple attribute of a %s", q.sortBy, rt.Name)
	}
	return a, nil
}
