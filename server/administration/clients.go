package administration

import (
	"context"
	"time"

	"muster/server/instance"
	"muster/server/provisioning"
)

// Client is an OAuth 2.0 client as administrators see it.
type Client struct {
	ID       string    `json:"id"`
	User     string    `json:"user"`
	JWKSURL  string    `json:"jwksUrl,omitempty"`
	State    string    `json:"state"` // "valid" or "revoked"
	Created  time.Time `json:"created"`
	Access   string    `json:"access"`
	Networks []string  `json:"networks"`
}

func describeClient(c *instance.Client) Client {
	d := Client{
		ID: c.ID, User: c.UserName, JWKSURL: c.KeySetURL, State: "valid", Created: c.Created,
		Access: string(c.Access), Networks: c.Texts(),
	}
	if !c.Revoked.IsZero() {
		d.State = "revoked"
	}
	return d
}

// NewClient is a client that is to be registered, with its keys or where they
// are. They were looked at before: see package oauth.
type NewClient struct {
	User      string
	KeySet    []byte
	KeySetURL string
	Permit
}

// CreateClient registers a client.
func (s *Service) CreateClient(
	ctx context.Context, sc provisioning.Scope, n NewClient,
) (Client, error) {
	permit, err := instance.NewPermit(n.Access, n.Networks)
	if err != nil {
		return Client{}, err
	}
	c, err := s.Instances.CreateClient(ctx, sc.Instance, instance.Client{
		UserName: n.User, KeySet: n.KeySet, KeySetURL: n.KeySetURL, Permit: permit,
	}, sc.Actor)
	if err != nil {
		return Client{}, err
	}
	return describeClient(c), nil
}

// ListClients returns the clients of an instance, the oldest first.
func (s *Service) ListClients(ctx context.Context, sc provisioning.Scope) ([]Client, error) {
	clients, err := s.Instances.Clients(ctx, sc.Instance)
	list := make([]Client, len(clients))
	for i, c := range clients {
		list[i] = describeClient(c)
	}
	return list, err
}
