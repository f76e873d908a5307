package client

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Exchange is one request as it was sent, with its answer. It holds no
// secret: no header, and no password.
type Exchange struct {
	At     time.Time `json:"at"`
	Method string    `json:"method"`
	// Path is what follows the base URL.
	Path    string `json:"path"`
	Request string `json:"request,omitempty"`
	// Status is 0 when there was no answer; Error says why then.
	Status int    `json:"status,omitempty"`
	Answer string `json:"answer,omitempty"`
	Error  string `json:"error,omitempty"`
	// Milliseconds is how long the answer took.
	Milliseconds float64 `json:"milliseconds"`
}

// Trace keeps exchanges in the order of their ends. It is safe for
// concurrent use.
type Trace struct {
	mu   sync.Mutex
	list []Exchange
}

// Exchanges returns what was kept.
func (t *Trace) Exchanges() []Exchange {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Exchange(nil), t.list...)
}

func (t *Trace) add(e Exchange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = append(t.list, e)
}

type traceKey struct{}

// WithTrace returns a context under which requests are kept in t.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

func traceOf(ctx context.Context) *Trace {
	t, _ := ctx.Value(traceKey{}).(*Trace)
	return t
}

// longest is how much of a body is kept.
const longest = 4 << 10

// masker takes secrets out of texts.
type masker struct {
	token    string
	password *regexp.Regexp
}

func newMasker(token string) masker {
	return masker{token, regexp.MustCompile(`("password"\s*:\s*)"(?:[^"\\]|\\.)*"`)}
}

func (m masker) mask(text []byte) string {
	s := m.password.ReplaceAllString(string(text), `$1"…"`)
	s = strings.ReplaceAll(s, m.token, "…")
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return s
}
