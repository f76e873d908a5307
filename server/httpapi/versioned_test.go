package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestIfMatchOfSetup: however an If-Match says it, a change of the setup is made if that
// names its version, and else refused, and nothing is changed.
func TestIfMatchOfSetup(t *testing.T) {
	f := newFixture(t, false)
	const path = "/admin/v1/instances/acme/mapping"
	token := "Bearer " + f.adminToken
	kinds := []string{"home", "other"}
	for n, test := range []struct {
		matches []string // seen stands for the version now
		status  int
	}{
		{nil, http.StatusOK},
		{[]string{"seen"}, http.StatusOK},
		{[]string{"*"}, http.StatusOK},
		{[]string{`"stale"`, "seen"}, http.StatusOK},
		{[]string{`"stale", seen`}, http.StatusOK},
		{[]string{"seen", `"stale"`}, http.StatusOK},
		{[]string{`"stale"`}, http.StatusPreconditionFailed},
		{[]string{`"stale"`, `"older"`}, http.StatusPreconditionFailed},
		{[]string{""}, http.StatusPreconditionFailed},
		{[]string{"", ""}, http.StatusPreconditionFailed},
		{[]string{","}, http.StatusPreconditionFailed},
	} {
		before := f.send("GET", path, "", "Authorization", token)
		seen := before.header.Get("ETag")
		body := `{"attribute": "phoneNumbers[type eq \"` + kinds[n%2] + `\"].value"}`
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, f.URL+path+"/officePhone",
			strings.NewReader(body))
		fatal(t, err)
		r.Header.Set("Authorization", token)
		r.Header.Set("Content-Type", "application/json")
		for _, match := range test.matches {
			r.Header.Add("If-Match", strings.ReplaceAll(match, "seen", seen))
		}
		res, err := f.Client().Do(r)
		fatal(t, err)
		fatal(t, res.Body.Close())
		after := f.send("GET", path, "", "Authorization", token)
		changed := after.text != before.text && after.header.Get("ETag") != seen
		if res.StatusCode != test.status || changed != (test.status == http.StatusOK) {
			t.Errorf("If-Match %q: %d, changed: %v", test.matches, res.StatusCode, changed)
		}
	}
}
