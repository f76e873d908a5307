package report

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Progress shows how far something is: on a terminal by a line that moves,
// elsewhere by a line at each quarter.
type Progress struct {
	w        io.Writer
	terminal bool
	began    time.Time
	quarter  int
}

// NewProgress returns a progress that is shown on a file.
func NewProgress(f *os.File) *Progress {
	info, err := f.Stat()
	return &Progress{w: f, terminal: err == nil &&
		info.Mode()&os.ModeCharDevice != 0, began: time.Now()}
}

// Start begins anew with a heading.
func (p *Progress) Start(heading string) {
	p.began, p.quarter = time.Now(), 0
	fmt.Fprintln(p.w, heading)
}

// The time left is told after so many seconds, and when one of so many is done.
const (
	estimateAfter = 3
	estimateShare = 20
)

// Show tells that done of total are done.
func (p *Progress) Show(done, total int) {
	took := time.Since(p.began).Seconds()
	if took <= 0 {
		took = 1e-3
	}
	rate := float64(done) / took
	line := fmt.Sprintf("  %*d of %d users, %.0f a second", len(fmt.Sprint(total)), done, total,
		rate)
	// The first requests say little of those that follow.
	if left := float64(total-done) / rate; left >= 1 && took >= estimateAfter &&
		done*estimateShare >= total {
		line += fmt.Sprintf(", %.0f s left", left)
	}
	switch {
	case p.terminal && done == total:
		fmt.Fprintf(p.w, "\r%s%s\n", line, strings.Repeat(" ", 12))
	case p.terminal:
		fmt.Fprintf(p.w, "\r%s%s", line, strings.Repeat(" ", 12))
	case done*4/total > p.quarter:
		p.quarter = done * 4 / total
		fmt.Fprintln(p.w, line)
	}
}
