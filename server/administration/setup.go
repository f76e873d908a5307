package administration

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/invitation"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/workflow"
)

// MapField maps an attribute to a field: it adds a row, or changes the one of
// that field.
func (s *Service) MapField(
	ctx context.Context, sc provisioning.Scope, attribute, field string,
) error {
	return s.onLatest(ctx, sc, func(sc provisioning.Scope) error {
		row := mapping.Row{Attribute: attribute, Field: Field(sc, field)}
		rows := s.Users.Mapping(sc.Instance)
		if i := slices.IndexFunc(rows,
			func(r mapping.Row) bool { return r.Field == row.Field }); i >= 0 {
			rows[i] = row
		} else {
			rows = append(rows, row)
		}
		return s.Users.SaveMapping(ctx, sc, rows)
	})
}

// UnmapField deletes the row of a field.
func (s *Service) UnmapField(ctx context.Context, sc provisioning.Scope, field string) error {
	return s.onLatest(ctx, sc, func(sc provisioning.Scope) error {
		f := Field(sc, field)
		rows := s.Users.Mapping(sc.Instance)
		i := slices.IndexFunc(rows, func(r mapping.Row) bool { return r.Field == f })
		if i < 0 {
			return instance.Missing("nothing is mapped to %s in %s; `muster-server mapping list "+
				"--instance %s` shows the rows", field, sc.Instance.Slug, sc.Instance.Slug)
		}
		return s.Users.SaveMapping(ctx, sc, slices.Delete(rows, i, i+1))
	})
}

// SaveMapping saves a whole mapping.
func (s *Service) SaveMapping(
	ctx context.Context, sc provisioning.Scope, rows []mapping.Row,
) error {
	if len(rows) == 0 {
		return instance.Refuse("the mapping has no rows; `mapping restore` restores the default")
	}
	return s.onLatest(ctx, sc,
		func(sc provisioning.Scope) error { return s.Users.SaveMapping(ctx, sc, rows) })
}

// AddField adds a custom field to the users of an instance.
func (s *Service) AddField(
	ctx context.Context, sc provisioning.Scope, f instance.Field,
) (*instance.Field, error) {
	if sc.Exact {
		return s.Instances.AddFieldExactly(ctx, sc.Instance, f, sc.Actor)
	}
	return s.Instances.AddField(ctx, sc.Instance, f, sc.Actor)
}

// RestoreMapping restores the default mapping.
func (s *Service) RestoreMapping(ctx context.Context, sc provisioning.Scope) error {
	return s.onLatest(ctx, sc,
		func(sc provisioning.Scope) error { return s.Users.SaveMapping(ctx, sc, nil) })
}

// PreviewUser returns what lands in which field of a user who is there.
func (s *Service) PreviewUser(
	ctx context.Context, sc provisioning.Scope, userName string,
) (mapping.Fields, error) {
	u, err := s.Users.UserByName(ctx, sc, userName)
	if err != nil {
		return nil, err
	}
	return s.Preview(sc, u.Text)
}

// Preview returns what would land in which field if a provider sent a SCIM
// body.
func (s *Service) Preview(sc provisioning.Scope, body []byte) (mapping.Fields, error) {
	r, err := s.decodeUser(sc, body)
	if err != nil {
		return nil, err
	}
	return s.Users.Preview(sc.Instance, r), nil
}

// TryMapping returns what would land in which field by rows that are not saved: of a user
// who is there, or of a SCIM body if no user is named.
func (s *Service) TryMapping(
	ctx context.Context, sc provisioning.Scope, rows []mapping.Row, userName, body string,
) (mapping.Fields, error) {
	if problems := s.Users.CheckMapping(sc.Instance, rows); strings.Join(problems, "") != "" {
		return nil, instance.Refuse("the mapping is not right yet: %s",
			strings.Join(slices.DeleteFunc(problems, func(p string) bool { return p == "" }), "; "))
	}
	tried := *sc.Instance
	tried.Mapping = rows
	sc.Instance = &tried
	if userName != "" {
		return s.PreviewUser(ctx, sc, userName)
	}
	return s.Preview(sc, []byte(body))
}

// NewRule is a workflow rule in texts; see [workflow.ParseCondition] and
// [workflow.ParseAction].
type NewRule struct {
	Name  string `json:"name"`
	Field string `json:"field"`
	// When is changed if empty.
	When string   `json:"when,omitempty"`
	Do   []string `json:"do"`
}

// CreateRule adds a rule behind the others.
func (s *Service) CreateRule(
	ctx context.Context, sc provisioning.Scope, n NewRule,
) (workflow.Rule, error) {
	r := workflow.Rule{Name: n.Name, Field: string(Field(sc, n.Field))}
	if n.When == "" {
		n.When = "changed"
	}
	var err error
	if r.When, err = workflow.ParseCondition(n.When); err != nil {
		return r, instance.Refuse("%v", err)
	}
	for _, text := range n.Do {
		action, err := workflow.ParseAction(text)
		if err != nil {
			return r, instance.Refuse("%v", err)
		}
		r.Do = append(r.Do, action)
	}
	return r, s.onLatest(ctx, sc, func(sc provisioning.Scope) error {
		w := sc.Instance.Workflow
		w.Rules = append(slices.Clone(w.Rules), r)
		return s.Users.SaveWorkflow(ctx, sc, w, history.RuleCreate, r.Name, DescribeRule(r))
	})
}

// DescribeRule says what a rule does.
func DescribeRule(r workflow.Rule) string {
	when := string(r.When.Kind)
	if len(r.When.Values) > 0 {
		when += ":" + strings.Join(r.When.Values, "|")
	}
	actions := make([]string, len(r.Do))
	for i, a := range r.Do {
		actions[i] = string(a.Kind) + ":" + a.Target
		if a.Value != "" {
			actions[i] += "=" + a.Value
		}
	}
	return fmt.Sprintf("when %s %s, %s", r.Field, when, strings.Join(actions, ", "))
}

// DeleteRule deletes a rule by name, and returns how the name is spelled.
func (s *Service) DeleteRule(
	ctx context.Context, sc provisioning.Scope, name string,
) (deleted string, err error) {
	err = s.onLatest(ctx, sc, func(sc provisioning.Scope) error {
		w := sc.Instance.Workflow
		i := slices.IndexFunc(w.Rules,
			func(r workflow.Rule) bool { return strings.EqualFold(r.Name, name) })
		if i < 0 {
			return instance.Missing("instance %s has no rule %q; `muster-server rule list "+
				"--instance %s` shows all", sc.Instance.Slug, name, sc.Instance.Slug)
		}
		gone := w.Rules[i]
		w.Rules = slices.Delete(slices.Clone(w.Rules), i, i+1)
		deleted = gone.Name
		return s.Users.SaveWorkflow(ctx, sc, w, history.RuleDelete, gone.Name, DescribeRule(gone))
	})
	return deleted, err
}

// DefineType defines a type of objects.
func (s *Service) DefineType(ctx context.Context, sc provisioning.Scope, name string) error {
	if strings.TrimSpace(name) == "" || strings.ContainsAny(name, "=: /") {
		return instance.Refuse("the object type %q is no name: use letters, digits and hyphens",
			name)
	}
	return s.onLatest(ctx, sc, func(sc provisioning.Scope) error {
		w := sc.Instance.Workflow
		if w.HasType(name) {
			return instance.Existing("the object type %q is there already", name)
		}
		w.ObjectTypes = append(slices.Clone(w.ObjectTypes), name)
		return s.Users.SaveWorkflow(ctx, sc, w, history.TypeCreate, name, "")
	})
}

// Messages returns the invitations of an instance.
func (s *Service) Messages(
	ctx context.Context, sc provisioning.Scope,
) ([]invitation.Message, error) {
	return s.Outbox.Outbox(ctx, sc.Instance.ID)
}
