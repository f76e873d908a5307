package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// registerTampering adds the steps about somebody who can write to the
// database, behind the server's back.
func (w *world) registerTampering(sc *registry) {
	sc.Step(`^all rows of the change history of "([^"]*)" are in the chain$`, w.sealed)
	// Changes the database past the server, as a thief of tracks would.
	sc.Step(
		`^somebody (alters|removes|reorders) a row of the change history of "([^"]*)" in the database$`,
		w.tamper)
	// The verification names the row.
	sc.Step(`^it names it: "(.*)"$`, func(text string) error {
		if !strings.Contains(w.last.Out, text) {
			return fmt.Errorf("got %s", w.last)
		}
		return nil
	})
}

// sealed waits until the server has linked all rows.
func (w *world) sealed(ctx context.Context, instance string) error {
	for range 100 {
		var v struct{ Rows, Unsealed int }
		if err := w.server(ctx, &v, "history", "verify", "--instance",
			w.slug(instance)); err != nil {
			return err
		}
		if v.Rows > 0 && v.Unsealed == 0 {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.New("rows are not in the chain after ten seconds")
}

func (w *world) tamper(ctx context.Context, what, instance string) (err error) {
	driver, name := "pgx", w.h.Database
	if path, ok := strings.CutPrefix(name, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)"
	}
	db, err := sqlx.Open(driver, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	statements := map[string][]string{
		"alters":  {"UPDATE history SET detail = 'x' WHERE seq = 2"},
		"removes": {"DELETE FROM history WHERE seq = 2"},
		"reorders": {
			"UPDATE history SET seq = -1 WHERE seq = 2", "UPDATE history SET seq = 2 WHERE seq = 3",
			"UPDATE history SET seq = 3 WHERE seq = -1",
		},
	}[what]
	for _, statement := range statements {
		r, err := db.ExecContext(ctx,
			db.Rebind(statement+" AND instance_id = (SELECT id FROM instances WHERE slug = ?)"),
			w.slug(instance))
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n != 1 {
			return fmt.Errorf("%s: %d rows, %w", statement, n, err)
		}
	}
	return nil
}
