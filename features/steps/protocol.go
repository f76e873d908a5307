package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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
func (w *world) registerProtocol(sc *registry) {
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
			if err != nil {
				return err
			}
			if name == "Authorization" && w.h.Offer != nil && w.h.Offer.Open {
				return w.lacks("authentication")
			}
			c.headers[name] = value
			return nil
		})
}

// registerSending adds the steps that send requests.
func (w *world) registerSending(sc *registry) {
	// Sends a request without a body.
	sc.Step(`^the client sends (\w+) "((?:[^"\\]|\\.)*)"$`,
		func(ctx context.Context, method, path string) error {
			return w.request(ctx, method, strings.ReplaceAll(path, `\"`, `%22`), "")
		})
	// Sends a request with a body.
	sc.Step(`^the client sends (\w+) "([^"]*)" with:$`,
		func(ctx context.Context, method, path string, body *godog.DocString) error {
			return w.request(ctx, method, path, body.Content)
		})
	// Sends a PATCH with these operations.
	sc.Step(`^the client patches "([^"]*)" with:$`,
		func(ctx context.Context, path string, operations *godog.DocString) error {
			return w.request(ctx, http.MethodPatch, path,
				`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+
					operations.Content+`]}`)
		})
	// Asks for a list by a filter, which is encoded as it must be.
	sc.Step(`^the client (?:filters|looks for) (Users|Groups) by: (.*)$`, w.filters)
	sc.Step(`^(\d+) clients send (\w+) "([^"]*)" at once with:$`, w.atOnce)
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
	if err := w.request(ctx, http.MethodPost, path, body); err != nil {
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
	return w.request(ctx, http.MethodGet, "/"+endpoint+"?filter="+escaped, "")
}

// request sends what a scenario asks for, if the server offers it.
func (w *world) request(ctx context.Context, method, path, body string) error {
	if err := w.offers(method, path, body); err != nil {
		return err
	}
	return w.send(ctx, method, path, body)
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

// atOnce sends the same request several times at the same moment. {n} in the
// body is the number of the client.
func (w *world) atOnce(
	ctx context.Context, n int, method, path string, body *godog.DocString,
) error {
	c, err := w.client(ctx)
	if err != nil {
		return err
	}
	if err := w.offers(method, path, body.Content); err != nil {
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
