package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// registerAnswers adds the steps about the answer as a whole.
func (w *world) registerAnswers(sc *registry) {
	// The status of the last answer.
	sc.Step(`^the answer is (\d+)$`, func(status int) error { return w.answerIs(status, "") })
	// The status of the last answer is one of two.
	sc.Step(`^the answer is (\d+) or (\d+)$`, func(a, b int) error {
		if w.scim.answer.status == b {
			a = b
		}
		return w.answerIs(a, "")
	})
	// The status and the scimType of the last answer.
	sc.Step(`^the answer is (\d+) (\w+)$`, w.answerIs)
	// How many answers to requests at the same time had the status.
	sc.Step(`^(\d+) answers? (?:is|are) (\d+)$`, func(n, status int) error {
		return expect(fmt.Sprintf("answers with %d", status), w.statuses[status], n)
	})
	// The detail of the last error has this in it.
	sc.Step(`^its detail says "([^"]*)"$`, func(text string) error {
		detail, err := pointer(w.scim.answer.body, "/detail")
		if err == nil && !strings.Contains(fmt.Sprint(detail), w.fill(text)) {
			err = fmt.Errorf("it says %q", detail)
		}
		return err
	})
}

// registerValues adds the steps about the values in an answer, by JSON pointers (RFC 6901).
func (w *world) registerValues(sc *registry) {
	sc.Step(`^"(/[^"]*)" is (".*"|\{.*\}|\[.*\]|true|false|null|-?\d.*)$`, w.valueIs)
	// The value at the JSON pointer is another one, or there is none.
	sc.Step(`^"(/[^"]*)" is not ("[^"]*")$`, func(path, text string) error {
		if w.valueIs(path, text) == nil {
			return fmt.Errorf("%s is %s", path, text)
		}
		return nil
	})
	// There is a value at the JSON pointer.
	sc.Step(`^"(/[^"]*)" is there$`,
		func(path string) error { _, err := w.value(path); return err })
	// There is no value at the JSON pointer.
	sc.Step(`^"(/[^"]*)" is not there$`, func(path string) error {
		// Section 2.5 of RFC 7643: null is the same as no value.
		if v, err := w.value(path); err == nil && v != nil {
			return fmt.Errorf("%s is %v", path, v)
		}
		return nil
	})
	// There are so many values at the JSON pointer.
	sc.Step(`^"(/[^"]*)" has (\d+) values?$`, func(path string, n int) error {
		v, err := w.value(path)
		if err != nil {
			return err
		}
		list, ok := v.([]any)
		if !ok {
			return fmt.Errorf("%s is no array: %v", path, v)
		}
		return expect("values of "+path, len(list), n)
	})
	// {name} is the value at the JSON pointer from then on.
	sc.Step(`^"(/[^"]*)" is kept as (\w+)$`, func(path, name string) error {
		v, err := w.value(path)
		w.ids[name] = fmt.Sprint(v)
		return err
	})
}

// registerLists adds the steps about lists of users.
func (w *world) registerLists(sc *registry) {
	// The list has exactly these users, in any order.
	sc.Step(`^the list holds (nobody|nothing|[\w, ]+)$`, w.listHolds)
	// The list has exactly these users, in this order.
	sc.Step(`^the list holds, in this order, ([\w, ]+)$`, w.listHoldsInOrder)
}

// registerHeaders adds the steps about the header of an answer.
func (w *world) registerHeaders(sc *registry) {
	// The last answer has such a header.
	sc.Step(`^the header "([^"]*)" is there$`, func(name string) error {
		if w.scim.answer.header.Get(name) == "" {
			return fmt.Errorf("there is no header %s", name)
		}
		return nil
	})
	// The header of the last answer has this in it.
	sc.Step(`^the header "([^"]*)" has "([^"]*)"$`, w.headerHas)
	// {name} is the value of the header from then on.
	sc.Step(`^the header "([^"]*)" is kept as (\w+)$`, func(name, as string) error {
		w.ids[as] = w.scim.answer.header.Get(name)
		if w.ids[as] == "" {
			return fmt.Errorf("there is no header %s", name)
		}
		return nil
	})
	// The header of the last answer is, or is not, what was kept.
	sc.Step(`^the header "([^"]*)" is (not )?\{(\w+)\}$`, func(name, not, kept string) error {
		return expect("the same "+name, w.scim.answer.header.Get(name) == w.ids[kept], not == "")
	})
	// The last answer has no body at all.
	sc.Step(`^the answer has no body$`,
		func() error { return expect("body", w.scim.answer.text, "") })
	// No user or group with these names was made.
	sc.Step(`^what was refused is not there: "([^"]*)", "([^"]*)"$`,
		func(ctx context.Context, a, b string) error { return w.refusedIsNotThere(ctx, a, b) })
	sc.Step(`^the answer is the same as at "([^"]*)"$`, w.sameAs)
}

func (w *world) headerHas(name, part string) error {
	if v := w.scim.answer.header.Get(name); !strings.Contains(v, w.fill(part)) {
		return fmt.Errorf("%s is %q", name, v)
	}
	return nil
}

func (w *world) answerIs(status int, scimType string) error {
	a := w.scim.answer
	if a.status != status {
		return fmt.Errorf("the answer is %s, want %d %s", a, status, scimType)
	}
	if status < 400 {
		return nil
	}
	schemas, err := pointer(a.body, "/schemas/0")
	if err != nil || schemas != errorURN {
		return fmt.Errorf("the answer is no SCIM error (Section 3.12 of RFC 7644): %s", a)
	}
	if got, _ := pointer(a.body, "/status"); got != fmt.Sprint(status) {
		return fmt.Errorf("the error's status is %v, want the string %q", got, fmt.Sprint(status))
	}
	if scimType != "" {
		if got, _ := pointer(a.body, "/scimType"); got != scimType {
			return fmt.Errorf("the error's scimType is %v, want %s", got, scimType)
		}
	}
	return nil
}

func (w *world) value(path string) (any, error) {
	v, err := pointer(w.scim.answer.body, path)
	if err != nil {
		return nil, fmt.Errorf("%w in %s", err, w.scim.answer)
	}
	return v, nil
}

// valueIs compares a value with a JSON text, or with what was kept.
func (w *world) valueIs(path, text string) error {
	got, err := w.value(path)
	if err != nil {
		return err
	}
	var want any
	d := json.NewDecoder(strings.NewReader(w.fill(text)))
	d.UseNumber()
	if err := d.Decode(&want); err != nil {
		return fmt.Errorf("the step's value is no JSON: %w", err)
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("%s is %v, want %v", path, got, want)
	}
	return nil
}

// listed returns the ids in a ListResponse.
func (w *world) listed() ([]string, error) {
	if err := w.answerIs(http.StatusOK, ""); err != nil {
		return nil, err
	}
	resources, err := w.value("/Resources")
	if err != nil {
		return nil, err
	}
	list, ok := resources.([]any)
	if !ok {
		return nil, fmt.Errorf("the Resources are no array: %s", w.scim.answer)
	}
	ids := make([]string, len(list))
	for i, r := range list {
		id, err := pointer(r, "/id")
		if err != nil {
			return nil, err
		}
		ids[i] = fmt.Sprint(id)
	}
	return ids, nil
}

func (w *world) wanted(names string) []string {
	var ids []string
	if names == "nobody" || names == "nothing" {
		return ids
	}
	for name := range strings.SplitSeq(strings.ReplaceAll(names, " and ", ", "), ",") {
		ids = append(ids, w.ids[strings.TrimSpace(name)])
	}
	return ids
}

func (w *world) listHolds(names string) error {
	got, err := w.listed()
	if err != nil {
		return err
	}
	want := w.wanted(names)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		return fmt.Errorf("the list holds %d, want %d (%s): %s", len(got), len(want), names,
			w.scim.answer)
	}
	return nil
}

func (w *world) listHoldsInOrder(names string) error {
	got, err := w.listed()
	if err != nil {
		return err
	}
	if want := w.wanted(names); !slices.Equal(got, want) {
		return fmt.Errorf("the list holds %v, want %v (%s)", got, want, names)
	}
	return nil
}

// sameAs compares the present answer with the one at another path.
func (w *world) sameAs(ctx context.Context, path string) error {
	first := w.scim.answer
	if err := w.send(ctx, http.MethodGet, path, ""); err != nil {
		return err
	}
	if !reflect.DeepEqual(first.body, w.scim.answer.body) {
		return fmt.Errorf("got %s and %s", first, w.scim.answer)
	}
	return nil
}
