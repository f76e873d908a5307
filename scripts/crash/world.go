package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"muster/scripts/process"
	"muster/server/store/pgtest"
)

// world is all that runs: PostgreSQL, the server, and the network between them
// and the clients.
type world struct {
	options
	dir      string
	disk     string // the directory that PostgreSQL's data lie in, or empty: see mountDisk
	database *pgtest.Server
	// direct is the URL of the database without the network that is broken.
	direct string
	// toDatabase is what the server reaches PostgreSQL through, and toServer
	// what clients reach the server through.
	toDatabase, toServer *toxiproxy.Proxy
	network              *toxiproxy.ApiServer
	listen               string
	// cluster, second and others are of a failover: a second server, and
	// where it listens.
	cluster *cluster
	second  *process.Process
	others  []string
	server  *process.Process
	// listener hears of the changes by the feeds, at an address.
	listener *process.Process
	feeds    feeds
	hears    string
	events   int // that it has heard until now
	load     key
	acme     key
	ledger   *ledger
	group    string
	months   int
}

// key is an API key, and the id of its instance.
type key struct{ token, instance string }

func newWorld(ctx context.Context, o options) (w *world, err error) {
	w = &world{options: o, ledger: &ledger{members: make(map[string]member)}}
	if w.dir, err = os.MkdirTemp("", "muster-crash-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close(context.WithoutCancel(ctx)))
		}
	}()
	if w.disk, err = mountDisk(ctx, w.dir); err != nil {
		fmt.Fprintln(os.Stderr, "the disk is not filled:", err)
	}
	if w.database, err = pgtest.StartBreakable(ctx, w.disk); err != nil {
		return w, err
	}
	fmt.Fprintln(os.Stderr, "PostgreSQL:", w.database.Origin)
	if w.direct, _, err = w.database.Database(ctx); err != nil {
		return w, err
	}
	w.network = newNetwork()
	w.toDatabase = toxiproxy.NewProxy(w.network, "database", "127.0.0.1:0", w.database.Address())
	if err := w.toDatabase.Start(); err != nil {
		return w, err
	}
	if w.listen, err = freeAddress(); err != nil {
		return w, err
	}
	w.toServer = toxiproxy.NewProxy(w.network, "server", "127.0.0.1:0", w.listen)
	if err := w.toServer.Start(); err != nil {
		return w, err
	}
	return w, w.settle(ctx)
}

// settle makes the instances, starts the server, and makes the group.
func (w *world) settle(ctx context.Context) (err error) {
	if w.load, err = w.instance(ctx, "load"); err != nil {
		return err
	}
	if w.acme, err = w.instance(ctx, "acme"); err != nil {
		return err
	}
	if err := w.startServer(ctx); err != nil {
		return err
	}
	if w.older == "" && !w.failover {
		if err := w.listenTo(ctx); err != nil {
			return err
		}
	}
	c := w.client(0, nil)
	answer, status := c.send(ctx, http.MethodPost, "/Groups",
		map[string]any{"displayName": "Crash"})
	if status != http.StatusCreated {
		return fmt.Errorf("the group could not be made: %d %v", status, answer)
	}
	w.group, _ = answer["id"].(string)
	return w.company(ctx)
}

// newNetwork is where proxies belong.
func newNetwork() *toxiproxy.ApiServer {
	return toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()),
		zerolog.Nop())
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// diskSize is how much PostgreSQL's disk holds, in megabytes.
const diskSize = 1500

// mountDisk makes a small disk, which can be filled without filling the
// machine's.
func mountDisk(ctx context.Context, dir string) (string, error) {
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		return "", err
	}
	if out, err := exec.CommandContext(ctx, "mount", "-t", "tmpfs", "-o",
		fmt.Sprintf("size=%dm,mode=0777", diskSize), "muster-crash",
		disk).CombinedOutput(); err != nil {
		return "", fmt.Errorf("a small disk for PostgreSQL cannot be mounted; that takes root: %s",
			out)
	}
	return disk, os.Chmod(dir, 0o755)
}

func (w *world) close(ctx context.Context) (err error) {
	for _, p := range []*process.Process{w.server, w.second, w.listener} {
		if p != nil {
			err = errors.Join(err, p.Stop())
		}
	}
	for _, p := range []*toxiproxy.Proxy{w.toServer, w.toDatabase} {
		if p != nil {
			p.Stop()
		}
	}
	if w.database != nil {
		err = errors.Join(err, w.database.Stop(ctx))
	}
	if w.cluster != nil {
		err = errors.Join(err, w.cluster.close(ctx))
	}
	if w.disk != "" {
		if out, unmountErr := exec.CommandContext(ctx, "umount", "--lazy",
			w.disk).CombinedOutput(); unmountErr != nil {
			return errors.Join(err, fmt.Errorf("umount: %s", out))
		}
	}
	return errors.Join(err, os.RemoveAll(w.dir))
}

// through is the URL of the database through the network that is broken.
func (w *world) through() (string, error) {
	if w.toDatabase == nil {
		return w.direct, nil
	}
	u, err := url.Parse(w.direct)
	if err != nil {
		return "", err
	}
	u.Host = w.toDatabase.Listen
	return u.String(), nil
}

func (w *world) startServer(ctx context.Context) error {
	through, err := w.through()
	if err != nil {
		return err
	}
	args := []string{
		"serve", "--listen", w.listen, "--database", through, "--public-url",
		"http://" + w.toServer.Listen,
	}
	if w.older == "" { // an old version may have no audit log
		args = append(args, "--audit-log", w.auditLog())
	}
	p, _, err := process.Start(ctx, filepath.Join(w.dir, "server.log"), "msg=serving",
		w.options.server, args...)
	if err != nil {
		return err
	}
	w.server = p
	return nil
}

// command runs muster-server on the database itself.
func (w *world) command(ctx context.Context, args ...string) ([]byte, error) {
	var complaint strings.Builder
	c := exec.CommandContext(ctx, w.options.server, append(args, "--database", w.direct)...)
	c.Stderr = &complaint
	out, err := c.Output()
	if err != nil {
		err = fmt.Errorf("muster-server %s: %w: %s%s", strings.Join(args, " "), err, out,
			complaint.String())
	}
	return out, err
}

// instance makes an instance with a key.
func (w *world) instance(ctx context.Context, slug string) (k key, err error) {
	var made struct{ ID string }
	var issued struct{ Key string }
	for _, step := range []struct {
		args []string
		to   any
	}{
		{[]string{"instance", "create", slug, "--environment", "sandbox", "--json"}, &made},
		{
			[]string{
				"user", "create", "scim-" + slug, "--instance", slug, "--integration", "--role",
				"lite-admin",
			}, nil,
		},
		{
			[]string{"key", "create", "--instance", slug, "--user", "scim-" + slug, "--json"},
			&issued,
		},
	} {
		out, err := w.command(ctx, step.args...)
		if err != nil {
			return k, err
		}
		if step.to != nil {
			if err := json.Unmarshal(out, step.to); err != nil {
				return k, err
			}
		}
	}
	return key{issued.Key, made.ID}, nil
}

// company makes up the people of the simulator's next cycle: of each round
// some came, left, or changed.
func (w *world) company(ctx context.Context) error {
	dir := filepath.Join(w.dir, "company")
	out, err := exec.CommandContext(ctx, w.simulator, "generate", dir, "--people", "120",
		"--months", fmt.Sprint(w.months%120)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("generate: %w: %s", err, out)
	}
	w.months++
	account := filepath.Join(dir, "account.yaml")
	text, err := os.ReadFile(account)
	if err != nil || strings.Contains(string(text), "retry_failed") {
		return err
	}
	// A user who failed because something was broken is tried in the next cycle.
	text = []byte(strings.Replace(string(text), "    provisioning:\n",
		"    provisioning:\n      retry_failed: true\n", 1))
	return os.WriteFile(account, text, 0o600)
}

// simulate returns a command of the simulator about the app acme.
func (w *world) simulate(ctx context.Context, command string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, w.simulator,
		append([]string{
			command, "-f", filepath.Join(w.dir, "company", "account.yaml"), "--app", "acme",
		}, args...)...)
	c.Env = append(os.Environ(), "ACME_BASE_URL=http://"+w.toServer.Listen+"/scim/v2",
		"ACME_TOKEN="+w.acme.token)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return c
}

// ready waits until the server can answer requests, and tells how long that
// took.
func (w *world) ready(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	c := http.Client{Timeout: time.Second}
	for time.Since(began) < readyTime {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet,
			"http://"+w.toServer.Listen+"/readyz", nil)
		if err != nil {
			return 0, err
		}
		resp, err := c.Do(r)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return time.Since(began), nil
			}
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return 0, fmt.Errorf("the server was not ready within %v", readyTime)
}

// readyTime is how long the server may take to be ready again.
const readyTime = time.Minute
