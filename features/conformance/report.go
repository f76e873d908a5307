package conformance

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"muster/features/harness"
)

// Report sums up a run.
type Report struct {
	Target string `json:"target"`
	// Counts are of all sections together.
	Counts
	// Fails reports that a scenario failed of a level that fails the run.
	Fails bool `json:"fails"`
	// Administration is how many scenarios were left out by their tags: they
	// need the application's administration, or a server of their own.
	Administration int `json:"administration"`
	// Survey is what the server was found to do that many scenarios depend on,
	// and what the run made of it.
	Survey []string `json:"survey,omitempty"`
	// Causes are what made several scenarios fail, the most of them first.
	Causes []Cause `json:"causes,omitempty"`
	// NotAsked are the features that the server does not offer, with how many
	// scenarios were left out for each.
	NotAsked map[string]int `json:"notAsked,omitempty"`
	// Remarks are what should be otherwise, and failed nothing, with how many
	// scenarios met it.
	Remarks  map[string]int `json:"remarks,omitempty"`
	Sections []*Section     `json:"sections"`
}

// Counts are how many scenarios ended in which way.
type Counts struct {
	Passed int `json:"passed"`
	// Failed are those of the level must: the server breaks a sentence that binds
	// it. Warned are those of should; Guide those of the guide, which no RFC asks
	// for; Noted those of may, and of ours, choices where the RFCs are silent.
	Failed int `json:"failed"`
	Warned int `json:"warned"`
	Guide  int `json:"guide"`
	Noted  int `json:"noted"`
	// Refused are requests that only a tolerant server would have taken.
	Refused int `json:"refused"`
	// Unsupported were not asked for.
	Unsupported int `json:"unsupported"`
}

func (c *Counts) add(d Counts) {
	c.Passed += d.Passed
	c.Failed += d.Failed
	c.Warned += d.Warned
	c.Guide += d.Guide
	c.Noted += d.Noted
	c.Refused += d.Refused
	c.Unsupported += d.Unsupported
}

// count adds a scenario that failed.
func (c *Counts) count(level string) {
	switch level {
	case "must":
		c.Failed++
	case "should":
		c.Warned++
	case "tolerance":
		c.Refused++
	case "guide":
		c.Guide++
	default:
		c.Noted++
	}
}

// Section is what came of the scenarios of one section of an RFC, or of one topic
// of the guide.
type Section struct {
	Document string `json:"document"` // "RFC 7644"
	Number   string `json:"section"`  // "3.4.2"
	Title    string `json:"title"`
	Counts
	// Lacks are the features that scenarios need and the server does not
	// announce, in alphabetical order.
	Lacks    []string  `json:"lacks,omitempty"`
	Failures []Failure `json:"failures,omitempty"`
	// lacked counts what scenarios were left out for, remarks what they met.
	lacked, remarks map[string]int
}

// Failure is a scenario that failed.
type Failure struct {
	Scenario string `json:"scenario"`
	// Level is how binding its sentence is, and Place where that stands; see
	// [harness.Outcome].
	Level  string `json:"level"`
	Place  string `json:"place,omitempty"`
	Reason string `json:"reason"`
	// Cause is what it failed for, in the words of [Cause].
	Cause string `json:"cause"`
	// Exchanges are the requests of the scenario with their answers.
	Exchanges []string `json:"exchanges"`
}

// Cause is what made several scenarios fail.
type Cause struct {
	What string `json:"what"`
	// Scenarios is how many failed for it, and Must how many of these are of the
	// level must.
	Scenarios int `json:"scenarios"`
	Must      int `json:"must"`
}

func newSection(file string) *Section {
	s := &Section{lacked: make(map[string]int), remarks: make(map[string]int)}
	m := names.FindStringSubmatch(file)
	if m == nil {
		s.Document = "The guide"
		s.Title = strings.ReplaceAll(strings.TrimSuffix(file, ".feature"), "_", " ")
		return s
	}
	s.Document, s.Number = "RFC "+m[2], m[3]
	s.Title = strings.ReplaceAll(m[4], "-", " ")
	return s
}

func (s *Section) add(o harness.Outcome) {
	for _, text := range o.Remarks {
		s.remarks[text]++
	}
	switch {
	case o.Unsupported != "":
		s.Unsupported++
		s.lacked[o.Unsupported]++
	case o.Err != nil:
		s.count(o.Level)
		reason, _, _ := strings.Cut(o.Err.Error(), "\n")
		s.Failures = append(s.Failures, Failure{
			Scenario: o.Scenario, Level: o.Level, Place: o.Place, Reason: o.Err.Error(),
			Cause: cmp.Or(o.Refusal, reason), Exchanges: o.Exchanges,
		})
	default:
		s.Passed++
	}
}

// sum adds up the sections, and finds what they have in common.
func (r *Report) sum(failing []string) {
	slices.SortFunc(r.Sections, func(a, b *Section) int {
		return cmp.Or(strings.Compare(a.Document, b.Document),
			slices.Compare(numbers(a.Number), numbers(b.Number)), strings.Compare(a.Title, b.Title))
	})
	r.NotAsked, r.Remarks = make(map[string]int), make(map[string]int)
	causes := make(map[string]*Cause)
	for _, s := range r.Sections {
		s.whole()
		s.Lacks = slices.Sorted(maps.Keys(s.lacked))
		r.add(s.Counts)
		for what, n := range s.lacked {
			r.NotAsked[what] += n
		}
		for what, n := range s.remarks {
			r.Remarks[what] += n
		}
		for _, f := range s.Failures {
			r.Fails = r.Fails || slices.Contains(failing, f.Level)
			if f.Level == "tolerance" {
				continue
			}
			c := causes[f.Cause]
			if c == nil {
				c = &Cause{What: f.Cause}
				causes[f.Cause] = c
			}
			c.Scenarios++
			if f.Level == "must" {
				c.Must++
			}
		}
	}
	for _, c := range causes {
		if c.Scenarios >= severalScenarios {
			r.Causes = append(r.Causes, *c)
		}
	}
	slices.SortFunc(r.Causes, func(a, b Cause) int {
		return cmp.Or(b.Scenarios-a.Scenarios, strings.Compare(a.What, b.What))
	})
}

// Name returns "RFC 7644 §3.4.2", or what the section is of.
func (s *Section) Name() string {
	if s.Number == "" {
		return s.Document
	}
	return s.Document + " §" + s.Number
}

// whole makes one cause of the failures of a section of which next to nothing
// works.
func (s *Section) whole() {
	asked := s.Passed + len(s.Failures)
	if len(s.Failures) < severalScenarios || len(s.Failures)*4 < asked*3 {
		return
	}
	for i := range s.Failures {
		s.Failures[i].Cause = s.Name() + ", " + s.Title + ": next to nothing of it works"
	}
}

// severalScenarios have to fail for a reason before it is told as their cause.
const severalScenarios = 3

// numbers takes "3.4.2" apart.
func numbers(s string) []int {
	var list []int
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.Atoi(part)
		if err == nil {
			list = append(list, n)
		}
	}
	return list
}
