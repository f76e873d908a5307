package httpapi

import (
	"bytes"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/schema"
)

// view renders resources with what is computed: id, groups, members, the
// manager, meta.
type view struct {
	base string
	rt   *schema.ResourceType
	// projection is nil for the default: then the stored text is used as it
	// is, with the computed parts inserted.
	projection *schema.Projection
}

// timestamps in meta have the precision that is stored.
const timestamp = "2006-01-02T15:04:05.000Z"

func quoted(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}

func (v *view) location(id string) string { return v.base + v.rt.Endpoint + "/" + id }

// meta is what Section 3.1 of RFC 7643 says of every resource.
type meta struct {
	id                string
	version           int64
	created, modified time.Time
}

// splice inserts into a stored text the id behind "schemas", and the given
// members and meta at the end.
func (v *view) splice(dst, text, members []byte, m meta) []byte {
	head := bytes.IndexByte(text, ']') + 1
	dst = append(dst, text[:head]...)
	dst = append(dst, `,"id":`...)
	dst = quoted(dst, m.id)
	dst = append(dst, text[head:len(text)-1]...)
	dst = append(dst, members...)
	dst = append(dst, `,"meta":{"resourceType":"`...)
	dst = append(dst, v.rt.Name...)
	dst = append(dst, `","created":"`...)
	dst = m.created.AppendFormat(dst, timestamp)
	dst = append(dst, `","lastModified":"`...)
	dst = m.modified.AppendFormat(dst, timestamp)
	dst = append(dst, `","location":`...)
	dst = quoted(dst, v.location(m.id))
	dst = append(dst, `,"version":`...)
	dst = quoted(dst, scim.ETag(m.version))
	return append(dst, "}}"...)
}

// project renders a complete text with the attributes that the client wants.
func (v *view) project(dst, text []byte) ([]byte, error) {
	r, err := v.rt.Decode(text)
	if err != nil {
		return nil, err
	}
	return v.rt.Append(dst, v.projection.Apply(v.rt, r)), nil
}

// user appends a user to dst.
func (v *view) user(dst []byte, u *provisioning.User) ([]byte, error) {
	text := v.withManager(u)
	var members []byte
	for i, g := range u.Groups {
		if i == 0 {
			members = append(members, `,"groups":[`...)
		} else {
			members = append(members, ',')
		}
		members = append(members, `{"value":`...)
		members = quoted(members, g.GroupID)
		members = append(members, `,"$ref":`...)
		members = quoted(members, v.base+"/Groups/"+g.GroupID)
		members = append(members, `,"display":`...)
		members = quoted(members, g.Display)
		if g.Direct {
			members = append(members, `,"type":"direct"}`...)
		} else {
			members = append(members, `,"type":"indirect"}`...)
		}
	}
	if len(u.Groups) > 0 {
		members = append(members, ']')
	}
	m := meta{u.ID, u.Version, u.Created, u.Modified}
	if v.projection == nil {
		return v.splice(dst, text, members, m), nil
	}
	return v.project(dst, v.splice(nil, text, members, m))
}

// withManager returns the text of a user with the manager who is linked. The
// stored text holds what the provider sent, in one form only, which cannot
// stand within a string: quotes are escaped there.
func (v *view) withManager(u *provisioning.User) []byte {
	if u.Manager.ID == "" {
		return u.Text
	}
	sent := append(quoted([]byte(`"manager":{"value":`), u.Manager.Ref), '}')
	linked := append(quoted([]byte(`"manager":{"value":`), u.Manager.ID), `,"$ref":`...)
	linked = quoted(linked, v.base+"/Users/"+u.Manager.ID)
	if u.Manager.DisplayName != "" {
		linked = quoted(append(linked, `,"displayName":`...), u.Manager.DisplayName)
	}
	return bytes.Replace(u.Text, sent, append(linked, '}'), 1)
}

// group appends a group to dst, without its members.
func (v *view) group(dst []byte, g *provisioning.Group) ([]byte, error) {
	m := meta{g.ID, g.Version, g.Created, g.Modified}
	if v.projection == nil {
		return v.splice(dst, g.Text, nil, m), nil
	}
	return v.project(dst, v.splice(nil, g.Text, nil, m))
}

// memberParts returns which attributes of a member the answer holds.
func (v *view) memberParts() map[string]any {
	parts := map[string]any{"value": true, "$ref": true, "type": true, "display": true}
	if v.projection == nil {
		return parts
	}
	list, _ := v.projection.Apply(v.rt, schema.Resource{"members": []any{parts}})["members"].([]any)
	if len(list) == 0 {
		return nil
	}
	parts, _ = list[0].(map[string]any)
	return parts
}

// member appends those parts of a member to dst.
func (v *view) member(dst []byte, m provisioning.Member, parts map[string]any) []byte {
	sign := byte('{')
	part := func(name, value string) {
		if parts[name] == nil {
			return
		}
		dst = quoted(append(dst, sign), name)
		dst = quoted(append(dst, ':'), value)
		sign = ','
	}
	part("value", m.ID)
	part("$ref", v.base+"/"+m.Type+"s/"+m.ID)
	part("type", m.Type)
	part("display", m.Display)
	return append(dst, '}')
}
