package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Administer posts to the admin API of the harness's own server, at a path below
// its base, and decodes the answer into dest, if that is not nil.
func (h *Harness) Administer(ctx context.Context, path string, body, dest any) error {
	h.adminOnce.Do(func() { h.admin, h.adminErr = h.adminToken(context.WithoutCancel(ctx)) })
	if h.adminErr != nil {
		return h.adminErr
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost,
		"http://"+h.Server.Address+"/admin/v1"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+h.admin)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if text, err = io.ReadAll(answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusCreated {
		return fmt.Errorf("the admin API answered POST %s with %d: %s",
			path, answer.StatusCode, text)
	}
	if dest == nil {
		return nil
	}
	return json.Unmarshal(text, dest)
}

// adminToken makes a token for the admin API.
func (h *Harness) adminToken(ctx context.Context) (string, error) {
	o, err := h.Run(ctx, "muster-server", h.Dir, nil,
		"admin-token", "create", "harness", "--database", h.Database, "--json")
	if err != nil {
		return "", err
	}
	var token struct{ Key string }
	if o.Code != 0 || json.Unmarshal([]byte(o.Out), &token) != nil {
		return "", fmt.Errorf("no token for the admin API: %s", o)
	}
	return token.Key, nil
}
