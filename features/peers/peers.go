// Package peers runs what others wrote about SCIM against a server: their
// clients, unmodified; the requests of providers that they recorded; and the
// filters and paths of their own tests. Nothing of theirs is copied: it is read
// from the modules that go.mod pins, where they are.
package peers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"muster/features/harness"
)

// Suite is what one peer has.
type Suite struct {
	// Name says what it is, Module and Version where it is from.
	Name    string `json:"name"`
	Module  string `json:"module"`
	Version string `json:"version"`
	Cases   []Case `json:"cases"`
}

// Case is one thing that was tried.
type Case struct {
	Name string `json:"name"`
	// Failure is what the server did wrong; empty if nothing.
	Failure string `json:"failure,omitempty"`
	// LeftOut is why it was not tried; empty if it was.
	LeftOut string `json:"leftOut,omitempty"`
}

// Failed returns how many cases failed.
func (s *Suite) Failed() int {
	n := 0
	for _, c := range s.Cases {
		if c.Failure != "" {
			n++
		}
	}
	return n
}

// add keeps the outcome of a case.
func (s *Suite) add(name string, err error) {
	c := Case{Name: name}
	if err != nil {
		c.Failure = err.Error()
	}
	s.Cases = append(s.Cases, c)
}

// Run runs everything against a target, which should be empty. An error says
// that something could not be run, not that it failed.
func Run(ctx context.Context, target harness.Target) ([]*Suite, error) {
	var suites []*Suite
	for _, run := range []func(context.Context, harness.Target) (*Suite, error){
		runGitHub, runRecorded, runElimityGrammar, runFilterParser,
	} {
		s, err := run(ctx, target)
		if err != nil {
			return nil, err
		}
		suites = append(suites, s)
	}
	return suites, nil
}

// module is where the text of a module is.
type module struct{ Path, Version, Dir string }

// find returns a module that go.mod requires, fetched.
func find(ctx context.Context, path string) (*module, error) {
	out, err := exec.CommandContext(ctx, "go", "mod", "download", "-json", path).Output()
	if err != nil {
		return nil, fmt.Errorf("the module %s: %w: %s", path, err, stderr(err))
	}
	var m module
	if err := json.Unmarshal(out, &m); err != nil {
		return nil, fmt.Errorf("the module %s: %w", path, err)
	}
	return &m, nil
}

func stderr(err error) string {
	var e *exec.ExitError
	if errors.As(err, &e) {
		return strings.TrimSpace(string(e.Stderr))
	}
	return ""
}
