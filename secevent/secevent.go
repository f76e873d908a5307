// Package secevent receives Security Event Tokens (RFC 8417): it verifies them, and takes
// them as they are pushed (RFC 8935) or polls for them (RFC 8936).
package secevent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// MediaType is that of a token, Section 2.3 of RFC 8417.
const MediaType = "application/secevent+jwt"

// maxText is how long what is read of others may be, in bytes.
const maxText = 16 << 20

// Subject is a "sub_id" of format scim: Section 2.1 of RFC 9967.
type Subject struct {
	Format     string `json:"format"`
	URI        string `json:"uri"`
	ExternalID string `json:"externalId,omitempty"`
	ID         string `json:"id,omitempty"`
}

// Token is a token that was verified.
type Token struct {
	ID       string  `json:"jti"`
	Issuer   string  `json:"iss"`
	IssuedAt int64   `json:"iat"`
	Time     int64   `json:"toe,omitempty"`
	Txn      string  `json:"txn,omitempty"`
	Subject  Subject `json:"sub_id"`
	// Events are the payloads, by the URI of the event.
	Events map[string]json.RawMessage `json:"events"`
}

// Version returns the version that the events name, where it is a number, as Muster's are;
// 0 if they name none.
func (t *Token) Version() (n int64) {
	for _, text := range t.Events {
		var p struct {
			Version string `json:"version"`
		}
		// Payloads of others may be otherwise.
		if json.Unmarshal(text, &p) != nil {
			continue
		}
		number := strings.Trim(strings.TrimPrefix(p.Version, "W/"), `"`)
		if v, err := strconv.ParseInt(number, 10, 64); err == nil {
			n = max(n, v)
		}
	}
	return n
}

// Error says what is wrong with a token, with a code of Section 2.4 of RFC 8935.
type Error struct{ Code, Description string }

// Error returns both.
func (e *Error) Error() string { return e.Code + ": " + e.Description }

// The codes.
const (
	InvalidRequest       = "invalid_request"
	InvalidKey           = "invalid_key"
	InvalidIssuer        = "invalid_issuer"
	InvalidAudience      = "invalid_audience"
	AuthenticationFailed = "authentication_failed"
)

// Verifier verifies the tokens of one issuer.
type Verifier struct {
	// Issuer is the "iss" that is taken, and KeysURL where its keys are; its
	// /events/jwks.json if empty. Without an issuer, whoever has the keys is taken for one.
	Issuer, KeysURL string
	// Audience is the "aud" that is taken; any if empty.
	Audience string
	// Client fetches the keys; [http.DefaultClient] if nil.
	Client *http.Client

	mu      sync.Mutex
	keys    *jose.JSONWebKeySet
	fetched time.Time
}

// refetchTime is how often keys are fetched at the most: a forged token must not make
// its receiver ask its issuer as often as it comes.
const refetchTime = time.Second

// Verify returns a token whose signature, issuer and audience are right. What is wrong
// with the token is an [*Error]; that the keys cannot be fetched is another one.
func (v *Verifier) Verify(ctx context.Context, text string) (*Token, error) {
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(signed.Signatures) != 1 {
		return nil, &Error{InvalidRequest, "this is no token that is signed with ES256"}
	}
	header := signed.Signatures[0].Header
	if t, _ := header.ExtraHeaders[jose.HeaderType].(string); t != "secevent+jwt" {
		return nil, &Error{InvalidRequest, "the token is of another type than secevent+jwt"}
	}
	key, err := v.key(ctx, header.KeyID)
	if err != nil {
		return nil, err
	}
	payload, err := signed.Verify(key)
	if err != nil {
		return nil, &Error{InvalidKey, "the signature is not right"}
	}
	var t struct {
		Token
		Audience any `json:"aud"`
	}
	if err := json.Unmarshal(payload, &t); err != nil {
		return nil, &Error{InvalidRequest, "the claims cannot be read"}
	}
	switch {
	case v.Issuer != "" && t.Issuer != v.Issuer:
		return nil, &Error{InvalidIssuer, fmt.Sprintf("the issuer is %q", t.Issuer)}
	case v.Audience != "" && !slices.Contains(audiences(t.Audience), v.Audience):
		return nil, &Error{InvalidAudience, "the token is for somebody else"}
	case t.ID == "" || len(t.Events) == 0:
		return nil, &Error{InvalidRequest, "the token has no jti, or no events"}
	}
	return &t.Token, nil
}

// audiences returns those of an "aud", which is a text or a list.
func audiences(v any) (list []string) {
	switch v := v.(type) {
	case string:
		list = append(list, v)
	case []any:
		for _, x := range v {
			if text, ok := x.(string); ok {
				list = append(list, text)
			}
		}
	}
	return list
}

// key returns the key of an id. One that is not known may be new: then all are fetched
// again.
func (v *Verifier) key(ctx context.Context, id string) (*jose.JSONWebKey, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for range 2 {
		if v.keys != nil {
			if list := v.keys.Key(id); len(list) > 0 {
				return &list[0], nil
			}
			if time.Since(v.fetched) < refetchTime {
				break
			}
		}
		if err := v.fetch(ctx); err != nil {
			return nil, fmt.Errorf("the keys of the issuer: %w", err)
		}
	}
	return nil, &Error{InvalidKey, "the issuer has no such key"}
}

func (v *Verifier) fetch(ctx context.Context) error {
	url := v.KeysURL
	if url == "" {
		url = strings.TrimSuffix(v.Issuer, "/") + "/events/jwks.json"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := client(v.Client).Do(r)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxText))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d", url, resp.StatusCode)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(text, &set); err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	v.keys, v.fetched = &set, time.Now()
	return nil
}

func client(c *http.Client) *http.Client {
	if c == nil {
		return http.DefaultClient
	}
	return c
}
