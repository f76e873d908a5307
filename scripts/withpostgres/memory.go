package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// memory is where Linux keeps files in memory, and room what a run of the tests may
// take there.
const (
	memory = "/dev/shm"
	room   = 6 << 30
)

// inMemory returns the environment that has temporary files in memory, and what takes
// them away again: half of what the tests wait for is the disk, and what survives a
// loss of power is not theirs to show (scripts/crash is for that). Where TMPDIR is set,
// or there is no room, nothing changes.
func inMemory() (environment []string, clean func() error) {
	nothing := func() error { return nil }
	if os.Getenv("TMPDIR") != "" {
		return nil, nothing
	}
	var s unix.Statfs_t
	if err := unix.Statfs(memory, &s); err != nil || s.Bavail*uint64(s.Bsize) < room {
		return nil, nothing
	}
	dir, err := os.MkdirTemp(memory, "muster-")
	if err != nil {
		return nil, nothing
	}
	return []string{"TMPDIR=" + dir}, func() error { return os.RemoveAll(dir) }
}
