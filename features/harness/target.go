package harness

import (
	"net/http"
	"strings"
	"time"
)

// Target is a SCIM server that somebody else runs.
type Target struct {
	// BaseURL ends in /scim/v2 or the like.
	BaseURL string
	// Token is sent as a bearer token; with none, no Authorization is sent.
	Token string
}

// Remote returns a harness for a server that runs already. It serves the
// features of the protocol only.
func Remote(t Target) *Harness {
	t.BaseURL = strings.TrimSuffix(t.BaseURL, "/")
	return &Harness{Foreign: &t, HTTP: &http.Client{Timeout: 30 * time.Second}}
}

// Against returns a harness for a server that runs already, and for all
// features that need SCIM alone: the provider's side is the command at the
// path simulator, which works in dir. The second target, if there is one, is
// another instance of the same application.
func Against(dir, simulator string, targets ...Target) *Harness {
	h := Remote(targets[0])
	h.Dir, h.simulator = dir, simulator
	for _, t := range targets {
		t.BaseURL = strings.TrimSuffix(t.BaseURL, "/")
		h.Instances = append(h.Instances, t)
	}
	return h
}
