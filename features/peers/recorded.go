package peers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"muster/features/harness"
)

const elimityModule = "github.com/elimity-com/scim"

// exchange is a request of a provider as elimity-com/scim keeps it for its own
// tests, with the status that it expects.
type exchange struct {
	Method, Path string
	StatusCode   int
	Request      json.RawMessage
}

// runRecorded replays the requests of Entra ID and Okta that elimity-com/scim
// has in its tests. The ids in them are those of resources that were made here.
func runRecorded(ctx context.Context, target harness.Target) (*Suite, error) {
	m, err := find(ctx, elimityModule)
	if err != nil {
		return nil, err
	}
	s := &Suite{Name: "requests that elimity-com/scim recorded", Module: m.Path, Version: m.Version}
	folders, err := filepath.Glob(filepath.Join(m.Dir, "internal", "idp_test", "testdata", "*"))
	if err != nil || len(folders) == 0 {
		return nil, fmt.Errorf("%s has no recorded requests any more: %w", m.Path, err)
	}
	for _, folder := range folders {
		if err := replay(ctx, target, folder, s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// replay sends the requests of one provider: those that create first.
func replay(ctx context.Context, target harness.Target, folder string, s *Suite) error {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return err
	}
	slices.SortStableFunc(files, func(a, b string) int {
		return strings.Compare(rank(a), rank(b))
	})
	ids := make(map[string]string)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var x exchange
		if err := json.Unmarshal(text, &x); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		name := filepath.Base(folder) + " " + strings.TrimSuffix(filepath.Base(file), ".json")
		s.add(name, x.try(ctx, target, ids))
	}
	return nil
}

func rank(file string) string {
	if strings.HasPrefix(filepath.Base(file), "create_user") {
		return "0"
	}
	if strings.HasPrefix(filepath.Base(file), "create_") {
		return "1"
	}
	return "2"
}

var (
	inPath   = regexp.MustCompile(`^/(Users|Groups)/[^/?]+`)
	inValue  = regexp.MustCompile(`("value": *")[0-9a-f-]{16,40}"`)
	inFilter = regexp.MustCompile(`(value eq \\")[0-9a-f-]{16,40}\\"`)
	inID     = regexp.MustCompile(`("id": *")[^"]*"`)
)

// try sends the request. ids has the resources that were made, by endpoint.
func (x exchange) try(ctx context.Context, target harness.Target, ids map[string]string) error {
	path := x.Path
	if m := inPath.FindStringSubmatch(path); m != nil {
		path = inPath.ReplaceAllString(path, "/"+m[1]+"/"+ids[m[1]])
		x.Request = inID.ReplaceAll(x.Request, []byte("${1}"+ids[m[1]]+`"`))
	}
	x.Request = inValue.ReplaceAll(x.Request, []byte("${1}"+ids["Users"]+`"`))
	x.Request = inFilter.ReplaceAll(x.Request, []byte("${1}"+ids["Users"]+`\"`))
	status, answer, err := send(ctx, target, x.Method, path, x.Request)
	if err != nil {
		return err
	}
	if status/100 != x.StatusCode/100 {
		return fmt.Errorf("%s %s: %d, want %d: %v", x.Method, path, status, x.StatusCode,
			answer["detail"])
	}
	if id, ok := answer["id"].(string); ok && x.Method == http.MethodPost {
		ids[strings.TrimPrefix(path, "/")] = id
	}
	return x.echoed(answer)
}

// echoed checks that the texts and states of a whole resource that was sent
// are in the answer.
func (x exchange) echoed(answer map[string]any) error {
	if x.Method != http.MethodPost && x.Method != http.MethodPut {
		return nil
	}
	var sent map[string]any
	if err := json.Unmarshal(x.Request, &sent); err != nil {
		return err
	}
	for name, v := range sent {
		switch v.(type) {
		case string, bool:
			if name != "password" && name != "id" && answer[name] != v {
				return fmt.Errorf("%s was sent as %v, and is %v", name, v, answer[name])
			}
		}
	}
	if _, there := answer["password"]; there {
		return fmt.Errorf("the password is returned")
	}
	return nil
}

// send sends a request, and returns the status and the decoded answer.
func send(
	ctx context.Context, target harness.Target, method, path string, body []byte,
) (int, map[string]any, error) {
	r, err := http.NewRequestWithContext(ctx, method, target.BaseURL+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+target.Token)
	r.Header.Set("Content-Type", "application/scim+json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || len(text) == 0 {
		return res.StatusCode, nil, err
	}
	var answer map[string]any
	err = json.Unmarshal(text, &answer)
	return res.StatusCode, answer, err
}
