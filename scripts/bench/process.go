package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server in a process of its own.
type process struct {
	cmd *exec.Cmd
	log *os.File
}

// start starts a program whose first line of output that holds mark tells
// that it serves, and returns that line. What it logs goes to a file.
func start(ctx context.Context, logFile, mark string, name string, args ...string) (*process, string, error) {
	log, err := os.Create(logFile)
	if err != nil {
		return nil, "", err
	}
	p := &process{exec.CommandContext(context.WithoutCancel(ctx), name, args...), log}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return nil, "", errors.Join(err, log.Close())
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		text, err := os.ReadFile(logFile)
		if err != nil {
			return nil, "", errors.Join(err, p.stop())
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		for lines.Scan() {
			if strings.Contains(lines.Text(), mark) {
				return p, lines.Text(), nil
			}
		}
	}
	text, _ := os.ReadFile(logFile)
	return nil, "", errors.Join(fmt.Errorf("%s does not serve: %s", filepath.Base(name), text), p.stop())
}

func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && !exit.Exited() {
		err = nil // by our signal
	}
	return errors.Join(err, p.log.Close())
}

// cpu returns the processor time that a process has used.
func cpu(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond // a tick is 10 ms on Linux
}

// resident returns the resident memory of a process, in bytes.
func resident(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// databaseCPU returns the processor time of all processes of PostgreSQL that
// this machine shows.
func databaseCPU() time.Duration {
	dirs, _ := filepath.Glob("/proc/[0-9]*/comm")
	var sum time.Duration
	for _, dir := range dirs {
		name, err := os.ReadFile(dir)
		if err == nil && strings.TrimSpace(string(name)) == "postgres" {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
			sum += cpu(pid)
		}
	}
	return sum
}
