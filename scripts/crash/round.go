package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"sync"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// client returns the nth client that writes to the instance load, by one of
// the servers.
func (w *world) client(n int, chance *rand.Rand) *client {
	servers := append([]string{w.toServer.Listen}, w.others...)
	return &client{
		ledger: w.ledger, base: "http://" + servers[n%len(servers)] + "/scim/v2",
		token: w.load.token, group: w.group, chance: chance,
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2}},
	}
}

// round breaks one thing after a time, while clients write and a cycle runs;
// lets all go on; and compares.
func (w *world) round(
	ctx context.Context, f fault, after time.Duration, chance *rand.Rand,
) (r round, err error) {
	r.fault = f.name
	w.ledger.writes = nil
	if err := w.company(ctx); err != nil {
		return r, err
	}
	var complaint bytes.Buffer
	cycle := w.simulate(ctx, "sync")
	cycle.Stdout, cycle.Stderr = &complaint, &complaint
	if err := cycle.Start(); err != nil {
		return r, err
	}
	working, stop := context.WithCancel(ctx)
	defer stop()
	var clients sync.WaitGroup
	for n := range w.clients {
		c := w.client(n, rand.New(rand.NewPCG(chance.Uint64(), 0)))
		clients.Go(func() { c.work(working) })
	}
	time.Sleep(after)
	if err := f.breaks(ctx, w, cycle); err != nil {
		return r, errors.Join(fmt.Errorf("break: %w", err), cycle.Process.Kill())
	}
	time.Sleep(f.lasts)
	if err := f.mends(ctx, w); err != nil {
		return r, errors.Join(fmt.Errorf("mend: %w", err), cycle.Process.Kill())
	}
	if r.recovery, err = w.ready(ctx); err != nil {
		r.findings = append(r.findings, err.Error())
	}
	time.Sleep(300 * time.Millisecond) // all write again
	stop()
	clients.Wait()
	if err := cycle.Wait(); err != nil { // as it may; the next one must not
		r.cycle = fmt.Sprintf("%v: %s", err, complaint.String())
	}
	for _, x := range w.ledger.writes {
		switch {
		case x.acknowledged:
			r.acknowledged++
		case x.refused:
			r.refused++
		default:
			r.unknown++
		}
	}
	before := w.events
	for _, verify := range []func(context.Context) ([]string, error){
		w.verifyEvents, w.verifyUsers, w.verifyMembers, w.verifyHistory, w.verifyChain,
		w.verifyCycle, w.verifyAudit,
	} {
		findings, err := verify(ctx)
		if err != nil {
			return r, err
		}
		r.findings = append(r.findings, findings...)
	}
	r.events = w.events - before
	return r, nil
}

// get reads from the server.
func (w *world) get(ctx context.Context, path string, to any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet,
		"http://"+w.toServer.Listen+"/scim/v2"+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+w.load.token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %d %s", path, resp.StatusCode, text)
	}
	return json.Unmarshal(text, to)
}

type scimUser struct{ ID, UserName, Title string }

// verifyUsers compares all users with what the clients were told, and then
// takes for true what nobody could know.
func (w *world) verifyUsers(ctx context.Context) (findings []string, err error) {
	there := make(map[string]scimUser)
	for cursor := "?"; cursor != ""; {
		var page struct {
			NextCursor string
			Resources  []scimUser
		}
		if err := w.get(ctx,
			"/Users?count=200&attributes=userName,title&cursor="+url.QueryEscape(cursor[1:]),
			&page); err != nil {
			return nil, err
		}
		for _, u := range page.Resources {
			if _, twice := there[u.UserName]; twice {
				findings = append(findings, "the user "+u.UserName+" is there twice")
			}
			there[u.UserName] = u
		}
		if cursor = ""; page.NextCursor != "" {
			cursor = "?" + page.NextCursor
		}
	}
	for _, a := range w.ledger.accounts {
		u, ok := there[a.name]
		delete(there, a.name)
		switch {
		case ok && a.deleted:
			findings = append(findings, "the user "+a.name+" was deleted or refused, and is there")
		case !ok && !a.deleted && !a.maybe:
			findings = append(findings, "the user "+a.name+" was acknowledged, and is lost")
		case ok && a.id != "" && u.ID != a.id:
			findings = append(findings, "the user "+a.name+" has another id")
		case ok && !slices.Contains(a.titles, u.Title):
			findings = append(findings,
				fmt.Sprintf("the user %s has the title %q, and may have %q only", a.name, u.Title,
					a.titles))
		}
		if a.deleted = !ok; ok {
			a.id, a.titles = u.ID, []string{u.Title}
		}
		a.maybe = false
	}
	for name := range there {
		findings = append(findings, "there is a user "+name+" whom nobody made")
	}
	return findings, nil
}

// verifyMembers compares the members of the group.
func (w *world) verifyMembers(ctx context.Context) (findings []string, err error) {
	var g struct{ Members []struct{ Value string } }
	if err := w.get(ctx, "/Groups/"+w.group, &g); err != nil {
		return nil, err
	}
	in := make(map[string]bool)
	for _, m := range g.Members {
		if in[m.Value] {
			findings = append(findings, "the member "+m.Value+" is there twice")
		}
		in[m.Value] = true
	}
	for id, m := range w.ledger.members {
		if !m.maybe && m.in != in[id] {
			findings = append(findings,
				fmt.Sprintf("the user %s is a member: %t; the clients were told %t", id, in[id],
					m.in))
		}
		w.ledger.members[id] = member{in: in[id]}
	}
	return findings, nil
}

// verifyHistory looks for each write of this round in the change history: what
// was acknowledged is there once, and what was not, at most once.
func (w *world) verifyHistory(ctx context.Context) (findings []string, err error) {
	db, err := sql.Open("pgx", w.direct)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	ids := make([]string, len(w.ledger.writes))
	for i, x := range w.ledger.writes {
		ids[i] = x.requestID
	}
	rows, err := db.QueryContext(ctx,
		"SELECT request_id, count(*) FROM history WHERE instance_id = $1 AND request_id = ANY "+
			"($2) AND outcome = 'done' AND actor_kind = 'key' AND action <> 'request.complete' "+
			"GROUP BY request_id", w.load.instance, ids)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	times := make(map[string]int)
	for rows.Next() {
		var id string
		var n int
		if err := rows.Scan(&id, &n); err != nil {
			return nil, err
		}
		times[id] = n
	}
	for _, x := range w.ledger.writes {
		switch n := times[x.requestID]; {
		case n > 1:
			findings = append(findings,
				fmt.Sprintf("the request %s (%s) has %d rows in the history", x.requestID, x.what,
					n))
		case n == 0 && x.acknowledged && x.changes:
			findings = append(findings,
				fmt.Sprintf("the request %s (%s) was acknowledged, and has no row in the history",
					x.requestID, x.what))
		}
	}
	return findings, rows.Err()
}

// verifyChain has the server verify the hash chains of the history.
func (w *world) verifyChain(ctx context.Context) (findings []string, err error) {
	for _, slug := range []string{"load", "acme"} {
		if _, err := w.command(ctx, "history", "verify", "--instance", slug); err != nil {
			findings = append(findings, err.Error())
		}
	}
	return findings, nil
}

// verifyCycle runs the next cycle, which must complete what this one began;
// one more, which must find nothing to do; and compares each account with what
// it should be.
func (w *world) verifyCycle(ctx context.Context) (findings []string, err error) {
	if out, err := w.simulate(ctx, "sync").CombinedOutput(); err != nil {
		findings = append(findings, fmt.Sprintf("the next cycle failed: %v: %s", err, out))
	}
	for _, command := range []string{"sync", "drift"} {
		c := w.simulate(ctx, command, "--json")
		var complaint bytes.Buffer
		c.Stderr = &complaint
		out, err := c.Output()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			return findings, err
		}
		var report struct {
			Items []json.RawMessage
		}
		if err := json.Unmarshal(out, &report); err != nil {
			findings = append(findings,
				fmt.Sprintf("%s after that printed %q: %s", command, out, complaint.String()))
		}
		if n := len(report.Items); n > 0 {
			findings = append(findings,
				fmt.Sprintf("%s after that still found something to do, for %d users: %s", command,
					n, report.Items[0]))
		}
	}
	return findings, nil
}
