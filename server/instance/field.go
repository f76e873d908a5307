package instance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/server/history"
)

// FieldType is what a custom field holds.
type FieldType string

// The types of custom fields. Only text can be mapped to.
const (
	Text   FieldType = "text"
	Number FieldType = "number"
	Date   FieldType = "date"
	YesNo  FieldType = "yes-no"
	// PickList holds one of the field's values.
	PickList FieldType = "pick-list"
	// Reference holds a URI.
	Reference FieldType = "reference"
)

// Field is a custom field that an instance adds to the User entity. Over SCIM
// it is an attribute of the application's own extension.
type Field struct {
	// Name is the name of the attribute: "costCenterCode".
	Name string `json:"name"`
	// Title is the name as people see it.
	Title string    `json:"title"`
	Type  FieldType `json:"type"`
	// Values are those that a pick list offers.
	Values []string `json:"values,omitempty"`
}

// fieldNames are what Section 2.1 of RFC 7643 allows for attributes.
var fieldNames = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,62}$`)

func (f Field) check() error {
	if !fieldNames.MatchString(f.Name) {
		return Refuse("the field name %q is not valid: begin with a letter, and go on with "+
			"letters, digits, hyphens and underscores, 63 at the most", f.Name)
	}
	switch f.Type {
	case Text, Number, Date, YesNo, Reference:
		if len(f.Values) > 0 {
			return Refuse("a %s field has no list of values; a pick-list has", f.Type)
		}
		return nil
	case PickList:
		if len(f.Values) == 0 || slices.Contains(f.Values, "") {
			return Refuse("a pick-list needs values to pick from")
		}
		return nil
	}
	return Refuse("unknown field type %q: use text, number, date, yes-no, pick-list or reference",
		f.Type)
}

// AddField adds a custom field to an instance. From then on every server
// shows it in the instance's /Schemas and takes values for it.
func (s *Service) AddField(
	ctx context.Context, i *Instance, f Field, actor history.Actor,
) (*Field, error) {
	return s.addField(ctx, i, false, f, actor)
}

// AddFieldExactly is like AddField, and refuses with [ErrChanged] if the fields are no
// longer as i has them.
func (s *Service) AddFieldExactly(
	ctx context.Context, i *Instance, f Field, actor history.Actor,
) (*Field, error) {
	return s.addField(ctx, i, true, f, actor)
}

func (s *Service) addField(
	ctx context.Context, i *Instance, exact bool, f Field, actor history.Actor,
) (*Field, error) {
	if f.Title == "" {
		f.Title = f.Name
	}
	if f.Type == "" {
		f.Type = Text
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	e := history.New(i.ID, s.now(), actor, history.FieldCreate,
		history.Target{Type: "Field", Name: f.Name})
	e.Detail = fmt.Sprintf("%s, %s", f.Title, f.Type)
	err := s.store.AddField(ctx, i, exact, f, e)
	if errors.Is(err, ErrStale) {
		return nil, Changed("the fields of %s were changed meanwhile: look at them, and do what "+
			"is still to be done", i.Slug)
	}
	if errors.Is(err, ErrExists) {
		return nil, Existing("instance %s has a field %q already; `muster-server field list "+
			"--instance %s` shows its fields", i.Slug, f.Name, i.Slug)
	}
	if err != nil {
		return nil, fmt.Errorf("add field: %w", err)
	}
	return &f, nil
}

// HasField reports whether fields has one of that name, in any letter case.
func HasField(fields []Field, name string) bool {
	for _, f := range fields {
		if strings.EqualFold(f.Name, name) {
			return true
		}
	}
	return false
}

// Parse returns the SCIM value of a text that was entered by hand.
func (f Field) Parse(text string) (any, error) {
	switch f.Type {
	case Number:
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return nil, Refuse("%s: %q is no number", f.Title, text)
		}
		return json.Number(text), nil
	case Date:
		if _, err := time.Parse(time.DateOnly, text); err == nil {
			return text + "T00:00:00Z", nil
		}
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return nil, Refuse("%s: %q is no date; give one such as 2026-01-31", f.Title, text)
		}
	case YesNo:
		switch strings.ToLower(text) {
		case "yes", "true":
			return true, nil
		case "no", "false":
			return false, nil
		}
		return nil, Refuse("%s: %q is neither yes nor no", f.Title, text)
	case PickList:
		return f.Pick(text)
	}
	return text, nil
}

// Pick returns the value of a pick list that a text stands for, in any letter
// case.
func (f Field) Pick(text string) (string, error) {
	for _, v := range f.Values {
		if strings.EqualFold(v, text) {
			return v, nil
		}
	}
	return "", Refuse("%s: %q is none of %s", f.Title, text, strings.Join(f.Values, ", "))
}
