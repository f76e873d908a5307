package provisioning

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/scim"
	"muster/server/scim/schema"
	"muster/server/workflow"
)

// Object is what users are linked to by name: a job title, or something else
// that the instance has defined.
type Object struct {
	ID         string `json:"id"`
	InstanceID string `json:"-"`
	Type       string `json:"type"`
	Name       string `json:"name"`
	// Users is how many users are linked to it, where it was counted.
	Users int `json:"users"`
}

// SaveWorkflow replaces the rules and object types of an instance, as one
// change: the whole is checked, and saved or refused. action and name say in
// the history what was done.
func (s *Service) SaveWorkflow(
	ctx context.Context, sc Scope, w workflow.Setup, action history.Action, name, detail string,
) error {
	if err := w.Check(s.ruleFields(sc.Instance)); err != nil {
		return instance.Refuse("%v", err)
	}
	e := history.New(sc.Instance.ID, s.clock(), sc.Actor, action,
		history.Target{Type: "Workflow", Name: name})
	e.Detail = detail
	return s.store.SaveWorkflow(ctx, sc.Instance, w, e)
}

// ruleFields returns the fields that rules can watch and set.
func (s *Service) ruleFields(i *instance.Instance) workflow.Fields {
	var f workflow.Fields
	for _, t := range mapping.Standard() {
		f.Known = append(f.Known, string(t.Field))
	}
	set := s.setups.of(i)
	for _, c := range i.Fields {
		f.Known = append(f.Known, c.Name)
		if !set.mapping.Maps(mapping.Field(c.Name)) {
			f.Settable = append(f.Settable, c.Name)
		}
	}
	return f
}

// AddObject makes an object of a type that the instance has.
func (s *Service) AddObject(ctx context.Context, sc Scope, kind, name string) (*Object, error) {
	if !sc.Instance.Workflow.HasType(kind) {
		return nil, instance.Missing("there is no object type %q; define it with `muster-server "+
			"object define %s --instance %s`", kind, kind, sc.Instance.Slug)
	}
	if name == "" {
		return nil, instance.Refuse("the name of the object is empty")
	}
	o := &Object{
		ID: uuid.Must(uuid.NewV7()).String(), InstanceID: sc.Instance.ID, Type: kind, Name: name,
	}
	e := history.New(sc.Instance.ID, s.clock(), sc.Actor, history.ObjectCreate,
		history.Target{Type: kind, ID: o.ID, Name: name})
	err := s.store.AddObject(ctx, o, e)
	if errors.Is(err, instance.ErrExists) {
		return nil, instance.Existing("there is a %s %q already", kind, name)
	}
	return o, err
}

// Objects returns the objects of an instance, by type and name.
func (s *Service) Objects(ctx context.Context, sc Scope) ([]Object, error) {
	return s.store.Objects(ctx, sc.Instance.ID)
}

// Links returns the names of the objects that a user is linked to, by type.
func (s *Service) Links(ctx context.Context, u *User) (map[string]string, error) {
	all, err := s.store.Links(ctx, []string{u.ID})
	return all[u.ID], err
}

// runRules lets the workflow rules of an instance see how the fields of a user
// change. What they set is set in u and r; what they link is left for the
// store to do in the same transaction.
func (s *Service) runRules(i *instance.Instance, u *User, old mapping.Fields, r schema.Resource) {
	u.Effects, u.Failures = nil, nil
	if len(i.Workflow.Rules) == 0 || u.Integration {
		return
	}
	text := func(f mapping.Fields) map[string]string {
		m := make(map[string]string, len(f))
		for name, v := range f {
			m[string(name)] = v
		}
		return m
	}
	rt := s.setups.of(i).rt
	fields := text(u.Fields)
	u.Effects, u.Failures = workflow.Evaluate(i.Workflow.Rules, text(old), fields,
		func(name, value string) error {
			at := slices.IndexFunc(i.Fields, func(f instance.Field) bool { return f.Name == name })
			if at < 0 {
				return fmt.Errorf("there is no custom field %q any more", name)
			}
			var v any
			if value != "" {
				var err error
				if v, err = i.Fields[at].Parse(value); err != nil {
					return err
				}
			}
			rt.Set(r, rt.Attribute(scim.ApplicationUserURN, name, ""), v)
			fields[name] = value
			return nil
		})
	clear(u.Fields)
	for name, v := range maps.All(fields) {
		if v != "" {
			u.Fields[mapping.Field(name)] = v
		}
	}
}
