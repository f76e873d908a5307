package harness

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Server is a running muster-server.
type Server struct {
	Address string // host:port, where clients reach it
	listens string // host:port, where it listens
	// replicas are those behind it; nil for a server by itself.
	replicas *replicas
	Process  *exec.Cmd
	Log      *bytes.Buffer
	ended    chan struct{}
}

// Serve starts a server and waits until it serves.
func (h *Harness) Serve(ctx context.Context, address string, args ...string) (*Server, error) {
	all := append([]string{
		"serve", "--listen", address, "--database", h.Database, "--log-format", "json",
		"--smtp", "smtp://" + h.Mail.Address, "--smtp-from", "no-reply@application.example",
	}, args...)
	s := &Server{
		Process: exec.CommandContext(context.WithoutCancel(ctx),
			filepath.Join(h.commands, "muster-server"), all...), Log: &bytes.Buffer{},
		ended: make(chan struct{}),
	}
	out, err := s.Process.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.Process.Start(); err != nil {
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
			if s.Log.Len() < 1<<20 {
				s.Log.Write(append(lines.Bytes(), '\n'))
			}
		}
	}()
	select {
	case line := <-serving:
		s.Address, s.listens = strings.TrimSuffix(strings.TrimPrefix(line.URL, "http://"),
			"/scim/v2"), line.Address
		return s, nil
	case <-s.ended:
		err = fmt.Errorf("the server ended: %s", s.Log)
	case <-time.After(30 * time.Second):
		err = errors.New("the server did not start in 30 seconds")
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, errors.Join(err, s.Stop(os.Kill))
}

// Stop ends the process with a signal and waits for its end.
func (s *Server) Stop(signal os.Signal) error {
	if s.replicas != nil {
		return s.replicas.stop(signal)
	}
	if err := s.Process.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-s.ended
	err := s.Process.Wait()
	var exit *exec.ExitError
	if signal == os.Kill && errors.As(err, &exit) {
		return nil
	}
	return err
}

// Result is what a command did.
type Result struct {
	Command     string
	Out, Errors string
	Code        int
}

func (o Result) String() string {
	return fmt.Sprintf("%s\nexit code %d\n%s%s", o.Command, o.Code, o.Out, o.Errors)
}

// Run runs one of the commands in a directory and returns what it did. The
// error is for what kept it from running.
func (h *Harness) Run(
	ctx context.Context, name, dir string, environment []string, args ...string,
) (Result, error) {
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
	o := Result{
		Command: name + " " + strings.Join(args, " "), Out: out.String(), Errors: errs.String(),
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		o.Code, err = exit.ExitCode(), nil
	}
	return o, err
}

type signalKey struct{}

// WithSignal returns a context whose end a command gets as this signal.
func WithSignal(ctx context.Context, s os.Signal) context.Context {
	return context.WithValue(ctx, signalKey{}, s)
}

func signalOf(ctx context.Context) os.Signal {
	s, _ := ctx.Value(signalKey{}).(os.Signal)
	return s
}

// ClosedPort returns an address at which nothing listens.
func ClosedPort(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
