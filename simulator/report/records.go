package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"muster/simulator/cycle"
	"muster/simulator/state"
)

// App is how an app of an account is.
type App struct {
	Name     string `json:"name"`
	BaseURL  string `json:"baseUrl"`
	Instance string `json:"instance,omitempty"`
	Profile  string `json:"profile"`
	// Connection is "enabled", "disabled", or why it is in quarantine.
	Connection   string `json:"connection"`
	Provisioning bool   `json:"provisioning"`
	// Users is how many users are in which state.
	Users map[state.Status]int `json:"users"`
}

// Apps writes the apps of an account for a person.
func Apps(w io.Writer, apps []App) error {
	rows := make([]table.Row, len(apps))
	for i, a := range apps {
		provisioning := "off"
		if a.Provisioning {
			provisioning = "on"
		}
		var users []string
		for _, s := range state.Statuses() {
			if n := a.Users[s]; n > 0 {
				users = append(users, fmt.Sprintf("%d %s", n, s))
			}
		}
		rows[i] = table.Row{
			a.Name, a.BaseURL, a.Profile, a.Connection, provisioning, strings.Join(users, ", "),
		}
	}
	p := &printer{w: w}
	p.table(table.Row{"App", "Base URL", "Profile", "API connection", "Provisioning", "Users"},
		rows)
	return p.err
}

// Records writes the provisioning states of users for a person.
func Records(w io.Writer, records []*state.Record) error {
	rows := make([]table.Row, len(records))
	for i, r := range records {
		note := r.Failure
		if r.Waiting != nil && note == "" {
			note = r.Waiting.Action + waitingNote(r.Waiting)
		}
		rows[i] = table.Row{r.UserName, r.Status, note}
	}
	p := &printer{w: w}
	p.table(table.Row{"User", "State", "Note"}, rows)
	return p.err
}

func waitingNote(w *state.Waiting) string {
	switch {
	case w.Skipped:
		return " was skipped"
	case w.Approved:
		return " is approved"
	}
	return " waits for approval"
}

// Approvals writes the approval queue for a person.
func Approvals(w io.Writer, records []*state.Record) error {
	p := &printer{w: w}
	if len(records) == 0 {
		p.line("nothing waits for approval")
		return p.err
	}
	rows := make([]table.Row, len(records))
	for i, r := range records {
		rows[i] = table.Row{r.UserName, r.Waiting.Action}
	}
	p.table(table.Row{"User", "Action"}, rows)
	return p.err
}

// Entitlements writes for a person which groups match.
func Entitlements(w io.Writer, e *cycle.Entitlements) error {
	var rows []table.Row
	for _, part := range []struct {
		names []string
		note  string
	}{
		{e.Matched, "there already: will be picked up"},
		{e.Missing, "not there: will be created"},
		{e.Others, "at the application only"},
	} {
		for _, name := range part.names {
			rows = append(rows, table.Row{name, part.note})
		}
	}
	p := &printer{w: w}
	p.table(table.Row{"Group", "At the application"}, rows)
	return p.err
}
