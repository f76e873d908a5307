package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"muster/simulator/rollout"
	"muster/terminal"
)

// suite is a wave in JUnit's format.
type suite struct {
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Time     string     `xml:"time,attr"`
	Cases    []testCase `xml:"testcase"`
}

type testCase struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Failure *failure `xml:"failure"`
}

type failure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func (s *suite) add(class, name, problem string) {
	c := testCase{Class: class, Name: terminal.Harmless(name)}
	s.Tests++
	if problem != "" {
		s.Failures++
		c.Failure = &failure{Message: terminal.Harmless(problem), Text: terminal.Harmless(problem)}
	}
	s.Cases = append(s.Cases, c)
}

// JUnit writes the result of a rehearsal in JUnit's format, for CI: a suite
// for each wave, with a case for each expectation, check and problem.
func JUnit(w io.Writer, r *rollout.Result) error {
	all := struct {
		XMLName  xml.Name `xml:"testsuites"`
		Name     string   `xml:"name,attr"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Time     string   `xml:"time,attr"`
		Suites   []*suite `xml:"testsuite"`
	}{Name: r.Rollout, Time: fmt.Sprintf("%.3f", r.Seconds)}
	for _, wave := range r.Waves {
		s := suiteOf(wave)
		all.Tests, all.Failures, all.Suites = all.Tests+s.Tests, all.Failures+
			s.Failures, append(all.Suites, s)
	}
	for i := len(r.Waves); i < r.Planned; i++ {
		s := &suite{Name: fmt.Sprintf("wave %d", i+1), Time: "0"}
		s.add("rollout", "the wave was run", "it was not run: the rollout stopped before it")
		all.Tests, all.Failures, all.Suites = all.Tests+1, all.Failures+1, append(all.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func suiteOf(wave *rollout.WaveResult) *suite {
	s := &suite{Name: title(wave), Time: "0"}
	if wave.Cycle != nil {
		s.Time = fmt.Sprintf("%.3f", wave.Cycle.Seconds)
	}
	compare := func(class string, list []rollout.Expectation) {
		for _, e := range list {
			problem := ""
			if !e.Met {
				problem = fmt.Sprintf("expected %s, got %s", e.Expected, e.Got)
			}
			s.add(class, e.What, problem)
		}
	}
	compare("expectation", wave.Expectations)
	gate := ""
	if !wave.Passed {
		gate = fmt.Sprintf("%d problems", len(wave.Problems))
	}
	s.add("gate", "the gate is open", gate)
	if c := wave.Check; c != nil {
		compare("check", c.Assertions)
		problem := ""
		if len(c.Problems) > 0 {
			problem = fmt.Sprintf("%d problems, such as: %s", len(c.Problems), c.Problems[0])
		}
		s.add("check", "the application has what was sent", problem)
	}
	for _, problem := range wave.Problems {
		// What was expected and checked has cases of its own.
		for _, kind := range []string{"conflict: ", "failed: ", "created: "} {
			if strings.HasPrefix(problem, kind) {
				s.add("user", problem, problem)
			}
		}
	}
	return s
}
