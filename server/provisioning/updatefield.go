package provisioning

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/scim"
	"muster/server/scim/filter"
	"muster/server/scim/schema"
)

// FieldUpdate is the custom action "update field" on the User entity: it gives
// a field of many users a new value, for example the User Name before a
// provider picks the accounts up.
type FieldUpdate struct {
	// Filter chooses the users; nil for all but integration users.
	Filter filter.Node
	Field  mapping.Field
	// From is the field that the value is taken from; Field itself if empty.
	From mapping.Field
	// Lower makes it lower case.
	Lower bool
	// Domain replaces what stands behind the last @; a value without @ gets
	// none and stays as it is.
	Domain string
}

// value returns the new value for a user.
func (a FieldUpdate) value(u *User) string {
	from := a.From
	if from == "" {
		from = a.Field
	}
	v := u.Fields[from]
	if a.Lower {
		v = strings.ToLower(v)
	}
	if at := strings.LastIndexByte(v, '@'); at >= 0 && a.Domain != "" {
		v = v[:at+1] + a.Domain
	}
	return v
}

// FieldUpdateResult is what the action does, or would do, for one user.
type FieldUpdateResult struct {
	UserName string `json:"userName"`
	Old      string `json:"old"`
	New      string `json:"new"`
	// Problem says why it cannot be done; empty if it can.
	Problem string `json:"problem,omitempty"`
}

// UpdateField runs the action, or foretells it if apply is false. yield is
// called for each user whose field changes, or cannot. Each user is a
// transaction of its own, so that one who conflicts keeps no other.
func (s *Service) UpdateField(
	ctx context.Context, sc Scope, a FieldUpdate, apply bool, yield func(FieldUpdateResult) error,
) error {
	set := s.setups.of(sc.Instance)
	if !set.mapping.Maps(a.Field) {
		return instance.Refuse("the field %q cannot be updated: no attribute is mapped to it",
			a.Field)
	}
	taken := make(map[string]string) // by the new names of this run
	q := Query{Filter: a.Filter, Keyset: true, Limit: reapplyPage}
	for {
		users, page, err := s.Users(ctx, sc, q)
		if err != nil {
			return err
		}
		for _, u := range users {
			r := FieldUpdateResult{UserName: u.UserName(), Old: u.Fields[a.Field], New: a.value(u)}
			if r.Old == r.New {
				continue
			}
			if r.Problem, err = s.foreseeProblem(ctx, u, a, r.New, taken); err != nil {
				return err
			}
			if r.Problem == "" && apply {
				if r.Problem, err = s.updateField(ctx, sc, u, a); err != nil {
					return err
				}
			}
			if err := yield(r); err != nil {
				return err
			}
		}
		if page.Next == nil {
			return nil
		}
		q.After = page.Next
	}
}

// foreseeProblem says why a new value cannot be given.
func (s *Service) foreseeProblem(
	ctx context.Context, u *User, a FieldUpdate, value string, taken map[string]string,
) (string, error) {
	if value == "" {
		return "the new value would be empty", nil
	}
	if a.Field != mapping.UserName {
		return "", nil
	}
	key := schema.UserNameKey(value)
	if other, ok := taken[key]; ok {
		return fmt.Sprintf("%s would get the same name", other), nil
	}
	taken[key] = u.UserName()
	instanceID, userID, err := s.store.NameHolder(ctx, key)
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && userID == u.ID:
		return "", nil
	case err != nil:
		return "", err
	case instanceID != u.InstanceID:
		return "a user of another instance has that name", nil
	}
	return "another user of this instance has that name", nil
}

func (s *Service) updateField(
	ctx context.Context, sc Scope, u *User, a FieldUpdate,
) (problem string, err error) {
	_, _, err = s.update(ctx, sc, http.MethodPatch, u.ID, nil,
		func(_ *User, before schema.Resource) (schema.Resource, error) {
			return s.setups.of(sc.Instance).mapping.Set(before, a.Field, a.value(u))
		})
	if e := scim.AsError(err); e != nil {
		problem, err = e.Detail, nil
	}
	return problem, err
}
