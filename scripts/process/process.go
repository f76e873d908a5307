// Package process runs servers as processes of their own, for programs that
// measure them or break them.
package process

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Process is a server in a process of its own.
type Process struct {
	cmd *exec.Cmd
	log *os.File
}

// Start starts a program whose first line of output that holds mark tells
// that it serves, and returns that line. What it logs goes to a file, behind
// what is there.
func Start(
	ctx context.Context, logFile, mark string, name string, args ...string,
) (*Process, string, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, "", err
	}
	before, err := log.Seek(0, 2)
	if err != nil {
		return nil, "", errors.Join(err, log.Close())
	}
	p := &Process{exec.CommandContext(context.WithoutCancel(ctx), name, args...), log}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return nil, "", errors.Join(err, log.Close())
	}
	var text []byte
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) &&
		ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if text, err = os.ReadFile(logFile); err != nil {
			return nil, "", errors.Join(err, p.Stop())
		}
		lines := bufio.NewScanner(bytes.NewReader(text[before:]))
		for lines.Scan() {
			if strings.Contains(lines.Text(), mark) {
				return p, lines.Text(), nil
			}
		}
	}
	return nil, "", errors.Join(fmt.Errorf("%s does not serve: %s", filepath.Base(name),
		text[before:]), p.Stop())
}

// PID is the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stop lets the process end.
func (p *Process) Stop() error { return p.end(syscall.SIGTERM) }

// Kill ends the process as kill -9 does.
func (p *Process) Kill() error { return p.end(syscall.SIGKILL) }

func (p *Process) end(s syscall.Signal) error {
	_ = p.cmd.Process.Signal(s)
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && !exit.Exited() {
		err = nil // by our signal
	}
	return errors.Join(err, p.log.Close())
}
