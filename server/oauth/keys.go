package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"muster/server/instance"
)

// How long a key set that was fetched is used, and how soon it is fetched
// again for a key that it does not have: keys are exchanged by adding one
// before it is used.
const (
	keySetTime  = 10 * time.Minute
	keySetPause = 5 * time.Second
)

// maxKeySet is how long a key set may be, in bytes.
const maxKeySet = 256 << 10

// keySets fetches the keys of clients.
type keySets struct {
	client *http.Client
	mu     sync.Mutex
	kept   map[string]fetched // by the URL
}

type fetched struct {
	keys jose.JSONWebKeySet
	at   time.Time
}

func newKeySets() *keySets {
	return &keySets{
		kept: make(map[string]fetched),
		client: &http.Client{
			Timeout: 5 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
				return errors.New("it leads elsewhere; the URL of a key set must be its own")
			},
		},
	}
}

// ParseKeySet reads a JSON Web Key Set, which must have public keys only.
func ParseKeySet(text []byte) (*jose.JSONWebKeySet, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("no JSON Web Key Set: %w", err)
	}
	if len(set.Keys) == 0 {
		return nil, errors.New("the JSON Web Key Set has no keys")
	}
	for _, k := range set.Keys {
		if !k.IsPublic() || !k.Valid() {
			return nil, fmt.Errorf("the key %q is no public key; a private key stays "+
				"with the client", k.KeyID)
		}
	}
	return &set, nil
}

// CheckKeySetURL refuses a URL from which keys cannot be taken safely.
func CheckKeySetURL(text string) error {
	u, err := url.Parse(text)
	safe := err == nil && u.Host != "" && u.User == nil &&
		(u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()))
	if !safe {
		return fmt.Errorf("%q is no https:// URL", text)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// of returns the keys of a client with an id, or all if it is empty.
func (s *keySets) of(
	ctx context.Context, c *instance.Client, id string,
) ([]jose.JSONWebKey, error) {
	choose := func(set *jose.JSONWebKeySet) []jose.JSONWebKey {
		if id == "" {
			return set.Keys
		}
		return set.Key(id)
	}
	if c.KeySetURL == "" {
		set, err := ParseKeySet(c.KeySet)
		if err != nil {
			return nil, err
		}
		return choose(set), nil
	}
	s.mu.Lock() // one fetches, and the others wait for it
	defer s.mu.Unlock()
	f, known := s.kept[c.KeySetURL]
	age := time.Since(f.at)
	if known && age < keySetTime {
		if keys := choose(&f.keys); len(keys) > 0 || age < keySetPause {
			return keys, nil
		}
	}
	set, err := s.fetch(ctx, c.KeySetURL)
	if err != nil {
		return nil, invalidClient("the key set of the client cannot be read: %v", err)
	}
	s.kept[c.KeySetURL] = fetched{*set, time.Now()}
	return choose(set), nil
}

// FetchKeySet reads the key set at a URL.
func FetchKeySet(ctx context.Context, from string) (*jose.JSONWebKeySet, error) {
	return newKeySets().fetch(ctx, from)
}

func (s *keySets) fetch(ctx context.Context, from string) (*jose.JSONWebKeySet, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxKeySet+1))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK || len(text) > maxKeySet {
		return nil, fmt.Errorf("%s answered %s, with %d bytes", from, resp.Status, len(text))
	}
	return ParseKeySet(text)
}

// CheckKeySet reports what is wrong with the key set of a client that is to be
// registered: that of a text, or, if there is none, the one that an address
// has.
func CheckKeySet(ctx context.Context, text []byte, address string) error {
	if address == "" {
		_, err := ParseKeySet(text)
		return err
	}
	if err := CheckKeySetURL(address); err != nil {
		return err
	}
	_, err := FetchKeySet(ctx, address)
	return err
}
