package workflow_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"muster/server/workflow"
)

func rule(t *testing.T, name, field, when string, do ...string) workflow.Rule {
	t.Helper()
	r := workflow.Rule{Name: name, Field: field}
	var err error
	if r.When, err = workflow.ParseCondition(when); err != nil {
		t.Fatal(err)
	}
	for _, text := range do {
		a, err := workflow.ParseAction(text)
		if err != nil {
			t.Fatal(err)
		}
		r.Do = append(r.Do, a)
	}
	return r
}

func TestEvaluate(t *testing.T) {
	for name, test := range map[string]struct {
		rules    []workflow.Rule
		old, now map[string]string
		want     string
	}{
		"changed": {
			[]workflow.Rule{rule(t, "r", "title", "changed", "link:job-title")},
			map[string]string{"title": "A"},
			map[string]string{"title": "B"},
			"link job-title B",
		},
		"not changed": {
			[]workflow.Rule{rule(t, "r", "title", "changed", "link:job-title")},
			map[string]string{"title": "A"},
			map[string]string{"title": "A"},
			"",
		},
		"to nothing": {
			[]workflow.Rule{rule(t, "r", "title", "changed", "link:job-title")},
			map[string]string{"title": "A"},
			map[string]string{},
			"link job-title ",
		},
		"equals, any case": {
			[]workflow.Rule{rule(t, "r", "title", "equals:boss", "add-to-group:Bosses")},
			nil,
			map[string]string{"title": "BOSS"},
			"add-to-group Bosses BOSS",
		},
		"equals another": {
			[]workflow.Rule{rule(t, "r", "title", "equals:boss", "add-to-group:Bosses")},
			nil,
			map[string]string{"title": "x"},
			"",
		},
		"one of": {
			[]workflow.Rule{rule(t, "r", "title", "one-of:a|b", "remove-from-group:G")},
			nil,
			map[string]string{"title": "b"},
			"remove-from-group G b",
		},
		"matches": {
			[]workflow.Rule{
				rule(t, "r", "title", "matches:^Senior", "create:level=Senior {value}"),
			}, nil, map[string]string{"title": "Senior X"}, "create level Senior Senior X",
		},
		"in order": {
			[]workflow.Rule{
				rule(t, "1", "title", "changed", "link:a", "link:b"),
				rule(t, "2", "title", "changed", "link:c"),
			}, nil, map[string]string{"title": "x"}, "link a x, link b x, link c x",
		},
		"one fires another": {
			[]workflow.Rule{
				rule(t, "2", "level", "changed", "link:job-title"),
				rule(t, "1", "title", "changed", "set:level=L {value}"),
			}, nil, map[string]string{"title": "x"}, "link job-title L x",
		},
		"no endless loop": {
			[]workflow.Rule{
				rule(t, "1", "a", "changed", "set:b={value}x", "link:t"),
				rule(t, "2", "b", "changed", "set:a={value}x", "link:u"),
			},
			nil,
			map[string]string{"a": "1"},
			"link t 1, link u 1x",
		},
		"cleared": {
			[]workflow.Rule{
				rule(t, "1", "title", "changed", "clear:level"),
				rule(t, "2", "level", "changed", "link:job-title"),
			},
			map[string]string{"level": "L"},
			map[string]string{"title": "x", "level": "L"},
			"link job-title ",
		},
	} {
		fields := test.now
		effects, failures := workflow.Evaluate(test.rules, test.old, fields,
			func(f, v string) error { fields[f] = v; return nil })
		var got []string
		for _, e := range effects {
			got = append(got, fmt.Sprintf("%s %s %s", e.Kind, e.Target, e.Value))
		}
		if strings.Join(got, ", ") != test.want || failures != nil {
			t.Errorf("%s: got %q, %v; want %q", name, got, failures, test.want)
		}
	}
	_, failures := workflow.Evaluate([]workflow.Rule{
		rule(t, "r", "title", "changed", "set:desk=x"),
	}, nil, map[string]string{"title": "x"},
		func(string, string) error { return errors.New("no number") })
	if len(failures) != 1 || failures[0] != `rule "r": no number` {
		t.Errorf("got %q", failures)
	}
}

func TestRefuses(t *testing.T) {
	for _, text := range []string{"", "is:x", "equals:", "one-of:a||b", "matches:("} {
		if c, err := workflow.ParseCondition(text); err == nil {
			t.Errorf("%q: got %+v", text, c)
		}
	}
	for _, text := range []string{"", "mail:x", "link", "set:"} {
		if a, err := workflow.ParseAction(text); err == nil {
			t.Errorf("%q: got %+v", text, a)
		}
	}
	fields := workflow.Fields{Known: []string{"title", "level"}, Settable: []string{"level"}}
	for want, r := range map[string]workflow.Rule{
		"no field":         rule(t, "r", "shoe", "changed", "link:job-title"),
		"no object type":   rule(t, "r", "title", "changed", "link:planet"),
		"cannot be set":    rule(t, "r", "title", "changed", "set:title=x"),
		"does nothing":     rule(t, "r", "title", "changed"),
		"empty or there":   rule(t, "", "title", "changed", "clear:level"),
		"cannot be set by": rule(t, "r", "title", "changed", "clear:title"),
	} {
		if err := (workflow.Setup{Rules: []workflow.Rule{r}}).Check(fields); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	good := workflow.Setup{
		ObjectTypes: []string{"planet"},
		Rules: []workflow.Rule{
			rule(t, "r", "title", "changed", "link:planet", "link:job-title", "set:level=x"),
		},
	}
	if err := good.Check(fields); err != nil {
		t.Error(err)
	}
}
