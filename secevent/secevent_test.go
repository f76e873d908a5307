package secevent_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"muster/secevent"
)

// issuer is one who signs, and publishes its keys.
type issuer struct {
	*httptest.Server
	key     jose.JSONWebKey
	fetched atomic.Int64
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{key: newKey(t, "1")}
	i.Server = httptest.NewServer(http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) {
			i.fetched.Add(1)
			_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{
				Keys: []jose.JSONWebKey{i.key.Public()},
			})
		}))
	t.Cleanup(i.Close)
	return i
}

func newKey(t *testing.T, id string) jose.JSONWebKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: k, KeyID: id, Algorithm: string(jose.ES256)}
}

// sign signs claims of a type with a key.
func sign(t *testing.T, key any, algorithm jose.SignatureAlgorithm, typ string,
	claims map[string]any,
) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func (i *issuer) claims(change map[string]any) map[string]any {
	c := map[string]any{
		"iss": i.URL, "jti": "1", "aud": []string{"me", "others"}, "iat": 1,
		"sub_id": map[string]any{"format": "scim", "uri": "/Users/1"},
		"events": map[string]any{"urn:x": map[string]any{}},
	}
	maps.Copy(c, change)
	return c
}

// TestVerify: what is not signed by the issuer, for this receiver, is refused, with the
// code that RFC 8935 has for it.
func TestVerify(t *testing.T) {
	i := newIssuer(t)
	other := newKey(t, "1")
	stranger := newKey(t, "2")
	good := sign(t, i.key, jose.ES256, "secevent+jwt", i.claims(nil))
	parts := strings.Split(good, ".")
	by := func(key any, algorithm jose.SignatureAlgorithm) string {
		return sign(t, key, algorithm, "secevent+jwt", i.claims(nil))
	}
	with := func(claim string, value any) string {
		return sign(t, i.key, jose.ES256, "secevent+jwt", i.claims(map[string]any{claim: value}))
	}
	jwt := sign(t, i.key, jose.ES256, "JWT", i.claims(nil))
	secret := []byte(strings.Repeat("x", 32))
	for name, test := range map[string]struct{ token, code string }{
		"good":             {good, ""},
		"alone":            {with("aud", "me"), ""},
		"no token":         {"", secevent.InvalidRequest},
		"text":             {"hello", secevent.InvalidRequest},
		"no signature":     {parts[0] + "." + parts[1] + ".", secevent.InvalidKey},
		"another key":      {by(other, jose.ES256), secevent.InvalidKey},
		"an unknown key":   {by(stranger, jose.ES256), secevent.InvalidKey},
		"a shared secret":  {by(secret, jose.HS256), secevent.InvalidRequest},
		"another type":     {jwt, secevent.InvalidRequest},
		"another issuer":   {with("iss", "x"), secevent.InvalidIssuer},
		"another audience": {with("aud", "x"), secevent.InvalidAudience},
		"no audience":      {with("aud", nil), secevent.InvalidAudience},
		"no id":            {with("jti", ""), secevent.InvalidRequest},
		"no events":        {with("events", nil), secevent.InvalidRequest},
		"odd events":       {with("events", 1), secevent.InvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			taken := false
			r := &secevent.Receiver{
				Verifier: &secevent.Verifier{
					Issuer: i.URL, KeysURL: i.URL + "/keys", Audience: "me",
				},
				Take: func(context.Context, *secevent.Token) error {
					taken = true
					return nil
				},
			}
			q := httptest.NewRequestWithContext(t.Context(), "POST", "/",
				strings.NewReader(test.token))
			q.Header.Set("Content-Type", secevent.MediaType)
			w := httptest.NewRecorder()
			r.ServeHTTP(w, q)
			var said struct{ Err string }
			_ = json.Unmarshal(w.Body.Bytes(), &said)
			if said.Err != test.code || taken != (test.code == "") ||
				taken != (w.Code == http.StatusAccepted) {
				t.Errorf("got %d %s, taken %v", w.Code, w.Body, taken)
			}
		})
	}
}

// TestKeys: a new key of the issuer is found, and forged tokens do not have the keys be
// fetched as often as they come.
func TestKeys(t *testing.T) {
	i := newIssuer(t)
	v := &secevent.Verifier{Issuer: i.URL}
	verify := func(key jose.JSONWebKey) error {
		_, err := v.Verify(t.Context(), sign(t, key, jose.ES256, "secevent+jwt", i.claims(nil)))
		return err
	}
	if err := verify(i.key); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if err := verify(newKey(t, "forged")); err == nil {
			t.Fatal("a forged token was taken")
		}
	}
	if n := i.fetched.Load(); n > 3 {
		t.Errorf("the keys were fetched %d times", n)
	}
	i.key = newKey(t, "new")
	deadline := time.Now().Add(10 * time.Second)
	for err := verify(i.key); err != nil; err = verify(i.key) {
		if time.Now().After(deadline) {
			t.Fatalf("the new key is not found: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	i.Close()
	w := &secevent.Verifier{Issuer: i.URL}
	_, err := w.Verify(t.Context(), sign(t, i.key, jose.ES256, "secevent+jwt", i.claims(nil)))
	var refused *secevent.Error
	if err == nil || errors.As(err, &refused) {
		t.Errorf("that the keys cannot be fetched is no fault of the token: %v", err)
	}
}

// TestPush: what cannot be taken now is answered so that it comes again.
func TestPush(t *testing.T) {
	i := newIssuer(t)
	good := sign(t, i.key, jose.ES256, "secevent+jwt", i.claims(nil))
	const media = secevent.MediaType
	for name, test := range map[string]struct {
		method, kind, authorization string
		err                         error
		status                      int
	}{
		"taken":         {"POST", media, "Bearer x", nil, http.StatusAccepted},
		"later":         {"POST", media, "Bearer x", io.EOF, http.StatusServiceUnavailable},
		"refused":       {"POST", media, "Bearer x", &secevent.Error{}, http.StatusBadRequest},
		"a GET":         {"GET", media, "Bearer x", nil, http.StatusMethodNotAllowed},
		"another type":  {"POST", "application/json", "Bearer x", nil, http.StatusBadRequest},
		"unauthorized":  {"POST", media, "Bearer y", nil, http.StatusBadRequest},
		"no credential": {"POST", media, "", nil, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			r := &secevent.Receiver{
				Verifier: &secevent.Verifier{Issuer: i.URL}, Authorization: "Bearer x",
				Take: func(context.Context, *secevent.Token) error { return test.err },
			}
			q := httptest.NewRequestWithContext(t.Context(), test.method, "/",
				strings.NewReader(good))
			q.Header.Set("Content-Type", test.kind)
			q.Header.Set("Authorization", test.authorization)
			w := httptest.NewRecorder()
			r.ServeHTTP(w, q)
			if w.Code != test.status {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
}
