package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"muster/secevent"
)

// Listener is a running `muster-simulator listen`.
type Listener struct {
	// URL is where it listens for what is pushed.
	URL     string
	process *exec.Cmd
	ended   chan struct{}

	mu     sync.Mutex
	tokens []*secevent.Token
	said   strings.Builder
}

// Listen starts a listener, with --json and these arguments. One that listens for what is
// pushed does so when it returns.
func (h *Harness) Listen(ctx context.Context, args ...string) (*Listener, error) {
	l := &Listener{
		process: exec.CommandContext(context.WithoutCancel(ctx),
			filepath.Join(h.commands, "muster-simulator"),
			append([]string{"listen", "--json"}, args...)...),
		ended: make(chan struct{}),
	}
	out, err := l.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	errs, err := l.process.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := l.process.Start(); err != nil {
		return nil, err
	}
	listening := make(chan string, 1)
	var group sync.WaitGroup
	group.Go(func() {
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			l.note(lines.Bytes())
		}
	})
	group.Go(func() {
		lines := bufio.NewScanner(errs)
		for lines.Scan() {
			if at, ok := strings.CutPrefix(lines.Text(), "listening at "); ok {
				url, _, _ := strings.Cut(at, ";")
				listening <- url
			}
			l.mu.Lock()
			l.said.WriteString(lines.Text() + "\n")
			l.mu.Unlock()
		}
	})
	go func() {
		group.Wait()
		close(l.ended)
	}()
	if slices.Contains(args, "--poll") {
		return l, nil
	}
	select {
	case l.URL = <-listening:
		return l, nil
	case <-l.ended:
		err = fmt.Errorf("the listener ended: %s", l.Said())
	case <-time.After(30 * time.Second):
		err = errors.New("the listener did not start in 30 seconds")
	}
	return nil, errors.Join(err, l.Stop())
}

// note keeps the event of a line.
func (l *Listener) note(line []byte) {
	t := new(secevent.Token)
	if json.Unmarshal(line, t) != nil || t.ID == "" {
		return // what it says in the end
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tokens = append(l.tokens, t)
}

// Tokens returns the events that came until now, each once.
func (l *Listener) Tokens() []*secevent.Token {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*secevent.Token{}, l.tokens...)
}

// Said returns what it wrote on stderr.
func (l *Listener) Said() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.said.String()
}

// Stop ends the process. It is an error if a token was not right.
func (l *Listener) Stop() error {
	if err := l.process.Process.Signal(os.Interrupt); err != nil &&
		!errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-l.ended
	if err := l.process.Wait(); err != nil {
		return fmt.Errorf("the listener: %w: %s", err, l.Said())
	}
	return nil
}
