package portal

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"

	"muster/screen"
	"muster/simulator/administration"
	"muster/simulator/directory"
	"muster/simulator/report"
	"muster/simulator/rollout"
)

// waveRow is a wave of the rollout, with what came of it.
type waveRow struct {
	Position int
	*rollout.Wave
	Result *rollout.WaveResult
	// State is planned, passed or stopped.
	State string
}

type rolloutPage struct {
	*rollout.Rollout
	Waves   []waveRow
	Ran     int
	Stopped bool
	Version string
	File    string
	// Preflight is the last one, and Report says that there is a report.
	Preflight *rollout.Preflight
	Report    bool
}

// load loads the rollout, and what came of its waves.
func (v *visit) load() (*rolloutPage, error) {
	if !v.portal.rolloutExists() {
		return nil, screen.NotFound("There is no rollout. Write one, and name it with --rollout: " +
			"`muster-simulator schema rollout` prints what may stand in it.")
	}
	r, err := rollout.Load(v.portal.RolloutFile)
	if err != nil {
		return nil, err
	}
	p := &rolloutPage{Rollout: r, Version: v.version, File: v.portal.RolloutFile}
	for n, w := range r.Waves {
		row := waveRow{Position: n + 1, Wave: w, State: "planned"}
		var result rollout.WaveResult
		found, err := v.portal.State.Wave(v.Context(), r.Name, n, &result)
		if err != nil {
			return nil, err
		}
		if found {
			row.Result, row.State = &result, "passed"
			p.Ran++
			if !result.Passed {
				row.State, p.Stopped = "stopped", true
			}
		}
		p.Waves = append(p.Waves, row)
	}
	if j := v.portal.jobs.get(); j != nil {
		s := j.sight()
		p.Preflight, p.Report = s.Preflight, s.Rollout != nil
	}
	return p, nil
}

// showRollout shows the waves, what was foretold, and what came of them.
func (v *visit) showRollout() error {
	p, err := v.load()
	if err != nil {
		return err
	}
	return v.Show("rollout", p.Name, p)
}

// sendRollout foretells, runs, resumes or rolls back, or mends what is on this side.
func (v *visit) sendRollout() error {
	p, err := v.load()
	if err != nil {
		return err
	}
	do := v.PostFormValue("do")
	switch do {
	case "mend":
		return v.mend()
	case "rollback":
		if strings.TrimSpace(v.PostFormValue("name")) != p.App.Name {
			return screen.Fail("To take the last wave back, type %s into the field.", p.App.Name)
		}
	case "preflight", "run", "resume":
	default:
		return screen.Fail("Choose what to do.")
	}
	r, l, err := administration.Rehearsal(p.Rollout, v.portal.State, v.portal.Line)
	if err != nil {
		return err
	}
	j := &job{
		Title: map[string]string{
			"preflight": "Preflight of ", "run": "Rehearsal of ", "resume": "Rehearsal of ",
			"rollback": "The last wave is taken back: ",
		}[do] + p.Name, Back: "/rollout", BackText: "Rollout", link: l,
	}
	r.Resume, r.Progress = do == "resume", j.progress
	r.Began = func(position int, w *rollout.Wave) {
		j.begin(fmt.Sprintf("Wave %d of %d: %s", position, len(p.Waves), w.Name))
	}
	err = v.portal.start(j, func(ctx context.Context, _ *job) (o outcome, err error) {
		switch do {
		case "preflight":
			o.Preflight, err = r.Preflight(ctx)
		case "rollback":
			o.Undone, err = r.Rollback(ctx)
		default:
			o.Rollout, err = r.Run(ctx)
			for _, w := range o.Rollout.Waves {
				if w.Cycle != nil && err == nil {
					err = v.portal.keep(ctx, w.Cycle)
				}
			}
		}
		return o, err
	})
	if err != nil {
		return err
	}
	return v.Go("/job", "")
}

// mend gives a person of the provider the user name that the account at the application
// has: the fix of a near miss that is on this side.
func (v *visit) mend() error {
	name, to := v.PostFormValue("user"), v.PostFormValue("to")
	err := v.portal.Files.ChangePeople(v.sent(),
		func(d *directory.Directory) (*directory.Directory, error) {
			u := d.Find(name)
			if u == nil {
				return nil, screen.NotFound("There is nobody called %s in the account.", name)
			}
			return d, d.Set(u, directory.Username, to)
		})
	if err != nil {
		return err
	}
	return v.Go("/rollout", "%s is called %s in the account now; the preflight tells what that "+
		"changes.", name, to)
}

// showReport shows the report of the last rehearsal: a page of its own, which brings its
// style with it.
func (v *visit) showReport() error {
	j := v.portal.jobs.get()
	if j == nil || j.sight().Rollout == nil {
		return screen.NotFound("There is no report yet: rehearse the rollout first.")
	}
	var b bytes.Buffer
	if err := report.HTML(&b, j.sight().Rollout); err != nil {
		return err
	}
	h := v.Answer.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox; "+
		"frame-ancestors 'none'")
	v.Answer.WriteHeader(http.StatusOK)
	_, err := v.Answer.Write(b.Bytes())
	return err
}

// NearMisses are the people for whom there is an account of nearly the same name.
func (p *rolloutPage) NearMisses() (list []rollout.Foretold) {
	seen := make(map[string]bool)
	if p.Preflight == nil {
		return nil
	}
	for _, w := range p.Preflight.Waves {
		for _, item := range w.Items {
			if item.NearMiss != "" && !seen[item.Key] {
				seen[item.Key] = true
				list = append(list, item)
			}
		}
	}
	return list
}
