package instance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"muster/server/history"
)

// Client is an OAuth 2.0 client of an instance. It authenticates by JWTs that
// it signs, as RFC 7523 says, and gets access tokens for them: keys that end
// soon.
type Client struct {
	// ID is the client_id.
	ID         string
	InstanceID string
	// UserName is the integration user on whose behalf its tokens are made.
	UserName string
	// KeySet is the JSON Web Key Set with its public keys, or KeySetURL where
	// that is.
	KeySet    []byte
	KeySetURL string
	Created   time.Time
	Revoked   time.Time // zero while it is not
	// Permit is that of its tokens.
	Permit
}

// TokenLife is how long an access token is valid.
const TokenLife = 10 * time.Minute

// ErrReplayed says that an assertion was used before.
var ErrReplayed = errors.New("the assertion was used before")

// CreateClient registers a client that acts on behalf of an integration user.
func (s *Service) CreateClient(
	ctx context.Context, i *Instance, c Client, actor history.Actor,
) (*Client, error) {
	h, err := s.fitHolder(ctx, i, c.UserName)
	if err != nil {
		return nil, err
	}
	c.ID, c.InstanceID, c.UserName = "client_"+randomDigits(keyIDLength, 36), i.ID, h.UserName
	c.Created, c.Access = s.now().UTC().Truncate(time.Millisecond), cmp.Or(c.Access, FullAccess)
	e := history.New(i.ID, c.Created, actor, history.ClientCreate,
		history.Target{Type: "Client", ID: c.ID, Name: h.UserName})
	e.AddDetail(c.Summary())
	if err := s.store.CreateClient(ctx, &c, e); err != nil {
		return nil, fmt.Errorf("create client: %w", err)
	}
	return &c, nil
}

// Clients returns the clients of an instance, the oldest first.
func (s *Service) Clients(ctx context.Context, i *Instance) ([]*Client, error) {
	return s.store.Clients(ctx, i.ID)
}

// Client returns a client of any instance, or ErrNotFound.
func (s *Service) Client(ctx context.Context, id string) (*Client, error) {
	return s.store.Client(ctx, id)
}

// RevokeClient ends a client and all its tokens at once. It reports false if
// that was done before.
func (s *Service) RevokeClient(
	ctx context.Context, i *Instance, id string, actor history.Actor,
) (bool, error) {
	now := s.now().UTC().Truncate(time.Millisecond)
	e := history.New(i.ID, now, actor, history.ClientRevoke, history.Target{Type: "Client", ID: id})
	changed, err := s.store.RevokeClient(ctx, i.ID, id, now, e)
	if errors.Is(err, ErrNotFound) {
		return false, Missing("instance %s has no client %q; `muster-server client list "+
			"--instance %s` shows its clients", i.Slug, id, i.Slug)
	}
	return changed, err
}

// Grant is what entitles a client to one token.
type Grant struct {
	Client *Client
	// Assertion tells its assertion from all others, and Until is when that
	// ends by itself: until then it must not be used again.
	Assertion string
	Until     time.Time
}

// IssueToken makes an access token for a client, or returns [ErrReplayed]. It
// refuses with a [KeyError] if the client's user may hold no key.
func (s *Service) IssueToken(
	ctx context.Context, g Grant, actor history.Actor,
) (text string, err error) {
	i, err := s.store.Instance(ctx, g.Client.InstanceID)
	if err != nil {
		return "", err
	}
	h, err := s.store.Holder(ctx, i.ID, g.Client.UserName)
	switch {
	case errors.Is(err, ErrNotFound):
		return "", &KeyError{Reason: "the integration user of the client was deleted"}
	case err != nil:
		return "", err
	case h.unfit() != "":
		return "", &KeyError{Reason: h.unfit()}
	case !i.Edition.SCIM():
		return "", &KeyError{Forbidden: true, Reason: "the edition of the instance has no SCIM"}
	}
	k, text := s.newKey(i, h, TokenLife, g.Client.Permit)
	k.ClientID = g.Client.ID
	actor.Kind, actor.Name, actor.KeyID = history.KeyActor, h.UserName, k.ID
	e := history.New(i.ID, k.Created, actor, history.TokenIssue,
		history.Target{Type: "Client", ID: g.Client.ID, Name: h.UserName})
	e.Detail = "for an assertion that the client signed; expires " + k.Expires.Format(time.RFC3339)
	if err := s.store.IssueToken(ctx, k, g, e); err != nil {
		return "", fmt.Errorf("issue token: %w", err)
	}
	return text, nil
}

// RefuseClient writes to the history that a client could not authenticate.
func (s *Service) RefuseClient(
	ctx context.Context, c *Client, reason string, actor history.Actor,
) error {
	actor.Kind, actor.Name = history.KeyActor, c.UserName
	e := history.New(c.InstanceID, s.now(), actor, history.TokenIssue,
		history.Target{Type: "Client", ID: c.ID, Name: c.UserName})
	e.Outcome, e.Status, e.Detail = history.Refused, 401, reason
	return s.history.AppendHistory(ctx, e)
}
