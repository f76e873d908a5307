package tolerance

import (
	"strings"

	"muster/server/scim"
	"muster/server/scim/schema"
)

// Message brings the names of a message's members (PatchOp, SearchRequest,
// BulkRequest) into the spelling of the standard, given as names. A member
// that is not among them is refused.
func Message(raw map[string]any, kind string, names ...string) (map[string]any, error) {
	out := make(map[string]any, len(raw))
	for key, v := range raw {
		name := ""
		for _, n := range names {
			if strings.EqualFold(n, key) {
				name = n
			}
		}
		if name == "" {
			return nil, scim.BadRequest(scim.InvalidSyntax, "unknown member %q of a %s; it has %s", key, kind, strings.Join(names, ", "))
		}
		if _, twice := out[name]; twice {
			return nil, scim.BadRequest(scim.InvalidSyntax, "the body gives %q twice, in two spellings", name)
		}
		if v != nil {
			out[name] = v
		}
	}
	return out, nil
}

// Patch brings the decoded body of a PATCH into the shape of a PatchOp
// message, Section 3.5.2 of RFC 7644.
func Patch(rt *schema.ResourceType, raw map[string]any, p *Policy) (map[string]any, error) {
	if members, ok := members11(rt, raw); ok {
		if err := p.Allow(GroupPatch11); err != nil {
			return nil, err
		}
		return patch11(members), nil
	}
	m, err := Message(raw, "PatchOp", "schemas", "Operations")
	if err != nil {
		return nil, err
	}
	if err := messageSchemas(m, scim.PatchOpURN, p); err != nil {
		return nil, err
	}
	list, _ := m["Operations"].([]any)
	for i, v := range list {
		if list[i], err = operation(v, p); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Search brings the decoded body of a query into the shape of a SearchRequest
// message, Section 3.4.3 of RFC 7644.
func Search(raw map[string]any, p *Policy) (map[string]any, error) {
	m, err := Message(raw, "SearchRequest", "schemas", "attributes", "excludedAttributes", "filter", "sortBy", "sortOrder", "startIndex", "count", "cursor")
	if err != nil {
		return nil, err
	}
	return m, messageSchemas(m, scim.SearchRequestURN, p)
}

// Bulk brings the decoded body of a bulk request into the shape of a
// BulkRequest message, Section 3.7 of RFC 7644. The data of its operations
// stay as they are.
func Bulk(raw map[string]any, p *Policy) (map[string]any, error) {
	m, err := Message(raw, "BulkRequest", "schemas", "failOnErrors", "Operations")
	if err != nil {
		return nil, err
	}
	list, _ := m["Operations"].([]any)
	for i, v := range list {
		raw, ok := v.(map[string]any)
		if !ok {
			continue // validation says what is wrong with it
		}
		o, err := Message(raw, "bulk operation", "method", "bulkId", "version", "path", "data")
		if err != nil {
			return nil, err
		}
		if method, ok := o["method"].(string); ok {
			o["method"] = strings.ToUpper(method)
		}
		list[i] = o
	}
	return m, messageSchemas(m, scim.BulkRequestURN, p)
}

// operation brings the names of an operation and its "op" into shape. A
// value of null stays: it says that the attribute is to lose its value.
func operation(v any, p *Policy) (any, error) {
	raw, ok := v.(map[string]any)
	if !ok {
		return v, nil
	}
	o, err := Message(raw, "PATCH operation", "op", "path", "value")
	if err != nil {
		return nil, err
	}
	if op, ok := o["op"].(string); ok {
		if lower := strings.ToLower(op); lower != op {
			if err := p.Allow(OpLetterCase); err != nil {
				return nil, err
			}
			o["op"] = lower
		}
	}
	return o, nil
}

// messageSchemas checks that a message's "schemas" is the URN of its kind.
func messageSchemas(m map[string]any, urn string, p *Policy) error {
	list, _ := m["schemas"].([]any)
	for _, v := range list {
		if s, ok := v.(string); ok && strings.EqualFold(s, urn) {
			m["schemas"] = []any{urn}
			return nil
		}
	}
	if len(list) > 0 {
		return scim.BadRequest(scim.InvalidSyntax, `"schemas" must be [%q] in this message`, urn)
	}
	if err := p.Allow(MissingSchemas); err != nil {
		return err
	}
	m["schemas"] = []any{urn}
	return nil
}

// members11 returns the members of a group's PATCH as SCIM 1.1 has it: a
// partial group without operations.
func members11(rt *schema.ResourceType, raw map[string]any) ([]any, bool) {
	if rt.Schema.ID != scim.GroupURN {
		return nil, false
	}
	var members []any
	for name, v := range raw {
		switch strings.ToLower(name) {
		case "members":
			list, ok := v.([]any)
			if !ok {
				return nil, false
			}
			members = list
		case "schemas", "id", "displayname", "meta":
		default:
			return nil, false
		}
	}
	return members, members != nil
}

// patch11 returns the PatchOp message that says the same as the members of a
// SCIM 1.1 PATCH.
func patch11(members []any) map[string]any {
	var added, removed []any
	for _, v := range members {
		m, ok := v.(map[string]any)
		if !ok {
			added = append(added, v)
			continue
		}
		member := make(map[string]any, len(m))
		remove := false
		for name, v := range m {
			if strings.EqualFold(name, "operation") {
				op, _ := v.(string)
				remove = strings.EqualFold(op, "delete")
				continue
			}
			member[name] = v
		}
		if remove {
			removed = append(removed, member)
		} else {
			added = append(added, member)
		}
	}
	var operations []any
	if len(removed) > 0 {
		operations = append(operations, map[string]any{"op": "remove", "path": "members", "value": removed})
	}
	if len(added) > 0 || len(removed) == 0 {
		operations = append(operations, map[string]any{"op": "add", "path": "members", "value": added})
	}
	return map[string]any{"schemas": []any{scim.PatchOpURN}, "Operations": operations}
}
