package cycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"muster/simulator/account"
	"muster/simulator/client"
	"muster/simulator/state"
)

// cutOffs is how many cycles in a row the server may cut off before the app
// goes into quarantine.
const cutOffs = 3

// pauses are how long a quarantine lasts, the first time and then; the last
// one repeats.
var pauses = []time.Duration{6 * time.Hour, 12 * time.Hour, 24 * time.Hour}

// allowed reports as an error that the app is not to be provisioned now.
func (c *Cycle) allowed(app *state.App, now time.Time) error {
	q := app.Quarantine
	switch {
	case !c.App.Provisioning.Enabled:
		return fmt.Errorf("provisioning is not enabled in the app %q; set "+
			"provisioning.enabled to true", c.App.Name)
	case app.Disabled:
		return fmt.Errorf("the API connection of the app %q is disabled; `muster-simulator enable "+
			"--app %s` enables it", c.App.Name, c.App.Name)
	case q != nil && now.Before(q.Until) && !c.Force:
		return fmt.Errorf("the app %q is in quarantine until %s: %s; put it right, then "+
			"`muster-simulator enable --app %s` ends it, or --force runs one cycle",
			c.App.Name, q.Until.Local().Format("2006-01-02 15:04"), q.Reason, c.App.Name)
	}
	return nil
}

// quarantine returns when the app stops by itself, or nil.
func (c *Cycle) quarantine() *account.Quarantine {
	if q := c.App.Provisioning.Quarantine; q != nil {
		return q
	}
	if p := c.Client.Profile(); p.QuarantineShare > 0 {
		return &account.Quarantine{Failures: p.QuarantineFailures, Share: p.QuarantineShare}
	}
	return nil
}

// judge puts the app into quarantine, or takes it out, by how a cycle went.
func (c *Cycle) judge(ctx context.Context, app *state.App, report *Report, err error) error {
	before := *app
	app.NoGroups = c.groupsLeftOut()
	reason := c.verdict(app, report, err)
	switch {
	case reason != "":
		now, step := time.Now(), 0
		if app.Quarantine != nil {
			step = app.Quarantine.Step + 1
		}
		app.Quarantine = &state.Quarantine{
			Reason: reason, Since: now.UTC(),
			Until: now.Add(pauses[min(step, len(pauses)-1)]).UTC(), Step: step,
		}
		report.Quarantine = reason
	case err == nil:
		app.Quarantine = nil
	}
	if before == *app {
		return nil
	}
	return c.State.SaveApp(ctx, c.App.Name, app)
}

// verdict returns why the app goes into quarantine, or "".
func (c *Cycle) verdict(app *state.App, report *Report, err error) string {
	var down *client.DownError
	var answer *client.Error
	switch q := c.quarantine(); {
	case errors.As(err, &down):
		app.CutOff++
		if q != nil && app.CutOff >= cutOffs {
			return fmt.Sprintf("%d cycles in a row were cut off: %v", app.CutOff, err)
		}
	case errors.As(err, &answer) && answer.Refused():
		if q != nil {
			return "the server refuses the token: " + err.Error()
		}
	case err == nil:
		app.CutOff = 0
		tried, failed := 0, 0
		for _, item := range report.Items {
			if item.Earlier || item.Outcome == Waiting {
				continue
			}
			tried++
			if item.Outcome == Failed || item.Outcome == Conflict {
				failed++
			}
		}
		if q != nil && failed >= q.Failures && failed*100 >= q.Share*tried {
			return fmt.Sprintf("%d of %d users failed", failed, tried)
		}
	}
	return ""
}
