// Package workflow holds the workflow rules of an instance: the second of the
// guide's two stages, in which a new value of a text field links the user to
// an object, such as a job title, or puts him or her into a group.
package workflow

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// JobTitle is the object type that every instance has.
const JobTitle = "job-title"

// Setup is what an instance has defined.
type Setup struct {
	// ObjectTypes are those beside JobTitle.
	ObjectTypes []string `json:"objectTypes,omitempty"`
	Rules       []Rule   `json:"rules,omitempty"`
}

// HasType reports whether there is such an object type.
func (s Setup) HasType(name string) bool {
	return name == JobTitle || slices.Contains(s.ObjectTypes, name)
}

// Rule does something when a field of a user gets a new value.
type Rule struct {
	Name string `json:"name"`
	// Field is the field whose change the rule watches.
	Field string    `json:"field"`
	When  Condition `json:"when"`
	Do    []Action  `json:"do"`
}

// ConditionKind says how the new value is looked at.
type ConditionKind string

// The kinds of conditions.
const (
	// Changed: the value is another one than before, perhaps none.
	Changed ConditionKind = "changed"
	Equals  ConditionKind = "equals"
	OneOf   ConditionKind = "one-of"
	Matches ConditionKind = "matches"
)

// Condition is what the new value must be. Letter case does not matter but
// in regular expressions.
type Condition struct {
	Kind   ConditionKind `json:"kind"`
	Values []string      `json:"values,omitempty"`
}

// ActionKind says what a rule does.
type ActionKind string

// The kinds of actions.
const (
	// Link links the user to the object of that name; Create makes the
	// object first if it is missing. No value takes the link away.
	Link            ActionKind = "link"
	Create          ActionKind = "create"
	AddToGroup      ActionKind = "add-to-group"
	RemoveFromGroup ActionKind = "remove-from-group"
	Set             ActionKind = "set"
	Clear           ActionKind = "clear"
)

// Action is one thing that a rule does.
type Action struct {
	Kind ActionKind `json:"kind"`
	// Target is the object type, the group or the field.
	Target string `json:"target"`
	// Value is the name of the object, or the new value of the field;
	// {value} in it stands for the value that fired the rule. Empty means
	// {value}.
	Value string `json:"value,omitempty"`
}

// Effect is an action that is to be done for a user, in the transaction that
// writes the change.
type Effect struct {
	Rule   string
	Kind   ActionKind
	Target string
	Value  string
}

// ParseCondition reads a condition as a person writes it: changed,
// equals:VALUE, one-of:A|B, matches:REGEXP.
func ParseCondition(text string) (Condition, error) {
	kind, rest, _ := strings.Cut(text, ":")
	c := Condition{Kind: ConditionKind(kind)}
	switch c.Kind {
	case Changed:
	case OneOf:
		c.Values = strings.Split(rest, "|")
	default:
		c.Values = []string{rest}
	}
	return c, c.check()
}

func (c Condition) check() error {
	switch c.Kind {
	case Changed:
		return nil
	case Equals, OneOf, Matches:
		if len(c.Values) == 0 || slices.Contains(c.Values, "") {
			return fmt.Errorf("the condition %s needs a value, as in %s:Analyst", c.Kind, c.Kind)
		}
		if c.Kind == Matches {
			if _, err := regexp.Compile(c.Values[0]); err != nil {
				return fmt.Errorf("the condition matches: %w", err)
			}
		}
		return nil
	}
	return fmt.Errorf("unknown condition %q: use changed, equals:VALUE, one-of:A|B or "+
		"matches:REGEXP", c.Kind)
}

// holds reports whether a new value meets the condition.
func (c Condition) holds(value string) bool {
	switch c.Kind {
	case Changed:
		return true
	case Matches:
		matched, err := regexp.MatchString(c.Values[0], value)
		return err == nil && matched
	}
	return slices.ContainsFunc(c.Values, func(v string) bool { return strings.EqualFold(v, value) })
}

// ParseAction reads an action as a person writes it: link:TYPE,
// create:TYPE, add-to-group:GROUP, remove-from-group:GROUP,
// set:FIELD=VALUE, clear:FIELD. Behind link and create, =NAME names an
// object instead of the value.
func ParseAction(text string) (Action, error) {
	kind, target, _ := strings.Cut(text, ":")
	a := Action{Kind: ActionKind(kind), Target: target}
	switch a.Kind {
	case Link, Create, Set:
		a.Target, a.Value, _ = strings.Cut(target, "=")
	case AddToGroup, RemoveFromGroup, Clear:
	default:
		return a, fmt.Errorf("unknown action %q: use link:TYPE, create:TYPE, add-to-group:GROUP, "+
			"remove-from-group:GROUP, set:FIELD=VALUE or clear:FIELD", kind)
	}
	if a.Target == "" {
		return a, fmt.Errorf("the action %s needs a target, as in %s:TARGET", kind, kind)
	}
	return a, nil
}

// Fields are the fields of an instance's users, as far as rules depend on
// them.
type Fields struct {
	// Known are all fields that a rule can watch.
	Known []string
	// Settable are those that a rule can set: custom fields to which no
	// attribute is mapped.
	Settable []string
}

// Check refuses rules that could not be applied.
func (s Setup) Check(f Fields) error {
	names := make(map[string]bool)
	for _, r := range s.Rules {
		if r.Name == "" || names[strings.ToLower(r.Name)] {
			return fmt.Errorf("the rule name %q is empty or there twice", r.Name)
		}
		names[strings.ToLower(r.Name)] = true
		if err := s.checkRule(r, f); err != nil {
			return fmt.Errorf("rule %q: %w", r.Name, err)
		}
	}
	return nil
}

func (s Setup) checkRule(r Rule, f Fields) error {
	if !slices.Contains(f.Known, r.Field) {
		return fmt.Errorf("users have no field %q; there are %s", r.Field,
			strings.Join(f.Known, ", "))
	}
	if len(r.Do) == 0 {
		return fmt.Errorf("it does nothing; give it an action")
	}
	for _, a := range r.Do {
		switch a.Kind {
		case Link, Create:
			if !s.HasType(a.Target) {
				return fmt.Errorf("there is no object type %q; define it with `muster-server "+
					"object define`", a.Target)
			}
		case Set, Clear:
			if !slices.Contains(f.Settable, a.Target) {
				return fmt.Errorf("%q cannot be set by a rule: it can set custom fields to which "+
					"no attribute is mapped", a.Target)
			}
		}
	}
	return r.When.check()
}

// Evaluate returns what the rules do when the fields of a user change from
// old to the present ones. Rules run in their order; one that sets a field
// can fire others, and each fires once at the most, so that there is no end
// without end. set changes a field and may refuse the value.
func Evaluate(
	rules []Rule, old, fields map[string]string, set func(field, value string) error,
) (effects []Effect, failures []string) {
	before := maps.Clone(old)
	fired := make([]bool, len(rules))
	for again := true; again; {
		again = false
		for i, r := range rules {
			value := fields[r.Field]
			if fired[i] || before[r.Field] == value || !r.When.holds(value) {
				continue
			}
			fired[i] = true
			for _, a := range r.Do {
				e := Effect{Rule: r.Name, Kind: a.Kind, Target: a.Target, Value: a.value(value)}
				if a.Kind != Set && a.Kind != Clear {
					effects = append(effects, e)
					continue
				}
				if err := set(a.Target, e.Value); err != nil {
					failures = append(failures, fmt.Sprintf("rule %q: %v", r.Name, err))
				}
				again = true
			}
		}
	}
	return effects, failures
}

// value returns the value of an action for the value that fired the rule.
func (a Action) value(fired string) string {
	switch {
	case a.Kind == Clear:
		return ""
	case a.Value == "":
		return fired
	}
	return strings.ReplaceAll(a.Value, "{value}", fired)
}
