package portal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"muster/screen"
	"muster/simulator/administration"
	"muster/simulator/cycle"
	"muster/simulator/rollout"
)

// job is something that takes long: one at a time is done, and it goes on when its page
// is closed.
type job struct {
	// Title says what is done, Back where it was asked for.
	Title, Back, BackText string
	Began                 time.Time

	mu        sync.Mutex
	phase     string
	done, all int
	ended     time.Time
	err       error
	link      *administration.Link
	outcome   outcome
	stop      context.CancelFunc
	over      chan struct{}
}

// outcome is what came of a job: one of them.
type outcome struct {
	Cycle     *cycle.Report
	Preflight *rollout.Preflight
	Rollout   *rollout.Result
	Undone    *rollout.RolledBack
}

// progress tells how far the job is.
func (j *job) progress(done, total int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.done, j.all = done, total
}

// begin tells that a part of the job begins.
func (j *job) begin(phase string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.phase, j.done, j.all = phase, 0, 0
}

// Sight is a job as it is at a moment.
type Sight struct {
	*job
	Phase     string
	Done, All int
	Over      bool
	Took      time.Duration
	Problem   string
	Faults    []string
	outcome
}

func (j *job) sight() *Sight {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := &Sight{job: j, Phase: j.phase, Done: j.done, All: max(j.all, 1), Over: !j.ended.IsZero()}
	end := time.Now()
	if s.Over {
		end, s.outcome = j.ended, j.outcome
	}
	s.Took = end.Sub(j.Began).Round(time.Second)
	switch {
	case errors.Is(j.err, context.Canceled):
		s.Problem = "It was stopped. What was done is below; the next one goes on from there."
	case j.err != nil:
		s.Problem = sentence(administration.Explain(j.err))
	}
	if s.Over && j.link != nil && j.link.Faults != nil {
		counts := j.link.Faults.Counts()
		for _, kind := range slices.Sorted(maps.Keys(counts)) {
			s.Faults = append(s.Faults, fmt.Sprintf("%s: %d times", kind, counts[kind]))
		}
	}
	return s
}

// jobs has the job that is under way, or was last.
type jobs struct {
	mu   sync.Mutex
	last *job
	all  sync.WaitGroup
}

func (l *jobs) get() *job {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

func (l *jobs) close() {
	if j := l.get(); j != nil {
		j.stop()
	}
	l.all.Wait()
}

// start begins a job, unless one is under way, here or in another process that works with
// the same state file.
func (p *Portal) start(
	j *job, do func(ctx context.Context, j *job) (outcome, error),
) error {
	p.jobs.mu.Lock()
	defer p.jobs.mu.Unlock()
	if last := p.jobs.last; last != nil && !last.sight().Over {
		return screen.Fail("%s is under way; wait until it has ended, or stop it.", last.Title)
	}
	unlock, err := p.State.Lock("the portal: " + j.Title)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	j.Began, j.stop, j.over = time.Now(), cancel, make(chan struct{})
	p.jobs.last = j
	p.jobs.all.Go(func() {
		defer cancel()
		came, err := do(ctx, j)
		err = errors.Join(err, unlock())
		j.mu.Lock()
		defer j.mu.Unlock()
		j.outcome, j.err, j.ended = came, err, time.Now()
		close(j.over)
	})
	return nil
}

// showJob shows what is under way, or what came of it.
func (v *visit) showJob() error {
	j := v.portal.jobs.get()
	if j == nil {
		return v.Show("job", "Nothing is under way", nil)
	}
	s := j.sight()
	if !s.Over {
		v.Refresh = 2
	}
	if j.Back != "" {
		v.Trail = []screen.Link{{Text: j.BackText, URL: j.Back}}
	}
	return v.Show("job", j.Title, s)
}

// sendJob stops what is under way.
func (v *visit) sendJob() error {
	j := v.portal.jobs.get()
	if j == nil || j.sight().Over {
		return v.Go("/job", "It had ended already.")
	}
	j.stop()
	<-j.over
	return v.Go("/job", "")
}

// eventTime is how often the page is told how far a job is.
const eventTime = 200 * time.Millisecond

// jobEvents streams how far the job is, until it has ended.
func (v *visit) jobEvents() error {
	j := v.portal.jobs.get()
	if j == nil {
		return screen.NotFound("Nothing is under way.")
	}
	last := ""
	return v.Events(func() (string, bool) {
		s := j.sight()
		html, err := v.Part("job", "progress", s)
		if err != nil || s.Over {
			return html, false
		}
		select {
		case <-j.over:
		case <-v.Context().Done():
		case <-time.After(eventTime):
		}
		if html == last {
			return "", true
		}
		last = html
		return html, true
	})
}
