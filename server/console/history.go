package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"muster/screen"
	"muster/server/administration"
	"muster/server/history"
)

// historyQuery reads the filter that stands in the address.
func (v *visit) historyQuery() administration.HistoryQuery {
	get := func(name string) string { return strings.TrimSpace(v.FormValue(name)) }
	return administration.HistoryQuery{
		User: get("user"), Group: get("group"), Key: get("key"), Request: get("request"),
		Outcome: get("outcome"), Action: get("action"), Text: get("text"), From: get("from"),
		To: get("to"), Before: get("before"),
	}
}

// showHistory is the guide's Change History, the newest first.
func (v *visit) showHistory() error {
	q := v.historyQuery()
	q.Limit, q.Window = perPage, rowsWindow
	switch {
	case q.Text != "":
		q.Window = textWindow
	case q.Outcome != "" && q.Outcome != string(history.Done):
		q.Window = 0 // an index has the few
	}
	rows, before, err := v.console.Admin.HistoryPage(v.Context(), v.scope, q)
	if err != nil {
		return err
	}
	filter := v.URL.Query()
	filter.Del("before")
	v.Trail = []screen.Link{{Text: "Settings"}, {Text: "Change History"}}
	return v.Show("history", "Change History", struct {
		listing[*history.Entry]
		Actions []history.Action
		Export  string
	}{
		list(v, rows, "before", before), history.Actions(),
		v.path("history", "export") + "?" + filter.Encode(),
	})
}

// showEntry shows a row field by field.
func (v *visit) showEntry() error {
	var found *history.Entry
	err := v.console.Admin.History(v.Context(), v.scope,
		administration.HistoryQuery{ID: v.PathValue("id"), Limit: 1},
		func(e *history.Entry) error {
			found = e
			return nil
		})
	if err != nil {
		return err
	}
	if found == nil {
		return screen.NotFound("There is no row %s in this history.", v.PathValue("id"))
	}
	v.Trail = []screen.Link{{Text: "Change History", URL: v.path("history")}}
	return v.Show("entry", string(found.Action)+" "+found.Target.Name, struct {
		*history.Entry
		Path    string
		Request string
	}{found, v.path(""), url.QueryEscape(found.Actor.RequestID)})
}

// exportHistory sends the rows that are chosen as a file.
func (v *visit) exportHistory() error {
	format := v.FormValue("format")
	if format == "" {
		format = "csv"
	}
	q := v.historyQuery()
	q.Before = ""
	return v.console.Admin.Export(v.Context(), v.scope, q, format, v.Answer, func() {
		kind := map[string]string{
			"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson",
		}[format]
		v.Answer.Header().Set("Content-Type", kind)
		v.Answer.Header().Set("Content-Disposition", fmt.Sprintf(
			"attachment; filename=%s-history.%s", v.scope.Instance.Slug, format))
		v.Answer.WriteHeader(http.StatusOK)
	})
}

func (v *visit) showVerify() error { return v.verified(nil) }

func (v *visit) verified(work func(screen.Step) (string, error)) error {
	last, err := v.console.Admin.Verified(v.Context(), v.scope)
	if err != nil {
		return err
	}
	v.Trail = []screen.Link{{Text: "Change History", URL: v.path("history")}}
	page := struct {
		Last    *history.Entry
		Running bool
		Path    string
		Slug    string
	}{last, work != nil, v.path("history"), v.scope.Instance.Slug}
	if work == nil {
		return v.Show("verify", "Verify the change history", page)
	}
	return v.Work("verify", "Verify the change history", page, work)
}

// sendVerify checks the hash chain, and shows how far it is.
func (v *visit) sendVerify() error {
	return v.verified(func(step screen.Step) (string, error) {
		done, err := v.console.Admin.VerifyAndNote(v.Context(), v.scope, func(n, total int) {
			step(fmt.Sprintf("%d of %d rows", n, total), n, total)
		})
		switch {
		case err != nil:
			return "", err
		case len(done.Problems) > 0:
			return "", screen.Fail("%d problems in %d rows. %s", len(done.Problems), done.Rows,
				strings.Join(done.Problems[:min(5, len(done.Problems))], "; "))
		}
		return fmt.Sprintf("%d rows are as they were written.", done.Rows), nil
	})
}
