// Package steps holds the steps of the feature files. A scenario drives the
// two public faces only: the commands muster-server and muster-simulator as
// processes of their own, and SCIM over HTTP. Each exchange goes through a
// recorder, which checks every answer against spec/openapi.yaml.
package steps

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"muster/mailtest"
	"muster/spec"
)

// Harness is what all scenarios share: the commands, a database and a server
// on it; or a server that somebody else runs.
type Harness struct {
	// target is nil for a server of our own.
	target *Target
	http   *http.Client
	// targets are the instances of somebody else's server; the first is target.
	targets []Target
	// Template is the path of the JSON template that the provider's apps have;
	// empty for the simulator's own.
	Template string
	// Admin is the path of a command that stands for muster-server where the
	// application's administration is needed: it takes the same arguments,
	// and prints the same with --json. Empty at a server of somebody else:
	// such scenarios are left out.
	Admin string
	// simulator is the path of the command, if it is not among commands.
	simulator string

	// Outcome is called at the end of each scenario; may be nil. It must be
	// safe for concurrent use.
	Outcome func(Outcome)

	dir      string
	commands string // where the commands are
	database string
	server   *server
	contract routers.Router
	mail     *mailtest.Server

	// strict is a server in strict mode on the same database, started when
	// the first scenario asks for it.
	strictOnce sync.Once
	strict     *server
	strictErr  error
}

// New builds the commands into dir, a directory that exists, and starts a
// server on a database, given as muster-server takes it. The caller must
// call Close. MUSTER_TEST_COMMANDS names a directory that has the commands
// already.
func New(ctx context.Context, dir, database string) (*Harness, error) {
	return NewReplicas(ctx, dir, database, 1)
}

// NewReplicas is like New, with several servers on the database, which answer
// by turns.
func NewReplicas(ctx context.Context, dir, database string, n int) (*Harness, error) {
	h := &Harness{dir: dir, commands: os.Getenv("MUSTER_TEST_COMMANDS"), database: database}
	if h.commands == "" {
		h.commands = dir
		for _, name := range []string{"server", "simulator"} {
			out, err := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(dir, "muster-"+name), "muster/"+name).CombinedOutput()
			if err != nil {
				return nil, fmt.Errorf("build muster-%s: %w\n%s", name, err, out)
			}
		}
	}
	doc, err := openapi3.NewLoader().LoadFromData(spec.OpenAPI())
	if err != nil {
		return nil, err
	}
	if h.contract, err = gorillamux.NewRouter(doc); err != nil {
		return nil, err
	}
	if h.mail, err = mailtest.Start(ctx, 0); err != nil {
		return nil, err
	}
	if n > 1 {
		h.server, err = h.replicate(ctx, n)
	} else {
		h.server, err = h.serve(ctx, "127.0.0.1:0")
	}
	return h, err
}

// strictServer returns the server in strict mode.
func (h *Harness) strictServer(ctx context.Context) (*server, error) {
	h.strictOnce.Do(func() {
		h.strict, h.strictErr = h.serve(context.WithoutCancel(ctx), "127.0.0.1:0", "--strict")
	})
	return h.strict, h.strictErr
}

// Close stops the servers.
func (h *Harness) Close() error {
	err := h.server.stop(os.Interrupt)
	if h.strict != nil {
		err = errors.Join(err, h.strict.stop(os.Interrupt))
	}
	return errors.Join(err, h.mail.Close())
}

// Outcome is what came of one scenario.
type Outcome struct {
	// File is the feature file, Scenario the name.
	File, Scenario string
	// Unsupported is what the scenario needs and the server does not
	// announce; it was left out then.
	Unsupported string
	// ID is that of the scenario's pickle.
	ID string
	// Err is nil if the scenario passed. Exchanges are what it sent and got.
	Err       error
	Exchanges []string
	// Steps are those that were run, in their order.
	Steps []StepOutcome
}

// StepOutcome is what came of one step.
type StepOutcome struct {
	Text   string
	Passed bool
	// Skipped: an earlier step failed, or the scenario was left out.
	Skipped bool
	// Exchanges are the requests behind the step with their answers. There is
	// no secret in them.
	Exchanges []string
}

// server is a running muster-server.
type server struct {
	address string // host:port, where clients reach it
	listens string // host:port, where it listens
	// replicas are those behind it; nil for a server by itself.
	replicas *replicas
	process  *exec.Cmd
	log      *bytes.Buffer
	ended    chan struct{}
}

// serve starts a server and waits until it serves.
func (h *Harness) serve(ctx context.Context, address string, args ...string) (*server, error) {
	all := append([]string{
		"serve", "--listen", address, "--database", h.database, "--log-format", "json",
		"--smtp", "smtp://" + h.mail.Address, "--smtp-from", "no-reply@application.example",
	}, args...)
	s := &server{process: exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(h.commands, "muster-server"), all...), log: &bytes.Buffer{}, ended: make(chan struct{})}
	out, err := s.process.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	type started struct{ Msg, URL, Address string }
	serving := make(chan started, 1)
	go func() {
		defer close(s.ended)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var line started
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
				serving <- line
			}
			if s.log.Len() < 1<<20 {
				s.log.Write(append(lines.Bytes(), '\n'))
			}
		}
	}()
	select {
	case line := <-serving:
		s.address, s.listens = strings.TrimSuffix(strings.TrimPrefix(line.URL, "http://"), "/scim/v2"), line.Address
		return s, nil
	case <-s.ended:
		err = fmt.Errorf("the server ended: %s", s.log)
	case <-time.After(30 * time.Second):
		err = errors.New("the server did not start in 30 seconds")
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, errors.Join(err, s.stop(os.Kill))
}

// stop ends the process with a signal and waits for its end.
func (s *server) stop(signal os.Signal) error {
	if s.replicas != nil {
		return s.replicas.stop(signal)
	}
	if err := s.process.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-s.ended
	err := s.process.Wait()
	var exit *exec.ExitError
	if signal == os.Kill && errors.As(err, &exit) {
		return nil
	}
	return err
}

// outcome is what a command did.
type outcome struct {
	command     string
	out, errors string
	code        int
}

func (o outcome) String() string {
	return fmt.Sprintf("%s\nexit code %d\n%s%s", o.command, o.code, o.out, o.errors)
}

// run runs one of the commands in a directory and returns what it did. The
// error is for what kept it from running.
func (h *Harness) run(ctx context.Context, name, dir string, environment []string, args ...string) (outcome, error) {
	path := filepath.Join(h.commands, name)
	switch {
	case name == "muster-simulator" && h.simulator != "":
		path = h.simulator
	case name == "muster-server" && h.Admin != "":
		path = h.Admin
	}
	c := exec.CommandContext(ctx, path, args...)
	if signal := signalOf(ctx); signal != nil {
		c.Cancel = func() error { return c.Process.Signal(signal) }
	}
	c.Dir = dir
	c.Env = append(os.Environ(), environment...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	o := outcome{command: name + " " + strings.Join(args, " "), out: out.String(), errors: errs.String()}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		o.code, err = exit.ExitCode(), nil
	}
	return o, err
}

type signalKey struct{}

// withSignal returns a context whose end a command gets as this signal.
func withSignal(ctx context.Context, s os.Signal) context.Context {
	return context.WithValue(ctx, signalKey{}, s)
}

func signalOf(ctx context.Context) os.Signal {
	s, _ := ctx.Value(signalKey{}).(os.Signal)
	return s
}

// closedPort returns an address at which nothing listens.
func closedPort(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
