package events

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
)

// TokenType is the "typ" of the header of a Security Event Token, Section 2.3 of RFC
// 8417, and MediaType what it is sent as.
const (
	TokenType = "secevent+jwt"
	MediaType = "application/secevent+jwt"
)

// Key signs events. All servers of a deployment share it.
type Key struct {
	ID      string
	Private []byte // a JSON Web Key
	Created time.Time
	// Retired is when another took its place; zero before. It is published for
	// retiredTime after that, so that what it signed can be verified.
	Retired time.Time
}

const (
	// keyTime is how long keys are used without being read again, and a new one is
	// published before it signs.
	keyTime     = 10 * time.Second
	retiredTime = 30 * 24 * time.Hour
)

// newKey makes a key.
func newKey(now time.Time) (Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Key{}, err
	}
	id := uuid.NewString()
	text, err := json.Marshal(jose.JSONWebKey{
		Key: private, KeyID: id, Algorithm: string(jose.ES256), Use: "sig",
	})
	return Key{ID: id, Private: text, Created: now}, err
}

// keys are those of a deployment, as a server knows them.
type keys struct {
	store Store
	mu    sync.Mutex
	read  time.Time
	set   jose.JSONWebKeySet
	sign  jose.Signer
}

// Public returns the keys by which what was signed is verified.
func (k *keys) Public(ctx context.Context) (*jose.JSONWebKeySet, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.refresh(ctx); err != nil {
		return nil, err
	}
	set := k.set
	return &set, nil
}

// Sign returns a signed token.
func (k *keys) Sign(ctx context.Context, c *Claims) (string, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	k.mu.Lock()
	err = k.refresh(ctx)
	sign := k.sign
	k.mu.Unlock()
	if err != nil {
		return "", err
	}
	signed, err := sign.Sign(text)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// refresh reads the keys, and makes the first.
func (k *keys) refresh(ctx context.Context) error {
	now := time.Now()
	if k.sign != nil && now.Sub(k.read) < keyTime {
		return nil
	}
	list, err := k.store.EventKeys(ctx)
	if err == nil && len(list) == 0 {
		var first Key
		if first, err = newKey(now); err == nil {
			if err = k.store.AddEventKey(ctx, first, true); err == nil {
				list, err = k.store.EventKeys(ctx)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("the keys that sign events: %w", err)
	}
	set, sign, err := arrange(list, now)
	if err != nil {
		return fmt.Errorf("the keys that sign events: %w", err)
	}
	k.set, k.sign, k.read = set, sign, now
	return nil
}

// arrange returns what is published, and what signs: the newest key that every server
// has had the time to publish, or the one before it.
func arrange(list []Key, now time.Time) (jose.JSONWebKeySet, jose.Signer, error) {
	var set jose.JSONWebKeySet
	var signing *jose.JSONWebKey
	for _, k := range list { // the newest first
		if !k.Retired.IsZero() && now.Sub(k.Retired) > retiredTime {
			continue
		}
		var key jose.JSONWebKey
		if err := json.Unmarshal(k.Private, &key); err != nil {
			return set, nil, err
		}
		set.Keys = append(set.Keys, key.Public())
		if signing == nil || now.Sub(list[0].Created) < 2*keyTime && len(set.Keys) == 2 {
			signing = &key
		}
	}
	if signing == nil {
		return set, nil, errors.New("there is none")
	}
	sign, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: signing},
		(&jose.SignerOptions{}).WithType(TokenType))
	return set, sign, err
}
