package pgtest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// startLocal runs the PostgreSQL binaries of this machine on a temporary
// directory and a free port of the loopback.
func startLocal(ctx context.Context, settings []string) (*Server, error) {
	bin, err := findBinaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "muster-postgres-")
	if err != nil {
		return nil, err
	}
	l := &local{bin: bin, dir: dir, settings: settings}
	if err := l.start(ctx); err != nil {
		return nil, errors.Join(err, l.stop(ctx))
	}
	return &Server{
		Origin: "the binaries in " + bin,
		admin:  fmt.Sprintf("postgres://muster@127.0.0.1:%d/postgres?sslmode=disable", l.port),
		bin:    bin,
		stop:   l.stop,
	}, nil
}

type local struct {
	bin, dir string
	settings []string // of the server's command line
	port     int
	server   *exec.Cmd
}

// findBinaries returns the directory of the newest PostgreSQL that is
// installed.
func findBinaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("no PostgreSQL binaries are installed")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// command returns a command that runs as a user other than root, which
// PostgreSQL refuses to run as.
func (l *local) command(ctx context.Context, name string, args ...string) (*exec.Cmd, error) {
	c := exec.CommandContext(ctx, filepath.Join(l.bin, name), args...)
	c.Dir = l.dir
	if os.Getuid() != 0 {
		return c, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	c.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)},
	}
	return c, os.Chown(l.dir, uid, gid)
}

func (l *local) start(ctx context.Context) error {
	data := filepath.Join(l.dir, "data")
	c, err := l.command(ctx, "initdb", "-D", data, "-U", "muster", "-E", "UTF8", "--locale=C.UTF-8",
		"--auth=trust", "--no-sync")
	if err != nil {
		return err
	}
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	if l.port, err = freePort(ctx); err != nil {
		return err
	}
	args := append([]string{
		"-D", data, "-k", l.dir, "-c", "listen_addresses=127.0.0.1", "-p", strconv.Itoa(l.port),
		"-c", "max_connections=300",
	}, l.settings...)
	l.server, err = l.command(context.WithoutCancel(ctx), "postgres", args...)
	if err != nil {
		return err
	}
	var log bytes.Buffer
	l.server.Stderr = &log
	if err := l.server.Start(); err != nil {
		return err
	}
	if err := l.wait(ctx); err != nil {
		return fmt.Errorf("%w: %s", err, log.String())
	}
	return nil
}

func (l *local) wait(ctx context.Context) error {
	db, err := sql.Open("pgx",
		fmt.Sprintf("postgres://muster@127.0.0.1:%d/postgres?sslmode=disable", l.port))
	if err != nil {
		return err
	}
	defer db.Close()
	for range 300 {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("postgres does not answer: %w", err)
}

func (l *local) stop(context.Context) error {
	var err error
	if l.server != nil && l.server.Process != nil {
		err = l.server.Process.Signal(os.Interrupt) // a fast shutdown
		_ = l.server.Wait()
	}
	return errors.Join(err, os.RemoveAll(l.dir))
}

func freePort(ctx context.Context) (int, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
