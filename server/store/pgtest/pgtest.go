// Package pgtest gives tests a real PostgreSQL. It looks for one in this
// order:
//
//  1. the server that MUSTER_TEST_DATABASE_URL names;
//  2. a container from MUSTER_TEST_POSTGRES_IMAGE, by default a current
//     postgres image, pulled as anyone would;
//  3. a container from the image that scripts/postgres-image builds, where
//     nothing can be pulled;
//  4. the PostgreSQL binaries of this machine, where there is no container
//     engine.
package pgtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// DefaultImage is the image that is pulled when nothing else is said.
const DefaultImage = "postgres:18-alpine"

// Server is a running PostgreSQL.
type Server struct {
	// Origin says which one it is, for people.
	Origin string
	admin  string
	stop   func(context.Context) error
	// container is the id of the container that it runs in, and bin where its
	// programs are; both empty for a server that was there.
	container, bin string
}

// Start finds or starts a PostgreSQL for tests. It loses what was written
// when the machine fails, for which it is faster. The caller must call Stop.
func Start(ctx context.Context) (*Server, error) { return start(ctx, "-c", "fsync=off") }

// StartBreakable starts a PostgreSQL like [StartDurable], in a container of its
// own whatever server is there, so that it can be killed and paused. Its data
// are in a directory of this machine, unless that is empty.
func StartBreakable(ctx context.Context, dir string) (*Server, error) {
	return startContainer(ctx, []string{"-c", "max_wal_size=256MB"}, dir)
}

// StartDurable finds or starts a PostgreSQL as one runs in production: what it
// has committed is on the disk, and it may use a quarter of the memory, as its
// manual advises, and not the 128 MB that it takes by itself. The caller must
// call Stop.
func StartDurable(ctx context.Context) (*Server, error) {
	return start(ctx, "-c", fmt.Sprintf("shared_buffers=%dMB", max(128, memory()/4)), "-c",
		"max_wal_size=8GB")
}

// memory returns how much memory the machine has, in megabytes, or 0 if it
// does not tell.
func memory() int {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	var kb int
	if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &kb); err != nil {
		return 0
	}
	return kb >> 10
}

// Checkpoint has the server write all that it keeps back, as it does by itself
// every few minutes.
func (s *Server) Checkpoint(ctx context.Context) error { return s.exec(ctx, "CHECKPOINT") }

// Warm reads all tables and indexes of a database into the server's memory,
// where they are after a while.
func (s *Server) Warm(ctx context.Context, databaseURL string) error {
	admin, err := url.Parse(s.admin)
	if err != nil {
		return err
	}
	u, err := url.Parse(databaseURL)
	if err != nil {
		return err
	}
	admin.Path = u.Path
	err = Execute(ctx, admin.String(), "CREATE EXTENSION IF NOT EXISTS pg_prewarm",
		"SELECT pg_prewarm(oid) FROM pg_class WHERE relkind IN ('r', 'i', 't') AND relnamespace "+
			"IN ('public'::regnamespace, 'pg_toast'::regnamespace)")
	if err != nil {
		return fmt.Errorf("warm the database (it takes a superuser, and PostgreSQL's contrib "+
			"modules): %w", err)
	}
	return nil
}

func start(ctx context.Context, settings ...string) (*Server, error) {
	if name := os.Getenv("MUSTER_TEST_DATABASE_URL"); strings.HasPrefix(name, "postgres") {
		return &Server{
			Origin: "the server that MUSTER_TEST_DATABASE_URL names", admin: name,
			stop:      func(context.Context) error { return nil },
			container: os.Getenv(containerVariable), bin: os.Getenv(binVariable),
		}, nil
	}
	s, err := startContainer(ctx, settings, "")
	if err == nil {
		return s, nil
	}
	s, localErr := startLocal(ctx, settings)
	if localErr == nil {
		s.Origin += " (no container: " + err.Error() + ")"
		return s, nil
	}
	return nil, fmt.Errorf("no PostgreSQL for the tests: set MUSTER_TEST_DATABASE_URL, start "+
		"Docker, or install PostgreSQL 15 or later:\n\tcontainer: %w\n\tbinaries: %w", err,
		localErr)
}

// These say where the programs of the server in MUSTER_TEST_DATABASE_URL are.
const (
	containerVariable = "MUSTER_TEST_POSTGRES_CONTAINER"
	binVariable       = "MUSTER_TEST_POSTGRES_BIN"
)

// Environment returns the variables by which another process finds the
// server, and its programs, as this one has.
func (s *Server) Environment() []string {
	return []string{
		"MUSTER_TEST_DATABASE_URL=" + s.admin, containerVariable + "=" + s.container,
		binVariable + "=" + s.bin,
	}
}

// Open finds or starts a PostgreSQL for one test, and returns the URL of an
// empty database in it. Both are gone when the test ends.
func Open(t testing.TB) (databaseURL string) {
	t.Helper()
	if testing.Short() {
		t.Skip("with -short there is no PostgreSQL")
	}
	server, err := Start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	fmt.Fprintf(os.Stderr, "%s uses %s\n", t.Name(), server.Origin)
	databaseURL, drop, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drop(); err != nil {
			t.Error(err)
		}
	})
	return databaseURL
}

// Command returns a command that runs a program of PostgreSQL's, such as
// pgbench, beside the server, and the URL by which it reaches a database.
func (s *Server) Command(
	ctx context.Context, databaseURL, name string,
) (c *exec.Cmd, reached string, err error) {
	if s.container == "" {
		path, err := exec.LookPath(filepath.Join(s.bin, name))
		if err != nil {
			return nil, "", fmt.Errorf("%s is not on this machine: install PostgreSQL's programs, "+
				"or Docker: %w", name, err)
		}
		return exec.CommandContext(ctx, path), databaseURL, nil
	}
	u, err := url.Parse(databaseURL)
	if err != nil {
		return nil, "", err
	}
	u.Host = "127.0.0.1:5432"
	// A program that is not on the path is where Debian's packages have it.
	return exec.CommandContext(ctx, "docker", "exec", "-i", s.container, "sh", "-c",
		`PATH=$PATH:$(echo /usr/lib/postgresql/*/bin); exec "$0" "$@"`, name), u.String(), nil
}

// Direct returns the URL of a database without the engine's proxy before the
// container, which costs time, if it can be reached so.
func (s *Server) Direct(ctx context.Context, databaseURL string) string {
	if s.container == "" {
		return databaseURL
	}
	out, err := exec.CommandContext(ctx, "docker", "inspect", "-f",
		"{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", s.container).Output()
	host := strings.TrimSpace(string(out))
	u, parseErr := url.Parse(databaseURL)
	if err != nil || parseErr != nil || host == "" {
		return databaseURL
	}
	u.Host = net.JoinHostPort(host, "5432")
	d := net.Dialer{Timeout: time.Second}
	c, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return databaseURL
	}
	_ = c.Close()
	return u.String()
}

// Stop ends the server if Start began it.
func (s *Server) Stop(ctx context.Context) error { return s.stop(ctx) }

// Database creates an empty database and returns its URL, and a function
// that drops it. The user in the URL is no superuser, as in production, so
// that row-level security holds.
func (s *Server) Database(ctx context.Context) (databaseURL string, drop func() error, err error) {
	name := "muster_test_" + strings.ToLower(rand.Text()[:12])
	u, err := url.Parse(s.admin)
	if err != nil {
		return "", nil, err
	}
	var above bool
	if err := s.query(ctx, &above,
		"SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"); err != nil {
		return "", nil, err
	}
	create := []string{"CREATE DATABASE " + name}
	destroy := []string{"DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"}
	if above {
		create = []string{
			"CREATE ROLE " + name + " LOGIN PASSWORD 'muster'",
			"CREATE DATABASE " + name + " OWNER " + name,
		}
		destroy = append(destroy, "DROP ROLE IF EXISTS "+name)
		u.User = url.UserPassword(name, "muster")
	}
	drop = func() error { return s.exec(context.WithoutCancel(ctx), destroy...) }
	if err := s.exec(ctx, create...); err != nil {
		return "", nil, errors.Join(fmt.Errorf("create a database for tests (the user needs "+
			"CREATEDB): %w", err), drop())
	}
	u.Path = "/" + name
	return u.String(), drop, nil
}

func (s *Server) query(ctx context.Context, dest any, query string) error {
	db, err := sql.Open("pgx", s.admin)
	if err != nil {
		return err
	}
	return errors.Join(db.QueryRowContext(ctx, query).Scan(dest), db.Close())
}

func (s *Server) exec(ctx context.Context, statements ...string) error {
	return Execute(ctx, s.admin, statements...)
}

// Execute runs statements on a database, one after the other.
func Execute(ctx context.Context, databaseURL string, statements ...string) error {
	db, err := sql.Open("pgx", databaseURL)
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err = db.ExecContext(ctx, statement); err != nil {
			break
		}
	}
	return errors.Join(err, db.Close())
}
