package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

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
