package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
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

// Probe reports whether the server answers, and accepts the token.
func (t Target) Probe(ctx context.Context) error {
	path := strings.TrimSuffix(t.BaseURL, "/") + "/ServiceProviderConfig"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/scim+json")
	if t.Token != "" {
		r.Header.Set("Authorization", "Bearer "+t.Token)
	}
	answer, err := (&http.Client{Timeout: probeTime}).Do(r)
	if err != nil {
		return fmt.Errorf("the server cannot be reached: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("the server cannot be reached: %w", err)
	}
	switch status := answer.StatusCode; {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fmt.Errorf("the server does not accept the token: %d %s", status, text)
	case len(bytes.TrimSpace(text)) > 0 && !json.Valid(text):
		return fmt.Errorf("the server cannot be reached: the answer is no JSON: %d %s", status,
			text)
	}
	return nil
}

// probeTime is how long a server may take to answer.
const probeTime = 30 * time.Second
