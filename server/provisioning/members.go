package provisioning

import (
	"context"
	"maps"
	"slices"
	"strings"

	"muster/server/scim/filter"
	"muster/server/scim/patch"
	"muster/server/scim/schema"
)

// splitOperations tells the operations on members from those on the group's
// own attributes.
func splitOperations(ops []patch.Operation) (own, members []patch.Operation) {
	for _, o := range ops {
		if o.Attr.Name == "members" {
			o.Value, o.Values = byID(o.Value), byID(o.Values).([]any)
			members = append(members, o)
		} else {
			own = append(own, o)
		}
	}
	return own, members
}

// byID returns members with their ids, where a client names one by its URI
// alone.
func byID(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = map[string]any{"value": memberID(v)}
	}
	return out
}

// memberID returns the id of a member: its value, or what its URI ends in.
func memberID(v any) string {
	m, _ := v.(map[string]any)
	id, _ := m["value"].(string)
	if uri, _ := m["$ref"].(string); id == "" {
		id = uri[strings.LastIndexByte(uri, '/')+1:]
	}
	return id
}

// memberChange returns the change of members that operations make one after
// the other. Only an operation that chooses by something else than the id
// needs to read the members.
func (s *Service) memberChange(
	ctx context.Context, sc Scope, g *Group, ops []patch.Operation,
) (MemberChange, error) {
	d := delta{add: make(map[string]bool)}
	for _, o := range ops {
		ids, known := operands(o)
		selective := o.Filter != nil || o.Listed
		// Strict mode must know whether what is removed is there.
		if !known || selective && !sc.Policy.Tolerant() {
			return s.readMemberChange(ctx, sc, g, ops)
		}
		if o.Kind != patch.Remove {
			if err := checkIDs(ids); err != nil {
				return MemberChange{}, err
			}
		}
		switch {
		case o.Kind == patch.Replace, o.Kind == patch.Remove && !selective:
			d.clear(ids)
		default:
			d.set(ids, o.Kind == patch.Add)
		}
	}
	return d.change(), nil
}

// operands returns the ids of the members that an operation names, and
// whether these are all it depends on.
func operands(o patch.Operation) (ids []string, known bool) {
	switch {
	case o.Sub != nil:
		return nil, false
	case o.Listed:
		return memberIDs(o.Values), true
	case o.Filter == nil:
		list, _ := o.Value.([]any)
		return memberIDs(list), true
	}
	t, ok := o.Filter.(*filter.Test)
	if !ok || o.Kind != patch.Remove || t.Attr.Name != "value" || t.Op != filter.EQ {
		return nil, false
	}
	return []string{t.Operand.(string)}, true
}

// readMemberChange applies the operations to the members as they are.
func (s *Service) readMemberChange(
	ctx context.Context, sc Scope, g *Group, ops []patch.Operation,
) (MemberChange, error) {
	var list []any
	err := s.store.Members(ctx, []string{g.ID}, func(_ string, m Member) error {
		list = append(list, map[string]any{"value": m.ID, "type": m.Type, "display": m.Display})
		return nil
	})
	if err != nil {
		return MemberChange{}, err
	}
	r := schema.Resource{"displayName": g.DisplayName}
	if list != nil {
		r["members"] = list
	}
	after, err := patch.Apply(s.groups, r, ops, sc.Policy)
	if err != nil {
		return MemberChange{}, err
	}
	_, ids := splitMembers(after)
	return MemberChange{Clear: true, Add: ids}, checkIDs(ids)
}

// delta adds up what operations do to members.
type delta struct {
	cleared bool
	add     map[string]bool // id → added (true) or removed (false)
}

func (d *delta) clear(ids []string) {
	d.cleared = true
	d.add = make(map[string]bool)
	d.set(ids, true)
}

func (d *delta) set(ids []string, added bool) {
	for _, id := range ids {
		if ValidID(id) { // no other can be there to be removed
			d.add[id] = added
		}
	}
}

func (d *delta) change() MemberChange {
	c := MemberChange{Clear: d.cleared}
	for _, id := range slices.Sorted(maps.Keys(d.add)) {
		switch added := d.add[id]; {
		case added:
			c.Add = append(c.Add, id)
		case !d.cleared:
			c.Remove = append(c.Remove, id)
		}
	}
	return c
}
