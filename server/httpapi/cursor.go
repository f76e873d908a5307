package httpapi

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"muster/server/provisioning"
	"muster/server/scim"
)

// CursorTimeout is how long a cursor is valid, RFC 9865.
const CursorTimeout = time.Hour

// cursor is a place in the results of a query, RFC 9865. It travels with the
// client, sealed: the server keeps nothing, so that any replica can go on,
// and no client can read or make one. It is sealed with the API key that the
// first page was read with, so that it ends with the key.
type cursor struct {
	// Query tells the query from others.
	Query uint64 `json:"q"`
	// Issued is when the cursor was made, in seconds since 1970.
	Issued int64 `json:"t"`
	// Type is the index of the resource type in a query across types.
	Type int `json:"k,omitempty"`
	// After is the place; nil at the beginning of the type.
	After *provisioning.Position `json:"p,omitempty"`
	// Total is how many resources there were on all pages at first.
	Total int `json:"n"`
}

// fingerprint returns what tells a query from others: the instance, what is
// searched, the filter, and the order. The client may change the rest.
func (x *requestContext) fingerprint(q *search) uint64 {
	h := sha256.New()
	filter := "-"
	if q.filter != nil {
		filter = "+" + *q.filter
	}
	fmt.Fprintf(h, "%q %q %q %q %v", x.scope.Instance.ID, x.route.searched, filter, q.sortBy,
		q.descending)
	return binary.BigEndian.Uint64(h.Sum(nil))
}

func (x *requestContext) aead() (cipher.AEAD, error) {
	key := sha256.Sum256(append([]byte("muster cursor "), x.digest...))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal returns the cursor as a client gets it: unreserved characters only.
func (x *requestContext) seal(c *cursor) (string, error) {
	aead, err := x.aead()
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nonce, nonce, text, nil)), nil
}

// open returns the cursor that a client sent. Whatever is wrong with it but
// its age, the answer is the same.
func (x *requestContext) open(text string, query uint64, now time.Time) (*cursor, error) {
	invalid := scim.BadRequest(scim.InvalidCursor,
		"the cursor is not valid: begin with an empty one, and repeat the query as it was with "+
			"the nextCursor of the last answer")
	aead, err := x.aead()
	if err != nil {
		return nil, err
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(sealed) < aead.NonceSize() {
		return nil, invalid
	}
	n := aead.NonceSize()
	plain, err := aead.Open(nil, sealed[:n], sealed[n:], nil)
	if err != nil {
		return nil, invalid
	}
	c := &cursor{}
	if err := json.Unmarshal(plain, c); err != nil || c.Query != query {
		return nil, invalid
	}
	if now.Sub(time.Unix(c.Issued, 0)) > CursorTimeout {
		return nil, scim.BadRequest(scim.ExpiredCursor,
			"the cursor has expired: one is valid for %d seconds; begin with an empty one",
			int(CursorTimeout.Seconds()))
	}
	return c, nil
}
