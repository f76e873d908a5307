package command

import (
	"bufio"
	"bytes"
	"io"
	"sync"
	"time"
)

// logWriter writes the lines of the log together: one system call for many
// requests. What is no mere information is written at once, and all else
// within logDelay.
type logWriter struct {
	mu      sync.Mutex
	w       *bufio.Writer
	pending bool
}

const (
	logBuffer = 64 << 10
	logDelay  = 100 * time.Millisecond
)

func newLogWriter(w io.Writer) *logWriter {
	return &logWriter{w: bufio.NewWriterSize(w, logBuffer)}
}

// Write takes one line.
func (l *logWriter) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.w.Write(line)
	switch {
	case err != nil:
	case !bytes.Contains(line, []byte("level=INFO")) &&
		!bytes.Contains(line, []byte(`"level":"INFO"`)):
		err = l.w.Flush()
	case !l.pending:
		l.pending = true
		time.AfterFunc(logDelay, func() { _ = l.Flush() })
	}
	return n, err
}

// Flush writes what is left.
func (l *logWriter) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = false
	return l.w.Flush()
}
