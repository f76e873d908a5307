package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"muster/scripts/process"
)

// heard is the file that the listener writes each event into before it answers.
func (w *world) heard() string { return filepath.Join(w.dir, "events.jsonl") }

// feeds are those of the instances, by the id of the instance.
type feeds map[string]string

// listenTo makes a feed of each instance, and starts who listens to them.
func (w *world) listenTo(ctx context.Context) (err error) {
	if w.hears, err = freeAddress(); err != nil {
		return err
	}
	w.feeds = make(feeds)
	for slug, k := range map[string]key{"load": w.load, "acme": w.acme} {
		out, err := w.command(ctx, "feed", "create", "listener", "--instance", slug, "--push",
			"http://"+w.hears+"/", "--json")
		if err != nil {
			return err
		}
		var made struct{ ID string }
		if err := json.Unmarshal(out, &made); err != nil {
			return err
		}
		w.feeds[made.ID] = k.instance
	}
	return w.startListener(ctx)
}

func (w *world) startListener(ctx context.Context) (err error) {
	w.listener, _, err = process.Start(ctx, w.heard(), "listening at", w.simulator, "listen",
		"--json", "--listen", w.hears, "--issuer", "http://"+w.toServer.Listen, "--keys",
		"http://"+w.listen+"/events/jwks.json")
	return err
}

func killListener(_ context.Context, w *world, _ *exec.Cmd) error {
	p := w.listener
	w.listener = nil
	return p.Kill()
}

// eventsTime is how long the listener may lag behind once all is mended: as long as a
// server waits after many failures, and some more.
const eventsTime = 90 * time.Second

// settled waits until accepted requests are done, and the feeds are at their end.
func (w *world) settled(ctx context.Context, db *sql.DB) (open int, err error) {
	for deadline := time.Now().Add(eventsTime); ; {
		err := db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM accepted_requests
			WHERE completed = 0) + (SELECT count(*) FROM feeds AS f JOIN history_chains AS c
			ON c.instance_id = f.instance_id WHERE f.seq < c.seq)`).Scan(&open)
		if err != nil || open == 0 || time.Now().After(deadline) {
			return open, err
		}
		select {
		case <-ctx.Done():
			return open, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// told is what the listener has heard of an instance.
type told struct {
	// rows are the places in the history that were told of, and order those of each
	// resource as they came first.
	rows  map[int64]bool
	order map[string][]int64
}

// verifyEvents compares what the listener has heard with the history: each change, in the
// order of its resource, and nothing that there is not.
func (w *world) verifyEvents(ctx context.Context) (findings []string, err error) {
	if w.older != "" { // which knows neither feeds nor requests that are done later
		return nil, nil
	}
	db, err := sql.Open("pgx", w.direct)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	open, err := w.settled(ctx, db)
	if err != nil {
		return nil, err
	}
	if open > 0 {
		findings = append(findings, fmt.Sprintf(
			"after %v there are %d requests or feeds that are not done", eventsTime, open))
	}
	if w.feeds == nil {
		return findings, nil
	}
	byInstance, err := w.readHeard()
	if err != nil {
		return nil, err
	}
	w.events = 0
	for id, got := range byInstance {
		w.events += len(got.rows)
		missing, foreign, err := compareEvents(ctx, db, id, got)
		if err != nil {
			return nil, err
		}
		if missing+foreign > 0 {
			findings = append(findings, fmt.Sprintf("of the instance %s %d changes were not told, "+
				"and %d events are of no change", id, missing, foreign))
		}
		for uri, list := range got.order {
			for i := 1; i < len(list); i++ {
				if list[i] < list[i-1] {
					findings = append(findings, fmt.Sprintf(
						"the events of %s came in another order: %v", uri, list))
					break
				}
			}
		}
	}
	return findings, nil
}

// readHeard reads what the listener has heard, by instance.
func (w *world) readHeard() (byInstance map[string]*told, err error) {
	byInstance = make(map[string]*told)
	for _, id := range w.feeds {
		byInstance[id] = &told{make(map[int64]bool), make(map[string][]int64)}
	}
	f, err := os.Open(w.heard())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var t struct {
			JTI     string
			Subject struct{ URI string } `json:"sub_id"`
		}
		parts := []string{}
		if json.Unmarshal(lines.Bytes(), &t) == nil {
			parts = strings.Split(t.JTI, ".")
		}
		if len(parts) != 3 {
			continue // something else that it said, or a line that it died in
		}
		seq, err := strconv.ParseInt(parts[2], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("jti %q: %w", t.JTI, err)
		}
		got := byInstance[w.feeds[parts[0]]]
		if got == nil {
			return nil, fmt.Errorf("jti %q is of no feed", t.JTI)
		}
		if !got.rows[seq] {
			got.rows[seq] = true
			got.order[t.Subject.URI] = append(got.order[t.Subject.URI], seq)
		}
	}
	return byInstance, lines.Err()
}

// compareEvents counts the changes of an instance that were not told of, and events that
// are of no change.
func compareEvents(
	ctx context.Context, db *sql.DB, instanceID string, got *told,
) (missing, foreign int, err error) {
	rows, err := db.QueryContext(ctx, `SELECT h.seq FROM history AS h
		WHERE h.instance_id = $1 AND h.seq IS NOT NULL AND h.seq > (SELECT min(f.seq) FROM
			history AS f WHERE f.instance_id = $1 AND f.action = 'feed.create')
		AND (h.action = 'request.complete' OR h.outcome = 'done' AND h.target_id <> ''
			AND h.target_type IN ('User', 'Group') AND h.event NOT LIKE '%"concealed":true%')`,
		instanceID)
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	there := 0
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return 0, 0, err
		}
		if got.rows[seq] {
			there++
		} else {
			missing++
		}
	}
	return missing, len(got.rows) - there, rows.Err()
}
