package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"strings"
	"time"
)

// errNoContainer: what one does to a container cannot be done to another
// server.
var errNoContainer = errors.New("this takes a PostgreSQL in a container; see StartBreakable")

// Container is the id of the container, or empty if there is none.
func (s *Server) Container() string { return s.container }

// Kill ends the server as a loss of power does, but for what the machine has
// not written to its disk.
func (s *Server) Kill(ctx context.Context) error {
	return s.engine(ctx, "kill", "--signal", "KILL")
}

// Pause stops the server where it is, without a word to its clients, until
// [Server.Resume].
func (s *Server) Pause(ctx context.Context) error { return s.engine(ctx, "pause") }

// Resume lets the server go on.
func (s *Server) Resume(ctx context.Context) error { return s.engine(ctx, "unpause") }

// Restart starts a server that was killed. It may have another address then.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.engine(ctx, "start"); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "docker", "port", s.container, "5432/tcp").Output()
	if err != nil {
		return fmt.Errorf("docker port: %w", err)
	}
	first, _, _ := strings.Cut(string(out), "\n")
	_, port, err := net.SplitHostPort(strings.TrimSpace(first))
	if err != nil {
		return fmt.Errorf("docker port printed %q: %w", out, err)
	}
	u, err := url.Parse(s.admin)
	if err != nil {
		return err
	}
	u.Host = u.Hostname() + ":" + port
	s.admin = u.String()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		var one int
		if err = s.query(ctx, &one, "SELECT 1"); err == nil || time.Now().After(deadline) ||
			ctx.Err() != nil {
			return err
		}
	}
}

// Address is where the server listens.
func (s *Server) Address() string {
	u, err := url.Parse(s.admin)
	if err != nil {
		return ""
	}
	return u.Host
}

func (s *Server) engine(ctx context.Context, verb string, args ...string) error {
	if s.container == "" {
		return errNoContainer
	}
	args = append(append([]string{verb}, args...), s.container)
	if out, err := exec.CommandContext(ctx, "docker", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("docker %s: %w: %s", verb, err, out)
	}
	return nil
}
