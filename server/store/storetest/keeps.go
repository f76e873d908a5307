package storetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/patch"
	"muster/server/scim/tolerance"
)

// testMembersKept looks for a PATCH of a group that removes somebody whom it
// does not name, or leaves somebody whom it does. It counts the members that
// are stored, and compares them with a model of sets.
func testMembersKept(t *testing.T, x *suite) {
	people := make([]string, 4)
	for i := range people {
		people[i] = x.user(t, fmt.Sprintf("kept%d", i), "").ID
	}
	g := x.group(t, "Kept", people[:2]...)
	m := &roll{
		suite: x, t: t, group: g.ID, people: people,
		there: map[string]bool{people[0]: true, people[1]: true},
	}
	for range 10 { // so many times what -rapid.checks says, which is 100
		rapid.Check(t, m.step)
	}
}

// roll is a group, and who is in it by the model.
type roll struct {
	*suite
	t      *testing.T
	group  string
	people []string
	there  map[string]bool
}

// entry is an entry of a list of members: what is sent, and what it names.
type entry struct {
	json string
	id   string // empty for one that names nobody
	// blank says that the entry says nothing at all.
	blank bool
}

const stranger = "01890000-0000-7000-8000-000000000000"

func (m *roll) entry(r *rapid.T) entry {
	id := rapid.SampledFrom(append(slices.Clone(m.people), stranger)).Draw(r, "id")
	return rapid.SampledFrom([]entry{
		{json: `{"value":"` + id + `"}`, id: id},
		{json: `{"value":"` + id + `"}`, id: id},
		{json: `"` + id + `"`, id: id},
		{json: `{"VALUE":"` + id + `","displayName":"N","type":"User","$ref":null}`, id: id},
		{json: `{"$ref":"http://x/scim/v2/Users/` + id + `"}`, id: id},
		{json: `{"value":"` + id + `","shoe":43}`, id: id},
		{json: `null`, blank: true},
		{json: `""`, blank: true},
		{json: `{}`, blank: true},
		{json: `{"value":""}`, blank: true},
		{json: `{"value":null,"type":"User","$ref":""}`, blank: true},
		{json: `{"display":"N"}`},
		{json: `{"displayName":"N"}`},
		{json: `{"id":"` + id + `"}`},
	}).Draw(r, "entry")
}

// step sends one PATCH of one to three operations.
func (m *roll) step(r *rapid.T) {
	after, refused := maps.Clone(m.there), false
	var sent []json.RawMessage
	for range rapid.IntRange(1, 3).Draw(r, "operations") {
		text, change := m.operation(r)
		sent = append(sent, json.RawMessage(text))
		if change == nil {
			refused = true
		} else if !refused {
			change(after)
		}
	}
	refused = refused || after[stranger]
	strict := rapid.IntRange(0, 3).Draw(r, "strict") == 0
	err := m.send(sent, strict)
	switch {
	case err != nil && scim.AsError(err) == nil:
		r.Fatal(err)
	case err == nil && refused:
		r.Fatalf("%s was taken", sent)
	case err != nil && !refused && !strict:
		r.Fatalf("%s was refused: %v", sent, err)
	case err == nil:
		m.there = after
	}
	if got, want := m.members(r), slices.Sorted(maps.Keys(m.there)); !slices.Equal(got, want) {
		r.Fatalf("after %s (%v) there are %v, want %v", sent, err, got, want)
	}
}

// operation draws an operation, and returns what it does to the members; nil
// if it is to be refused.
func (m *roll) operation(r *rapid.T) (text string, change func(map[string]bool)) {
	var entries []entry
	for range rapid.IntRange(0, 3).Draw(r, "entries") {
		entries = append(entries, m.entry(r))
	}
	list := "["
	ids := make(map[string]bool)
	blank, nameless := 0, 0
	for i, e := range entries {
		if i > 0 {
			list += ","
		}
		list += e.json
		switch {
		case e.blank:
			blank++
		case e.id == "":
			nameless++
		default:
			ids[e.id] = true
		}
	}
	list += "]"
	one := rapid.SampledFrom(m.people).Draw(r, "one")
	switch rapid.IntRange(0, 8).Draw(r, "op") {
	case 0, 1, 2:
		text = `{"op":"add","path":"members","value":` + list + `}`
		if nameless > 0 || blank > 0 && blank == len(entries) {
			return text, nil
		}
		return text, func(there map[string]bool) { maps.Copy(there, ids) }
	case 3, 4:
		text = `{"op":"remove","path":"members","value":` + list + `}`
		if nameless+blank > 0 {
			return text, nil
		}
		return text, func(there map[string]bool) {
			maps.DeleteFunc(there, func(id string, _ bool) bool { return ids[id] })
		}
	case 5:
		text = `{"op":"replace","path":"members","value":` + list + `}`
		if nameless+blank > 0 {
			return text, nil
		}
		return text, func(there map[string]bool) { clear(there); maps.Copy(there, ids) }
	case 6:
		return `{"op":"remove","path":"members[value eq \"` + one +
			`\"]"}`, func(there map[string]bool) { delete(there, one) }
	case 7:
		text = rapid.SampledFrom([]string{
			`{"op":"remove","path":"members"}`, `{"op":"remove","path":"members","value":null}`,
			`{"op":"replace","path":"members","value":null}`,
		}).Draw(r, "all")
		return text, func(there map[string]bool) { clear(there) }
	}
	text = rapid.SampledFrom([]string{
		`{"op":"add","path":"members","value":null}`, `{"op":"add","value":{"members":[]}}`,
		`{"op":"replace","path":"members","value":""}`, `{"op":"add","path":"members","value":""}`,
	}).Draw(r, "nothing")
	return text, func(map[string]bool) {}
}

func (m *roll) send(operations []json.RawMessage, strict bool) error {
	text, err := json.Marshal(map[string]any{
		"schemas": []string{scim.PatchOpURN}, "Operations": operations,
	})
	if err != nil {
		return err
	}
	raw, err := scim.DecodeObject(text)
	if err != nil {
		return err
	}
	sc := m.scope
	sc.Policy = tolerance.New(strict)
	if raw, err = tolerance.Patch(m.users.GroupType(), raw, sc.Policy); err != nil {
		return err
	}
	ops, err := patch.Parse(m.users.GroupType(), raw, sc.Policy)
	if err != nil {
		return err
	}
	_, _, err = m.users.PatchGroup(m.t.Context(), sc, m.group, ops, nil)
	return err
}

func (m *roll) members(r *rapid.T) []string {
	var ids []string
	err := m.users.Members(m.t.Context(), []string{m.group},
		func(_ string, member provisioning.Member) error {
			ids = append(ids, member.ID)
			return nil
		})
	if err != nil {
		r.Fatal(err)
	}
	slices.Sort(ids)
	return ids
}
