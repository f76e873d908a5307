package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"muster/server/administration"
	"muster/server/events"
	"muster/server/history"
	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/scim"
)

// Publisher is what sends events; see package events.
type Publisher interface {
	Receiver(ctx context.Context, id, token string) (*events.Feed, error)
	Poll(ctx context.Context, f *events.Feed, r events.PollRequest) (events.PollAnswer, error)
	PublicKeys(ctx context.Context) (*jose.JSONWebKeySet, error)
	Completion(ctx context.Context, e *history.Event, at time.Time, audience string) (
		id, token string, err error)
}

// feedPath is where feeds are polled.
const feedPath = "/events/feeds/{feed}"

// isEvents reports whether a path is for receivers of events: they have tokens of
// their own, and the keys are for everybody.
func isEvents(path string) bool { return strings.HasPrefix(path, "/events/") }

// eventKeys answers with the public keys by which events are verified.
func (s *server) eventKeys(x *requestContext) error {
	set, err := s.Events.PublicKeys(x.Context())
	if err != nil {
		return err
	}
	body, err := json.Marshal(set)
	if err != nil {
		return err
	}
	return x.sendJSON(http.StatusOK, "application/jwk-set+json", body)
}

// poll gives a receiver its events: Section 2 of RFC 8936.
func (s *server) poll(x *requestContext) error {
	token, err := bearer(x.Header)
	if err != nil {
		return challenge(x, &instance.KeyError{Reason: `no token: send the header ` +
			`"Authorization: Bearer " followed by the token of the feed`})
	}
	f, err := s.Events.Receiver(x.Context(), x.PathValue("feed"), token)
	if errors.Is(err, instance.ErrNotFound) {
		return challenge(x, &instance.KeyError{Reason: "the feed or its token is not known here"})
	}
	if err != nil {
		return err
	}
	x.Request = x.WithContext(instance.WithTenant(x.Context(), f.InstanceID))
	leave, err := s.limits.polls.Enter(x.Context(), f.ID)
	if err != nil {
		return err
	}
	defer leave()
	r, err := read[events.PollRequest](x)
	if err != nil {
		return err
	}
	if !f.Paused.IsZero() {
		return &scim.Error{
			Status: http.StatusServiceUnavailable, RetryAfter: time.Minute,
			Detail: "an administrator has paused the feed; nothing is lost meanwhile",
		}
	}
	answer, err := s.Events.Poll(x.Context(), f, r)
	if errors.Is(err, instance.ErrNotFound) {
		return scim.NotFound("Feed", f.ID)
	}
	if err != nil {
		return err
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return x.sendJSON(http.StatusOK, scim.MediaTypeJSON, body)
}

// feedRoutes look after the feeds of an instance.
func (s *server) feedRoutes() []*route {
	type moment struct {
		To time.Time `json:"to"`
	}
	type rewound struct {
		Rows int64 `json:"rows"`
	}
	type state struct {
		Paused bool `json:"paused"`
	}
	type dropped struct {
		Dropped int `json:"dropped"`
	}
	const all, one = adminInstance + "/feeds", adminInstance + "/feeds/{feed}"
	shown := func(x *requestContext, sc provisioning.Scope, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		return s.Admin.ShowFeed(x.Context(), sc, x.PathValue("feed"))
	}
	return []*route{
		s.adminRoute("GET", all, http.StatusOK,
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return itemsOf(s.Admin.ListFeeds(x.Context(), sc))
			}),
		owners(s.adminRoute("POST", all, http.StatusCreated,
			with(func(
				x *requestContext, sc provisioning.Scope, n administration.NewFeed,
			) (any, error) {
				return s.Admin.CreateFeed(x.Context(), sc, n)
			}))),
		s.adminRoute("GET", one, http.StatusOK,
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return shown(x, sc, nil)
			}),
		owners(s.adminRoute("PATCH", one, http.StatusOK,
			with(func(x *requestContext, sc provisioning.Scope, to state) (any, error) {
				_, err := s.Admin.PauseFeed(x.Context(), sc, x.PathValue("feed"), to.Paused)
				return shown(x, sc, err)
			}))),
		owners(s.adminRoute("DELETE", one, http.StatusNoContent,
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return nil, s.Admin.DeleteFeed(x.Context(), sc, x.PathValue("feed"))
			})),
		owners(s.adminRoute("POST", one+"/rewind", http.StatusOK,
			with(func(x *requestContext, sc provisioning.Scope, m moment) (any, error) {
				n, err := s.Admin.RewindFeed(x.Context(), sc, x.PathValue("feed"), m.To)
				return rewound{n}, err
			}))),
		s.adminRoute("GET", one+"/parked", http.StatusOK,
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return itemsOf(s.Admin.ParkedEvents(x.Context(), sc, x.PathValue("feed")))
			}),
		owners(s.adminRoute("DELETE", one+"/parked", http.StatusOK,
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				n, err := s.Admin.DropParked(x.Context(), sc, x.PathValue("feed"))
				return dropped{n}, err
			})),
	}
}
