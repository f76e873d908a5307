package events

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"muster/server/history"
)

// response is the payload of Section 2.5.1.3 of RFC 9967: an operation of the answer to
// a Bulk.
type response struct {
	Location string          `json:"location,omitempty"`
	Method   string          `json:"method"`
	BulkID   string          `json:"bulkId,omitempty"`
	Version  string          `json:"version,omitempty"`
	Status   string          `json:"status"`
	Response json.RawMessage `json:"response,omitempty"`
}

func completion(r *history.Result) response {
	return response{
		r.Location, r.Method, r.BulkID, r.ETag, strconv.Itoa(r.Status), r.Response,
	}
}

// Completion returns the event of what came of a request, for the client who asked for
// it: the token, and its "jti". It is the same whenever it is fetched, but for the
// signature.
func (s *Service) Completion(
	ctx context.Context, e *history.Event, at time.Time, audience string,
) (id, token string, err error) {
	c := &Claims{
		Issuer: s.public, ID: "response." + e.Txn, Audience: []string{audience},
		IssuedAt: at.Unix(), Time: at.Unix(), Txn: e.Txn,
		Subject: Subject{Format: "scim", URI: e.Result.URI},
		Events:  map[string]any{AsyncResponse.URI(""): completion(e.Result)},
	}
	token, err = s.keys.Sign(ctx, c)
	return c.ID, token, err
}
