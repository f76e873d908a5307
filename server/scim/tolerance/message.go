package tolerance

import (
	"encoding/json"
	"errors"
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
			return nil, scim.BadRequest(scim.InvalidSyntax, "unknown member %q of a %s; it has %s",
				key, kind, strings.Join(names, ", "))
		}
		if _, twice := out[name]; twice {
			return nil, scim.BadRequest(scim.InvalidSyntax,
				"the body gives %q twice, in two spellings", name)
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
	if isPatch11(rt, raw) {
		if err := p.Allow(GroupPatch11); err != nil {
			return nil, err
		}
		return patch11(raw)
	}
	raw, err := withoutEnvelope(raw, p)
	if err != nil {
		return nil, err
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

// withoutEnvelope leaves out of a message what names the resource that it is
// for: the URL does.
func withoutEnvelope(raw map[string]any, p *Policy) (map[string]any, error) {
	out := make(map[string]any, len(raw))
	for name, v := range raw {
		switch strings.ToLower(name) {
		case "id", "externalid", "meta":
			if err := p.Allow(EnvelopeMember); err != nil {
				return nil, err
			}
		default:
			out[name] = v
		}
	}
	return out, nil
}

// Search brings the decoded body of a query into the shape of a SearchRequest
// message, Section 3.4.3 of RFC 7644.
func Search(raw map[string]any, p *Policy) (map[string]any, error) {
	m, err := Message(raw, "SearchRequest", "schemas", "attributes", "excludedAttributes", "filter",
		"sortBy", "sortOrder", "startIndex", "count", "cursor")
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
	if m["failOnErrors"] == json.Number("0") {
		if err := p.Allow(FailOnNoErrors); err != nil {
			return nil, err
		}
		delete(m, "failOnErrors")
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
		if o["bulkId"] == "" {
			if err := p.Allow(BlankValue); err != nil {
				return nil, err
			}
			delete(o, "bulkId")
		}
		list[i] = o
	}
	return m, messageSchemas(m, scim.BulkRequestURN, p)
}

// operation brings the names of an operation and its "op" into shape. A value
// of null stays: it says that the attribute is to lose its value, where no
// value says nothing.
func operation(v any, p *Policy) (any, error) {
	raw, ok := v.(map[string]any)
	if !ok {
		return v, nil
	}
	o, err := Message(raw, "PATCH operation", "op", "path", "value", "name")
	if err != nil {
		return nil, err
	}
	if has(raw, "value") && o["value"] == nil {
		o["value"] = nil
	}
	if has(raw, "name") {
		if err := p.Allow(OperationName); err != nil {
			return nil, err
		}
		delete(o, "name")
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

// isPatch11 reports whether the body of a group's PATCH is as SCIM 1.1 has it:
// a partial group without operations.
func isPatch11(rt *schema.ResourceType, raw map[string]any) bool {
	members := false
	for name, v := range raw {
		switch strings.ToLower(name) {
		case "members":
			_, members = v.([]any)
		case "schemas", "id", "displayname":
		case "meta":
			if m, _ := v.(map[string]any); has(m, "attributes") {
				return false // which would be cleared, and nobody is known to send it
			}
		default:
			return false
		}
	}
	return members && rt.Schema.ID == scim.GroupURN
}

// patch11 returns the PatchOp message that says the same as a SCIM 1.1 PATCH
// of a group.
func patch11(raw map[string]any) (map[string]any, error) {
	var added, removed, operations []any
	for name, v := range raw {
		switch strings.ToLower(name) {
		case "displayname":
			if v == nil || v == "" {
				continue
			}
			operations = append(operations,
				map[string]any{"op": "replace", "path": "displayName", "value": v})
		case "members":
			for i, v := range v.([]any) {
				member, remove, err := member11(v)
				switch {
				case err != nil:
					return nil, scim.BadRequest(scim.InvalidValue, "members[%d]: %v", i, err)
				case remove:
					removed = append(removed, member)
				default:
					added = append(added, member)
				}
			}
		}
	}
	if len(removed) > 0 {
		operations = append(operations,
			map[string]any{"op": "remove", "path": "members", "value": removed})
	}
	if len(added) > 0 || len(operations) == 0 {
		operations = append(operations,
			map[string]any{"op": "add", "path": "members", "value": append([]any{}, added...)})
	}
	return map[string]any{"schemas": []any{scim.PatchOpURN}, "Operations": operations}, nil
}

// member11 returns a member without its "operation", and whether that removes
// the member.
func member11(v any) (member any, remove bool, err error) {
	m, ok := v.(map[string]any)
	if !ok {
		return v, false, nil
	}
	out := make(map[string]any, len(m))
	for name, v := range m {
		if !strings.EqualFold(name, "operation") {
			out[name] = v
			continue
		}
		op, _ := v.(string)
		remove = strings.EqualFold(op, "delete")
		if v != nil && op != "" && !remove && !strings.EqualFold(op, "add") {
			return nil, false, errors.New(
				`the operation must be "delete", or none to add the member`)
		}
	}
	return out, remove, nil
}
