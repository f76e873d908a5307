package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// auditLog is the file that the servers write the history into.
func (w *world) auditLog() string { return filepath.Join(w.dir, "audit.jsonl") }

// auditTime is how long the audit log may lag behind: a server that was killed has
// rows to itself for half a minute.
const auditTime = 60 * time.Second

// verifyAudit looks for each row of the history in the audit log, each line of which
// must be whole.
func (w *world) verifyAudit(ctx context.Context) (findings []string, err error) {
	if w.older != "" {
		return nil, nil
	}
	for deadline := time.Now().Add(auditTime); ; {
		missing, broken, err := w.compareAudit(ctx)
		if err != nil {
			return nil, err
		}
		if missing+broken == 0 {
			return nil, nil
		}
		if time.Now().After(deadline) {
			return []string{
				fmt.Sprintf("the audit log lacks %d rows of the history, and %d of its lines are "+
					"no JSON", missing, broken),
			}, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func (w *world) compareAudit(ctx context.Context) (missing, broken int, err error) {
	told := make(map[string]bool)
	f, err := os.Open(w.auditLog())
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e struct{ Metadata struct{ UID string } }
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			broken++
		}
		told[e.Metadata.UID] = true
	}
	if err := lines.Err(); err != nil {
		return 0, 0, err
	}
	db, err := sql.Open("pgx", w.direct)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.QueryContext(ctx, "SELECT id FROM history WHERE seq IS NOT NULL")
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return 0, 0, err
		}
		if !told[id] {
			missing++
		}
	}
	return missing, broken, rows.Err()
}
