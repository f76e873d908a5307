package command

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"muster/sample"
	"muster/simulator/administration"
	"muster/simulator/yamlfile"
)

func newSandbox() *cobra.Command {
	c := &cobra.Command{
		Use: "sandbox", Short: "Serve both consoles, to walk through the guide by clicking",
		Args: cobra.NoArgs, RunE: sandbox,
		Long: `Start a server on SQLite with the sample company's two instances as they were before
SCIM, its console and the provider's portal beside it, and print two links that sign
in. The account has its people and no application yet: one walks through the guide
from its first sentence to its last by clicking.

It needs muster-server, beside this program or in the PATH. Without --dir everything is
in a temporary directory, which is removed at the end.`,
		Example: `  muster-simulator sandbox
  muster-simulator sandbox --dir sandbox     # and go on another day`,
	}
	c.Flags().String("dir", "", "a directory to keep; a temporary one by default")
	c.Flags().String("server", "", "the program muster-server; by default the one beside this "+
		"program, or in the PATH")
	c.Flags().String("listen", "127.0.0.1:0", "loopback address and port of the server")
	c.Flags().String("portal", "127.0.0.1:0", "loopback address and port of the portal")
	withState(c)
	return c
}

// box is a sandbox: a directory with a server on it.
type box struct {
	dir, server string
	errs        io.Writer
}

func sandbox(c *cobra.Command, _ []string) (err error) {
	b := &box{errs: c.ErrOrStderr()}
	if b.server, err = serverProgram(c); err != nil {
		return err
	}
	if b.dir, _ = c.Flags().GetString("dir"); b.dir == "" {
		if b.dir, err = os.MkdirTemp("", "muster-sandbox-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	} else if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return err
	}
	ctx := c.Context()
	if _, err := os.Stat(filepath.Join(b.dir, "muster.db")); errors.Is(err, os.ErrNotExist) {
		if err := b.fill(ctx); err != nil {
			return err
		}
	}
	address, _ := c.Flags().GetString("listen")
	base, stop, err := b.serve(ctx, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	var link struct{ URL string }
	if err := b.decode(ctx, &link, "console", "link", "--user", "administrator", "--url",
		base); err != nil {
		return err
	}
	address, _ = c.Flags().GetString("portal")
	p, l, err := openPortal(c, filepath.Join(b.dir, "account.yaml"), address,
		administration.Line{})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), `The sample company, before SCIM, in %s

Portal of the provider      %s
Console of the application  %s
                            (good once, within ten minutes)
Base URL                    %s/scim/v2

Begin in the portal with "Add Application", and in the console with "API keys".
Ctrl-C ends both.
`, b.dir, p.Link("http://"+l.Addr().String()), link.URL, base)
	return p.serve(ctx, l)
}

// serverProgram finds muster-server.
func serverProgram(c *cobra.Command) (string, error) {
	if path, _ := c.Flags().GetString("server"); path != "" {
		return path, nil
	}
	name := "muster-server"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if own, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(own), name)
		if _, err := os.Stat(beside); err == nil {
			return beside, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", errors.New("muster-server is neither beside this program nor in the PATH: " +
			"name it with --server")
	}
	return path, nil
}

// command returns a command of the server on the sandbox's database. What the
// environment says of another server is none of the sandbox's business.
func (b *box) command(ctx context.Context, args ...string) *exec.Cmd {
	//nolint:gosec // G204: the program is the one that a person names, or the one beside
	c := exec.CommandContext(ctx, b.server,
		append(args, "--database", "sqlite:"+filepath.Join(b.dir, "muster.db"))...)
	c.Env = slices.DeleteFunc(os.Environ(),
		func(v string) bool { return strings.HasPrefix(v, "MUSTER_") })
	return c
}

// run runs a command of the server.
func (b *box) run(ctx context.Context, args ...string) ([]byte, error) {
	c := b.command(ctx, args...)
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("muster-server %s: %w\n%s", strings.Join(args, " "), err,
			errs.String())
	}
	return out, nil
}

// decode runs a command that prints JSON.
func (b *box) decode(ctx context.Context, dest any, args ...string) error {
	out, err := b.run(ctx, append(args, "--json")...)
	if err != nil {
		return err
	}
	return json.Unmarshal(out, dest)
}

// fill makes what there was before SCIM: two instances with accounts and groups that
// were made by hand, and the provider's account without an application.
func (b *box) fill(ctx context.Context) error {
	for _, name := range []string{"account.yaml", "users.csv", "rollout.yaml"} {
		text, err := sample.Read(name)
		if err == nil && name == "account.yaml" {
			text, err = yamlfile.Set(text, []string{}, "apps")
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(b.dir, name), text, 0o600)
		}
		if err != nil {
			return err
		}
	}
	for _, instance := range []string{"acme", "globex"} {
		if _, err := b.run(ctx, "instance", "create", instance, "--edition", "enterprise",
			"--environment", "sandbox"); err != nil {
			return err
		}
		if _, err := b.run(ctx, "user", "create", "scim-sync-"+instance, "--instance", instance,
			"--integration", "--role", "lite-admin"); err != nil {
			return err
		}
		if err := b.byHand(ctx, instance); err != nil {
			return err
		}
	}
	return nil
}

// byHand makes the accounts and groups of an instance that were made by hand.
func (b *box) byHand(ctx context.Context, instance string) error {
	text, err := sample.Read(instance + "-by-hand.txt")
	if err != nil {
		return err
	}
	var people bytes.Buffer
	w := csv.NewWriter(&people)
	rows := [][]string{{"userName", "firstName", "lastName", "email", "displayName"}}
	var groups [][]string
	for line := range strings.Lines(string(text)) {
		switch f := strings.Split(strings.TrimSpace(line), "|"); {
		case f[0] == "user" && len(f) == 5:
			rows = append(rows, []string{f[1], f[2], f[3], f[4], f[2] + " " + f[3]})
		case f[0] == "group" && len(f) == 3:
			groups = append(groups, f[1:])
		}
	}
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	path := filepath.Join(b.dir, instance+"-by-hand.csv")
	if err := os.WriteFile(path, people.Bytes(), 0o600); err != nil {
		return err
	}
	if _, err := b.run(ctx, "import", path, "--instance", instance); err != nil {
		return err
	}
	for _, g := range groups {
		args := []string{"group", "create", g[0], "--instance", instance}
		for member := range strings.SplitSeq(g[1], ",") {
			if member != "" {
				args = append(args, "--member", member)
			}
		}
		if _, err := b.run(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// startTime is how long the server may take to start.
const startTime = 30 * time.Second

// serve starts the server, and returns where it is reached and how it is stopped.
func (b *box) serve(
	ctx context.Context, address string,
) (base string, stop func() error, err error) {
	c := b.command(ctx, "serve", "--listen", address, "--log-format", "json")
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	log, err := c.StderrPipe()
	if err != nil {
		return "", nil, err
	}
	if err := c.Start(); err != nil {
		return "", nil, err
	}
	stop = func() error {
		_ = c.Process.Signal(syscall.SIGTERM) // it may have ended
		if err := c.Wait(); ctx.Err() == nil {
			return err
		}
		return nil // it was told to end together with this process
	}
	serving := make(chan string, 1)
	go func() {
		defer close(serving)
		lines := bufio.NewScanner(log)
		for lines.Scan() {
			var line struct{ Msg, Level, URL string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
				serving <- line.URL
			} else if line.Level != "INFO" {
				fmt.Fprintln(b.errs, lines.Text())
			}
		}
	}()
	select {
	case url, ok := <-serving:
		if ok {
			return strings.TrimSuffix(url, "/scim/v2"), stop, nil
		}
	case <-time.After(startTime):
	case <-ctx.Done():
	}
	return "", nil, errors.Join(errors.New("the server did not start"), stop())
}
