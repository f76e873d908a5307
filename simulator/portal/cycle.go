package portal

import (
	"context"
	"strings"

	"muster/screen"
	"muster/simulator/administration"
	"muster/simulator/client"
	"muster/simulator/cycle"
	"muster/simulator/fault"
)

// faults are lines that break on purpose, as they can be chosen.
func faults() map[string]string {
	return map[string]string{
		"bad":  "drop-before=3%,drop-after=3%,429=5%,500=3%,latency=20%:50ms",
		"down": "503=99.9%",
	}
}

// showCycle asks what cycle to run.
func (v *visit) showCycle() error {
	d, err := administration.Describe(v.Context(), v.app, v.portal.State)
	if err != nil {
		return err
	}
	return v.tab("cycle", "Run a cycle", struct {
		Profiles   []*client.Profile
		Connection string
		Enabled    bool
	}{client.Profiles(), d.Connection, v.app.Provisioning.Enabled})
}

// line is how servers are spoken to, with the faults that are switched on.
func (v *visit) line() (administration.Line, error) {
	l := v.portal.Line
	if profile := v.PostFormValue("profile"); profile != "" {
		l.Profile = profile
	}
	text := faults()[v.PostFormValue("fault")]
	if own := strings.TrimSpace(v.PostFormValue("own")); own != "" {
		text = own
	}
	if text != "" {
		plan, err := fault.Parse(text)
		if err != nil {
			return l, err
		}
		l.Faults, l.Seed = &plan, 1
	}
	return l, nil
}

// sendCycle begins a cycle of the app.
func (v *visit) sendCycle() error {
	how, err := v.line()
	if err != nil {
		return err
	}
	l, err := administration.Connect(v.app, how)
	if err != nil {
		return err
	}
	c := l.Cycle(v.account, v.app, v.portal.State)
	c.Trace = true
	c.Force = v.PostFormValue("force") != ""
	what := v.PostFormValue("what")
	titles := map[string]string{
		"sync": "A cycle of ", "dry-run": "What a cycle would do for ",
		"reapply": "The mappings are re-applied for ", "drift": "What was changed by hand in ",
	}
	title, ok := titles[what]
	if !ok {
		return screen.Fail("Choose what to do.")
	}
	c.Reapply = what == "reapply" || what == "drift"
	do := c.Run
	if what == "dry-run" || what == "drift" {
		do = c.DryRun
	}
	j := &job{
		Title: title + v.app.Name, Back: v.path("users"), BackText: "Users of " + v.app.Name,
		link: l,
	}
	c.Progress = j.progress
	err = v.portal.start(j, func(ctx context.Context, _ *job) (outcome, error) {
		r, err := do(ctx)
		if r != nil && !r.DryRun {
			if kept := v.portal.keep(context.WithoutCancel(ctx), r); err == nil {
				err = kept
			}
		}
		return outcome{Cycle: r}, err
	})
	if err != nil {
		return err
	}
	return v.Go("/job", "")
}

// keep keeps what was sent for each person in the state file, for the last cycles.
func (p *Portal) keep(ctx context.Context, r *cycle.Report) error {
	for _, item := range r.Items {
		if len(item.Exchanges) == 0 {
			continue
		}
		if err := p.State.KeepExchanges(ctx, r.App, item.Key, r.Began, item); err != nil {
			return err
		}
	}
	return p.State.DropExchanges(ctx, r.App)
}
