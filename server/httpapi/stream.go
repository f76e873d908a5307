package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"muster/server/history"
	"muster/server/provisioning"
)

// breath is how often a stream without rows says that it is there.
const breath = 15 * time.Second

// streamHistory answers with the rows of the history as they are written, as
// Server-Sent Events. It ends with the time that a request has; a client comes back
// with the place of the last row.
func (s *server) streamHistory(x *requestContext, sc provisioning.Scope) (any, error) {
	after := int64(provisioning.FromNow)
	if last := x.Header.Get("Last-Event-ID"); last != "" {
		var err error
		if after, err = strconv.ParseInt(last, 10, 64); err != nil {
			return nil, err // the contract has checked it
		}
	}
	flusher := http.NewResponseController(x.answer)
	spoken := time.Now()
	begin := func() error {
		if x.answer.status != 0 {
			return nil
		}
		h := x.answer.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Accel-Buffering", "no") // a proxy that buffers would hold rows back
		x.answer.WriteHeader(http.StatusOK)
		if _, err := fmt.Fprint(x.answer, "retry: 1000\n\n"); err != nil {
			return err
		}
		return flusher.Flush()
	}
	return nil, s.Admin.StreamHistory(x.Context(), sc, historyQuery(x), after, provisioning.Stream{
		Row: func(row history.Sealed) error {
			if err := begin(); err != nil {
				return err
			}
			text, err := json.Marshal(row.Entry)
			if err != nil {
				return err
			}
			spoken = time.Now()
			_, err = fmt.Fprintf(x.answer, "id: %d\ndata: %s\n\n", row.Seq, text)
			return err
		},
		Idle: func() error {
			if err := begin(); err != nil {
				return err
			}
			if time.Since(spoken) > breath {
				spoken = time.Now()
				if _, err := fmt.Fprint(x.answer, ":\n\n"); err != nil {
					return err
				}
			}
			return flusher.Flush()
		},
	})
}
