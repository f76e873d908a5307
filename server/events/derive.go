package events

import (
	"encoding/json"
	"reflect"
	"slices"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/scim"
	"muster/server/scim/filter"
	"muster/server/scim/schema"
)

// maxMembers is how many members an event tells of: with more, it names the attribute
// only. Section 5 of RFC 9967 warns of groups that change often, and are large.
const maxMembers = 1000

// Filters are those of the feeds of an instance, ready to be applied.
type Filters struct {
	users, groups *schema.ResourceType
	// nodes are by the id of the feed, and then by the resource type.
	nodes map[string]map[*schema.ResourceType]filter.Node
}

// Compile makes the filters of an instance's feeds ready. One that is not right any
// more is left out: then the feed looks at the resource when it comes to the change.
func Compile(p instance.Publishing, users, groups *schema.ResourceType) *Filters {
	f := &Filters{users, groups, make(map[string]map[*schema.ResourceType]filter.Node)}
	for id, text := range p.Filters {
		if nodes, err := bind(text, users, groups); err == nil {
			f.nodes[id] = nodes
		}
	}
	return f
}

// bind makes a filter ready for each resource type.
func bind(text string, types ...*schema.ResourceType) (
	map[*schema.ResourceType]filter.Node, error,
) {
	e, err := filter.Parse(text, nil)
	if err != nil {
		return nil, err
	}
	nodes := make(map[*schema.ResourceType]filter.Node)
	for i, rt := range types {
		others := slices.Delete(slices.Clone(types), i, i+1)
		if nodes[rt], err = filter.BindAmong(rt, others, e, nil); err != nil {
			return nil, err
		}
	}
	return nodes, nil
}

// CheckFilter refuses the filter of a feed that cannot be applied to a change.
func CheckFilter(text string, users, groups *schema.ResourceType) error {
	nodes, err := bind(text, users, groups)
	if known := scim.AsError(err); known != nil {
		return instance.Refuse("the filter: %s", known.Detail)
	}
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if name := computed(n); name != "" {
			return instance.Refuse("the filter: %q is no part of what a change is about; filter "+
				"by attributes that are written with a resource, such as userType or displayName",
				name)
		}
	}
	return nil
}

// computed returns an attribute in a filter that is computed when a resource is
// read, or "".
func computed(n filter.Node) string {
	var a *schema.Attribute
	switch n := n.(type) {
	case *filter.AndNode:
		if name := computed(n.Left); name != "" {
			return name
		}
		return computed(n.Right)
	case *filter.OrNode:
		if name := computed(n.Left); name != "" {
			return name
		}
		return computed(n.Right)
	case *filter.NotNode:
		return computed(n.X)
	case *filter.Any:
		a = n.Attr
	case *filter.Test:
		a = n.Attr
	default:
		return ""
	}
	switch name := a.Top().Name; name {
	case "id", "meta", "groups", "members", "schemas":
		return name
	}
	return ""
}

// Matches reports whether a resource matches the filter of a feed; known is false if
// there is no such filter.
func (f *Filters) Matches(
	feedID string, rt *schema.ResourceType, r schema.Resource,
) (matches, known bool) {
	n := f.nodes[feedID][rt]
	return n != nil && r != nil && filter.Match(rt, n, r), n != nil
}

// Standings says how a change from before to after is to each feed with a filter. Nil
// is a resource that is not there.
func (f *Filters) Standings(
	rt *schema.ResourceType, before, after schema.Resource,
) map[string]history.Standing {
	if len(f.nodes) == 0 {
		return nil
	}
	standings := make(map[string]history.Standing, len(f.nodes))
	for id := range f.nodes {
		was, _ := f.Matches(id, rt, before)
		is, _ := f.Matches(id, rt, after)
		standings[id] = standing(was, is, before == nil, after == nil)
	}
	return standings
}

// standing names one. Who is new joins no feed, but is created in it; who is deleted
// leaves none: Section 2.4.4 of RFC 9967 has it that no feed:remove is sent then.
func standing(was, is, created, deleted bool) history.Standing {
	switch {
	case created && is, deleted && was, was && is:
		return history.Stays
	case is:
		return history.Joins
	case was:
		return history.Leaves
	}
	return history.Absent
}

// operation is one of a PATCH, Section 3.5.2 of RFC 7644.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path,omitempty"`
	Value any    `json:"value,omitempty"`
}

// PatchData returns the operations of a PATCH that makes after of before, with members
// that come and go, as JSON; nil if that is too much.
func PatchData(before, after schema.Resource, added, removed []string) json.RawMessage {
	if len(added)+len(removed) > maxMembers {
		return nil
	}
	list := []operation{}
	names := slices.Sorted(keysOf(before, after))
	for _, name := range names {
		old, now := before[name], after[name]
		if reflect.DeepEqual(old, now) || name == "schemas" {
			continue
		}
		if now == nil || lost(old, now) {
			list = append(list, operation{Op: "remove", Path: name})
		}
		if now != nil {
			list = append(list, operation{"replace", name, now})
		}
	}
	if len(added) > 0 {
		list = append(list, operation{"add", "members", Members(added)})
	}
	for _, id := range removed {
		list = append(list, operation{Op: "remove", Path: `members[value eq "` + id + `"]`})
	}
	return marshal(list)
}

// lost reports whether an object has lost a part: to replace it would keep that.
func lost(old, now any) bool {
	was, _ := old.(map[string]any)
	is, _ := now.(map[string]any)
	for name := range was {
		if is[name] == nil {
			return true
		}
	}
	return false
}

func keysOf(maps ...schema.Resource) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		seen := make(map[string]bool)
		for _, m := range maps {
			for name := range m {
				if !seen[name] && !yield(name) {
					return
				}
				seen[name] = true
			}
		}
	}
}

// Members returns a list of members with these ids.
func Members(ids []string) []any {
	list := make([]any, len(ids))
	for i, id := range ids {
		list[i] = map[string]any{"value": id}
	}
	return list
}

// ResourceData returns a stored resource with members, as JSON; nil if these are too
// many.
func ResourceData(text []byte, members []string) json.RawMessage {
	if len(members) > maxMembers {
		return nil
	}
	if len(members) == 0 {
		return slices.Clone(text)
	}
	list := marshal(Members(members))
	data := append(slices.Clone(text[:len(text)-1]), `,"members":`...)
	return append(append(data, list...), '}')
}

// marshal renders what can always be rendered.
func marshal(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return text
}
