package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/cucumber/godog"
)

const (
	userURN  = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupURN = "urn:ietf:params:scim:schemas:core:2.0:Group"
	errorURN = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// registerProtocol adds the steps of the protocol: requests as they are sent
// and answers as they come. {name} stands for the id of what a scenario
// created under that name, or for what it kept; {tag} for a text that no
// other scenario has.
func (w *world) registerProtocol(sc *godog.ScenarioContext) {
	sc.Step(`^the server announces (\w+)$`, w.needs)
	// The next requests carry the key of the instance.
	sc.Step(`^the client has the key of "([^"]*)"$`,
		func(ctx context.Context, instance string) error {
			c, err := w.client(ctx)
			if err == nil {
				c.token = w.keys[instance]
			}
			return err
		})
	sc.Step(`^the server is strict$`, w.otherServer)
	sc.Step(`^the client turns to the other replica$`, w.otherServer)
	// The next requests go to the first server again.
	sc.Step(`^the client turns to the first replica$`,
		func() { w.recorder.Redirect(w.h.Server.Address) })
	// Creates a user; {name} is the id from then on.
	sc.Step(`^a user (\w+)$`,
		func(ctx context.Context, name string) error { return w.aUser(ctx, name, nil) })
	// Creates a user with these attributes; {name} is the id from then on.
	sc.Step(`^a user (\w+) with:$`,
		func(ctx context.Context, name string, more *godog.DocString) error {
			return w.aUser(ctx, name, more)
		})
	// Creates a group; {name} is the id from then on.
	sc.Step(`^a group (\w+)$`,
		func(ctx context.Context, name string) error { return w.aGroup(ctx, name, nil) })
	// Creates a group with these attributes; {name} is the id from then on.
	sc.Step(`^a group (\w+) with:$`,
		func(ctx context.Context, name string, more *godog.DocString) error {
			return w.aGroup(ctx, name, more)
		})
	sc.Step(`^(\d+) users$`, w.users)
	// A header of the next request; empty takes it away.
	sc.Step(`^the header "([^"]*)" is sent as "([^"]*)"$`,
		func(ctx context.Context, name, value string) error {
			c, err := w.client(ctx)
			if err == nil {
				c.headers[name] = value
			}
			return err
		})
}

// registerSending adds the steps that send requests.
func (w *world) registerSending(sc *godog.ScenarioContext) {
	// Sends a request without a body.
	sc.Step(`^the client sends (\w+) "((?:[^"\\]|\\.)*)"$`,
		func(ctx context.Context, method, path string) error {
			return w.send(ctx, method, strings.ReplaceAll(path, `\"`, `%22`), "")
		})
	// Sends a request with a body.
	sc.Step(`^the client sends (\w+) "([^"]*)" with:$`,
		func(ctx context.Context, method, path string, body *godog.DocString) error {
			return w.send(ctx, method, path, body.Content)
		})
	// Sends a PATCH with these operations.
	sc.Step(`^the client patches "([^"]*)" with:$`,
		func(ctx context.Context, path string, operations *godog.DocString) error {
			return w.send(ctx, http.MethodPatch, path,
				`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+
					operations.Content+`]}`)
		})
	// Asks for a list by a filter, which is encoded as it must be.
	sc.Step(`^the client (?:filters|looks for) (Users|Groups) by: (.*)$`, w.filters)
	sc.Step(`^(\d+) clients send (\w+) "([^"]*)" at once with:$`, w.atOnce)
}

// registerAnswers adds the steps about the answer as a whole.
func (w *world) registerAnswers(sc *godog.ScenarioContext) {
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
func (w *world) registerValues(sc *godog.ScenarioContext) {
	sc.Step(`^"(/[^"]*)" is (".*"|\{.*\}|\[.*\]|true|false|null|-?\d.*)$`, w.valueIs)
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
func (w *world) registerLists(sc *godog.ScenarioContext) {
	// The list has exactly these users, in any order.
	sc.Step(`^the list holds (nobody|nothing|[\w, ]+)$`, w.listHolds)
	// The list has exactly these users, in this order.
	sc.Step(`^the list holds, in this order, ([\w, ]+)$`, w.listHoldsInOrder)
}

// registerHeaders adds the steps about the header of an answer.
func (w *world) registerHeaders(sc *godog.ScenarioContext) {
	// The last answer has such a header.
	sc.Step(`^the header "([^"]*)" is there$`, func(name string) error {
		if w.scim.answer.header.Get(name) == "" {
			return fmt.Errorf("there is no header %s", name)
		}
		return nil
	})
	// The header of the last answer has this in it.
	sc.Step(`^the header "([^"]*)" has "([^"]*)"$`, func(name, part string) error {
		if v := w.scim.answer.header.Get(name); !strings.Contains(v, w.fill(part)) {
			return fmt.Errorf("%s is %q", name, v)
		}
		return nil
	})
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

// otherServer turns to a second server on the same database, which is strict.
func (w *world) otherServer(ctx context.Context) error {
	s, err := w.h.Strict(ctx)
	if err == nil {
		w.recorder.Redirect(s.Address)
	}
	return err
}

// merge adds the members of a JSON object, without its braces, to another.
func (w *world) merge(base map[string]any, more *godog.DocString) (string, error) {
	if more != nil {
		if err := json.Unmarshal([]byte("{"+w.fill(more.Content)+"}"), &base); err != nil {
			return "", fmt.Errorf("the members of the step: %w", err)
		}
	}
	text, err := json.Marshal(base)
	return string(text), err
}

// aUser creates a user whose userName is the name with the scenario's tag.
func (w *world) aUser(ctx context.Context, name string, more *godog.DocString) error {
	return w.create(ctx, "/Users", name,
		map[string]any{"schemas": []string{userURN}, "userName": name + "-" + w.tag}, more)
}

// aGroup creates a group whose displayName is the name with the scenario's tag.
func (w *world) aGroup(ctx context.Context, name string, more *godog.DocString) error {
	return w.create(ctx, "/Groups", name,
		map[string]any{"schemas": []string{groupURN}, "displayName": name + "-" + w.tag}, more)
}

func (w *world) create(
	ctx context.Context, path, name string, base map[string]any, more *godog.DocString,
) error {
	body, err := w.merge(base, more)
	if err != nil {
		return err
	}
	if err := w.send(ctx, http.MethodPost, path, body); err != nil {
		return err
	}
	if err := w.answerIs(http.StatusCreated, ""); err != nil {
		return err
	}
	id, err := w.value("/id")
	w.ids[name] = fmt.Sprint(id)
	return err
}

// users creates users u1, u2, … with a common family name.
func (w *world) users(ctx context.Context, n int) error {
	for i := range n {
		more := &godog.DocString{Content: `"name": {"familyName": "Family-{tag}"}`}
		if err := w.aUser(ctx, fmt.Sprintf("u%d", i+1), more); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) filters(ctx context.Context, endpoint, text string) error {
	escaped := strings.NewReplacer("%", "%25", " ", "+", `"`, "%22", "&", "%26", "+", "%2B", "#",
		"%23", ";", "%3B", `\`, "%5C").Replace(w.fill(text))
	return w.send(ctx, http.MethodGet, "/"+endpoint+"?filter="+escaped, "")
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

// refusedIsNotThere checks two creations of groups in a bulk request: each is
// there if and only if it was answered with 201.
func (w *world) refusedIsNotThere(ctx context.Context, names ...string) error {
	answer := w.scim.answer
	for i, name := range names {
		status, _ := pointer(answer.body, fmt.Sprintf("/Operations/%d/status", i))
		if err := w.filters(ctx, "Groups", fmt.Sprintf("displayName eq %q", name)); err != nil {
			return err
		}
		ids, err := w.listed()
		if err != nil {
			return err
		}
		if (len(ids) == 1) != (status == "201") {
			return fmt.Errorf("%q was answered with %v, and %d of it are there", w.fill(name),
				status, len(ids))
		}
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

// atOnce sends the same request several times at the same moment. {n} in the
// body is the number of the client.
func (w *world) atOnce(
	ctx context.Context, n int, method, path string, body *godog.DocString,
) error {
	c, err := w.client(ctx)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var errs error
	w.statuses = make(map[int]int)
	for i := range n {
		wg.Go(func() {
			one := &world{
				h: w.h, tag: w.tag, ids: w.ids, scim: &scimClient{base: c.base, token: c.token},
			}
			err := one.send(ctx, method, path,
				strings.ReplaceAll(body.Content, "{n}", fmt.Sprint(i+1)))
			mu.Lock()
			defer mu.Unlock()
			errs = errors.Join(errs, err)
			if err == nil {
				w.statuses[one.scim.answer.status]++
				c.created = append(c.created, one.scim.created...)
			}
		})
	}
	wg.Wait()
	return errs
}
