package provisioning

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/scim/schema"
)

// Mapping returns the rows of an instance's attribute mapping.
func (s *Service) Mapping(i *instance.Instance) []mapping.Row {
	return s.setups.of(i).mapping.Rows()
}

// SaveMapping replaces the attribute mapping of an instance, as one change:
// the whole is checked, and saved or refused. Users stay as they are until
// they change, or until [Service.Reapply]. No rows restore the default.
func (s *Service) SaveMapping(ctx context.Context, sc Scope, rows []mapping.Row) error {
	changed := *sc.Instance
	changed.Mapping = rows
	if len(rows) > 0 {
		if err := mapping.CheckReadOnly(rows); err != nil {
			return instance.Refuse("%v", err)
		}
	}
	after, err := newSetup(&changed, s.groups)
	if err != nil {
		return instance.Refuse("%v", err)
	}
	e := history.New(sc.Instance.ID, s.clock(), sc.Actor, history.MappingUpdate,
		history.Target{Type: "Mapping"})
	e.Changes = mappingChanges(s.Mapping(sc.Instance), after.mapping.Rows())
	if len(e.Changes) == 0 {
		return nil
	}
	return s.store.SaveMapping(ctx, sc.Instance, rows, e)
}

// CheckMapping says of each row what is wrong with it, and nothing of one that is right.
func (s *Service) CheckMapping(i *instance.Instance, rows []mapping.Row) []string {
	problems := make([]string, len(rows))
	seen := make(map[mapping.Field]string)
	for n, row := range rows {
		alone := *i
		alone.Mapping = []mapping.Row{row}
		if other, ok := seen[row.Field]; ok {
			problems[n] = row.Field.Label() + " is mapped to " + other + " already: a field " +
				"takes one attribute"
		} else if _, err := newSetup(&alone, s.groups); err != nil {
			problems[n] = err.Error()
		}
		seen[row.Field] = row.Attribute
	}
	return problems
}

// mappingChanges returns what differs between two mappings, by field.
func mappingChanges(before, after []mapping.Row) []history.Change {
	old := make(map[mapping.Field]string)
	for _, r := range before {
		old[r.Field] = r.Attribute
	}
	var list []history.Change
	for _, r := range after {
		if old[r.Field] != r.Attribute {
			list = append(list,
				history.Change{Field: r.Field.Label(), Old: old[r.Field], New: r.Attribute})
		}
	}
	for _, r := range before {
		if !slices.ContainsFunc(after, func(x mapping.Row) bool { return x.Field == r.Field }) {
			list = append(list, history.Change{Field: r.Field.Label(), Old: r.Attribute})
		}
	}
	return list
}

// Preview returns what would land in which field if a provider sent r. It
// writes nothing.
func (s *Service) Preview(i *instance.Instance, r schema.Resource) mapping.Fields {
	return s.setups.of(i).fields(i, r.Clone())
}

// Reapplied counts what a run of [Service.Reapply] did.
type Reapplied struct{ Users, Changed int }

// reapplyPage is how many users are read at once.
const reapplyPage = 500

// Reapply applies the attribute mapping to all users, as it is now. progress
// is called now and then, with the number of users on all pages. A user who
// is as he or she should be is not written, so that a run that was cut off
// is completed by the next.
func (s *Service) Reapply(
	ctx context.Context, sc Scope, progress func(done Reapplied, total int),
) (Reapplied, error) {
	var done Reapplied
	_, all, err := s.Users(ctx, sc, Query{Integration: true})
	if err != nil {
		return done, err
	}
	q := Query{Integration: true, Keyset: true, Limit: reapplyPage}
	for {
		users, page, err := s.Users(ctx, sc, q)
		if err != nil {
			return done, err
		}
		for _, u := range users {
			changed, err := s.reapplyOne(ctx, sc, u.ID)
			if err != nil {
				return done, err
			}
			done.Users++
			if changed {
				done.Changed++
			}
		}
		progress(done, all.Total)
		if page.Next == nil {
			return done, nil
		}
		q.After = page.Next
	}
}

func (s *Service) reapplyOne(ctx context.Context, sc Scope, id string) (changed bool, err error) {
	err = retry(ctx, func() error {
		u, err := s.store.User(ctx, sc.Instance.ID, id, false)
		if errors.Is(err, ErrNotFound) {
			return nil // deleted meanwhile
		}
		if err != nil {
			return err
		}
		changed, err = s.refresh(ctx, sc, u)
		return err
	})
	return changed, err
}

// refresh writes a user whose fields are not what the mapping makes of the
// resource.
func (s *Service) refresh(ctx context.Context, sc Scope, u *User) (bool, error) {
	set := s.setups.of(sc.Instance)
	r, err := set.rt.Decode(u.Text)
	if err != nil {
		return false, err
	}
	was, before := *u, r.Clone()
	s.describe(sc.Instance, u, r)
	var list []history.Change
	for _, f := range fieldNames(was.Fields, u.Fields) {
		if was.Fields[f] != u.Fields[f] {
			list = append(list,
				history.Change{Field: f.Label(), Old: was.Fields[f], New: u.Fields[f]})
		}
	}
	if len(list) == 0 {
		return false, nil
	}
	u.Version, u.Modified = was.Version+1, s.clock()
	e := history.New(sc.Instance.ID, u.Modified, sc.Actor, history.UserUpdate, was.target())
	e.Detail, e.Changes = "mappings re-applied", list
	e.Event = &history.Event{Concealed: true}
	if paths := attributesOf(changes(set.rt, before, r, noField)); len(paths) > 0 {
		e.Event = s.userEvent(sc, http.MethodPatch, u, before, r)
		e.Event.Attributes = paths
	}
	u.tellFailures(e)
	if err := s.store.UpdateUser(ctx, u.since(&was, e)); err != nil {
		return false, s.nameTaken(err, u)
	}
	return true, nil
}

// fieldNames returns the fields of both, sorted, each once.
func fieldNames(a, b mapping.Fields) []mapping.Field {
	names := slices.Concat(a.Names(), b.Names())
	slices.Sort(names)
	return slices.Compact(names)
}
