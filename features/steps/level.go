package steps

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v34"

	"muster/features/harness"
)

// place is a tag that says where a sentence stands.
var place = regexp.MustCompile(`^@rfc(\d+)-([\d.]+)$`)

// readTags reads the level of a scenario and the place of its sentence. The last
// tag of a kind counts: it stands nearest to the scenario.
func readTags(tags []*messages.PickleTag) (level, where string) {
	level = "guide"
	for _, tag := range tags {
		if name := strings.TrimPrefix(tag.Name, "@"); slices.Contains(harness.Levels(), name) {
			level = name
		}
		if m := place.FindStringSubmatch(tag.Name); m != nil {
			where = "RFC " + m[1] + " §" + m[2]
		}
	}
	return level, where
}

// lenient makes of a step one that does not fail the run where only scenarios of
// some levels do so, or where the server says that it does not implement what it
// was asked for: it keeps the error, and has the rest of the scenario skipped.
func (w *world) lenient(step any) any {
	if w.h.Foreign == nil {
		return step
	}
	f := reflect.ValueOf(step)
	return reflect.MakeFunc(f.Type(), func(args []reflect.Value) []reflect.Value {
		results := f.Call(args)
		for i, v := range results {
			err, ok := v.Interface().(error)
			if !ok || errors.Is(err, godog.ErrSkip) {
				continue
			}
			w.refused = w.refusal()
			results[i] = reflect.ValueOf(w.judge(err)).Convert(v.Type())
		}
		return results
	}).Interface()
}

// judge returns the error of a step, or the one to skip the rest of the scenario
// with.
func (w *world) judge(err error) error {
	if asked := w.notImplemented(); asked != "" {
		w.unsupported = asked + " (the server answers 501)"
		return godog.ErrSkip
	}
	if slices.Contains(w.h.FailOn, w.level) {
		return err
	}
	w.failure = err
	return godog.ErrSkip
}

// notImplemented returns what the server answered with 501, if the scenario got
// such an answer.
func (w *world) notImplemented() string {
	if w.scim != nil && w.scim.answer != nil && w.scim.answer.status == 501 {
		return w.scim.asked
	}
	if w.recorder != nil {
		method, path, _ := strings.Cut(w.recorder.NotImplemented(), " ")
		return strings.TrimSpace(method + " " + endpoint(path))
	}
	return ""
}

// refusal describes the answer that a scenario failed for.
func (w *world) refusal() string {
	if w.scim != nil && w.scim.answer != nil && w.scim.answer.status >= 400 {
		return refusalOf(w.scim.asked, w.scim.answer.status, w.scim.answer.text)
	}
	if w.recorder == nil {
		return ""
	}
	for _, e := range slices.Backward(w.recorder.Exchanges()) {
		if e.Status >= 400 && e.Status != 404 {
			return refusalOf(e.Method+" "+endpoint(e.Path), e.Status, e.Answer)
		}
	}
	return ""
}

func refusalOf(asked string, status int, answer string) string {
	detail := field(answer, "detail")
	text := fmt.Sprintf("%s is answered with %d", asked, status)
	if scimType := field(answer, "scimType"); scimType != "" {
		text += " " + scimType
	}
	if detail != "" {
		text += ": " + particular.ReplaceAllString(detail, "…")
	}
	return text
}

// field returns a text at the top of a JSON object, as well as that can be found.
func field(text, name string) string {
	m := regexp.MustCompile(`"` + name + `"\s*:\s*"((?:[^"\\]|\\.)*)"`).FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[1]
}

// particular is what differs from scenario to scenario: names in quotation marks,
// and numbers.
var particular = regexp.MustCompile(`\\"[^"]*\\"|'[^']*'|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\d+`)

// endpoint returns a path without what it names: "/Users/{id}".
func endpoint(path string) string {
	path, _, _ = strings.Cut(path, "?")
	path = strings.TrimPrefix(path, "/scim/v2")
	parts := strings.Split(path, "/")
	if len(parts) > 2 && (parts[1] == "Users" || parts[1] == "Groups") && parts[2] != ".search" {
		parts[2] = "{id}"
	}
	return cmp.Or(strings.Join(parts, "/"), "/")
}

// remark keeps what is not as it should be. At a server of our own it is an
// error.
func (w *world) remark(err error) error {
	if err == nil || w.h.Foreign == nil {
		return err
	}
	text, _, _ := strings.Cut(err.Error(), " in ")
	w.remarks = append(w.remarks, text)
	return nil
}

// registerAdvice adds the steps about what an answer should be, and need not: at a
// server of somebody else they fail nothing, and are told as remarks.
func (w *world) registerAdvice(sc *registry) {
	// There should be a value at the JSON pointer.
	sc.Step(`^"(/[^"]*)" should be there$`,
		func(path string) error { _, err := w.value(path); return w.remark(err) })
	// The value at the JSON pointer should be this one.
	sc.Step(`^"(/[^"]*)" should be (".*"|true|false|-?\d.*)$`,
		func(path, text string) error { return w.remark(w.valueIs(path, text)) })
	// The scimType of the last error should be this one (Section 3.12 of RFC 7644).
	sc.Step(`^the scimType should be "(\w+)"$`, func(scimType string) error {
		return w.remark(w.answerIs(w.scim.answer.status, scimType))
	})
	// The header of the last answer should have this in it.
	sc.Step(`^the header "([^"]*)" should have "([^"]*)"$`, func(name, part string) error {
		return w.remark(w.headerHas(name, part))
	})
}

// offers skips a scenario whose next request needs what the server does not
// offer.
func (w *world) offers(method, path, body string) error {
	offer := w.h.Offer
	if w.h.Foreign == nil || offer == nil {
		return nil
	}
	path, query, _ := strings.Cut(path, "?")
	for _, feature := range needed(method, path, query, body) {
		if !offer.Announces(feature) {
			return w.lacks(feature)
		}
	}
	if (strings.HasPrefix(path, "/Groups") || strings.HasSuffix(path, "2.0:Group") ||
		path == "/ResourceTypes/Group" || strings.Contains(body, `"/Groups"`)) &&
		!offer.Has("Group") {
		return w.lacks("groups")
	}
	if strings.Contains(path+body, enterpriseURN) && !offer.Extends(enterpriseURN) {
		return w.lacks("the enterprise extension")
	}
	return nil
}

// discovery is an endpoint that is asked what the server offers.
var discovery = regexp.MustCompile(`^/(Schemas|ResourceTypes|ServiceProviderConfig)`)

// needed returns the features that a server must announce before it is sent a
// request.
func needed(method, path, query, body string) (features []string) {
	if method == "PATCH" {
		features = append(features, "patch")
	}
	if strings.HasPrefix(path, "/Bulk") {
		features = append(features, "bulk")
	}
	if discovery.MatchString(path) {
		return features
	}
	asked := query
	if strings.HasSuffix(path, "/.search") {
		asked += body
	}
	if asks(asked, "filter") {
		features = append(features, "filter")
	}
	if asks(asked, "sortBy") {
		features = append(features, "sort")
	}
	return features
}

// asks reports whether a query, or the body of a search, has a parameter.
func asks(text, parameter string) bool {
	return strings.Contains(text, parameter+"=") || strings.Contains(text, `"`+parameter+`"`)
}

const enterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// judged says of an outcome how binding the scenario was, and what it failed for.
func (w *world) judged(o *harness.Outcome) {
	o.Level, o.Place, o.Remarks = w.level, w.place, w.remarks
	if o.Err != nil {
		o.Refusal = w.refused
	}
}
