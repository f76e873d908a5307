package httpapi

import (
	"net/http"

	"muster/server/provisioning"
	"muster/server/scim"
)

func (s *server) getGroup(x *requestContext) error {
	v, err := s.view(x, s.Admin.Users.GroupType())
	if err != nil {
		return err
	}
	g, err := s.Admin.Users.Group(x.Context(), x.scope, x.PathValue("id"))
	if err != nil {
		return err
	}
	if x.unchanged(g.Version) {
		x.answer.Header().Set("ETag", scim.ETag(g.Version))
		return x.sendNothing(http.StatusNotModified)
	}
	return s.sendGroup(x, v, http.StatusOK, g)
}

func (s *server) createGroup(x *requestContext) error {
	v, r, err := s.resource(x, s.Admin.Users.GroupType())
	if err != nil {
		return x.refused(err)
	}
	g, err := s.Admin.Users.CreateGroup(x.Context(), x.scope, r)
	if err != nil {
		return err
	}
	x.answer.Header().Set("Location", v.location(g.ID))
	return s.sendGroup(x, v, http.StatusCreated, g)
}

func (s *server) replaceGroup(x *requestContext) error {
	v, r, err := s.resource(x, s.Admin.Users.GroupType())
	if err != nil {
		return x.refused(err)
	}
	g, _, err := s.Admin.Users.ReplaceGroup(x.Context(), x.scope, x.PathValue("id"), r,
		x.condition())
	if err != nil {
		return err
	}
	return s.sendGroup(x, v, http.StatusOK, g)
}

// patchGroup answers 204 unless the client names the attributes that it
// wants: a group can have very many members, and rendering them all for each
// one that is added would make large groups unusable.
func (s *server) patchGroup(x *requestContext) error {
	v, ops, err := s.operations(x, s.Admin.Users.GroupType())
	if err != nil {
		return x.refused(err)
	}
	g, _, err := s.Admin.Users.PatchGroup(x.Context(), x.scope, x.PathValue("id"), ops,
		x.condition())
	if err != nil {
		return err
	}
	if !x.query.Has("attributes") {
		x.answer.Header().Set("ETag", scim.ETag(g.Version))
		return x.sendNothing(http.StatusNoContent)
	}
	return s.sendGroup(x, v, http.StatusOK, g)
}

func (s *server) deleteGroup(x *requestContext) error {
	if err := s.Admin.Users.DeleteGroup(x.Context(), x.scope, x.PathValue("id"),
		x.condition()); err != nil {
		return err
	}
	return x.sendNothing(http.StatusNoContent)
}

func (s *server) sendGroup(x *requestContext, v *view, status int, g *provisioning.Group) error {
	x.answer.Header().Set("ETag", scim.ETag(g.Version))
	b := &body{x: x, status: status}
	if err := s.writeGroups(b, v, g); err != nil {
		return err
	}
	return b.end()
}

// writeGroups renders groups. Their members are read while they are rendered,
// if the answer may hold them.
func (s *server) writeGroups(b *body, v *view, groups ...*provisioning.Group) error {
	w := &groupWriter{body: b, view: v, groups: groups, parts: v.memberParts()}
	if len(w.parts) > 0 {
		ids := make([]string, len(groups))
		for i, g := range groups {
			ids[i] = g.ID
		}
		if err := s.Admin.Users.Members(b.x.Context(), ids, w.member); err != nil {
			return err
		}
	}
	if err := w.upTo(len(groups)); err != nil {
		return err
	}
	w.close()
	return nil
}

// groupWriter renders groups whose members come one by one.
type groupWriter struct {
	*body
	*view
	groups []*provisioning.Group
	parts  map[string]any // of a member
	// written is how many groups were begun; the last of them is open.
	written int
	// members is how many members the open one has.
	members int
}

// upTo renders groups until n have begun.
func (w *groupWriter) upTo(n int) error {
	for w.written < n {
		if w.written > 0 {
			w.close()
			w.text = append(w.text, ',')
		}
		var err error
		if w.text, err = w.group(w.text, w.groups[w.written]); err != nil {
			return err
		}
		w.text = w.text[:len(w.text)-1] // the brace at the end: members may follow
		w.written++
		w.members = 0
		if err := w.spill(); err != nil {
			return err
		}
	}
	return nil
}

// close ends the group that is open.
func (w *groupWriter) close() {
	if w.members > 0 {
		w.text = append(w.text, ']')
	}
	w.text = append(w.text, '}')
}

func (w *groupWriter) member(groupID string, m provisioning.Member) error {
	for w.written == 0 || w.groups[w.written-1].ID != groupID {
		if err := w.upTo(w.written + 1); err != nil {
			return err
		}
	}
	if w.members == 0 {
		w.text = append(w.text, `,"members":[`...)
	} else {
		w.text = append(w.text, ',')
	}
	w.members++
	w.text = w.view.member(w.text, m, w.parts)
	return w.spill()
}
