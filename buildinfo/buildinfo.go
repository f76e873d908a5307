// Package buildinfo tells what a program was built of.
package buildinfo

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Info is what a program was built of. What is not known is "unknown".
type Info struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	// Date is that of the commit: with the date of the build, two builds of one
	// commit would differ.
	Date     string `json:"date"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
}

// Read reads what the Go tool wrote into the program.
func Read() Info {
	i := Info{Version: "unknown", Commit: "unknown", Date: "unknown", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return i
	}
	if info.Main.Version != "(devel)" {
		i.Version = cmp.Or(info.Main.Version, i.Version)
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			i.Commit = cmp.Or(s.Value, i.Commit)
		case "vcs.time":
			i.Date = cmp.Or(s.Value, i.Date)
		case "vcs.modified":
			i.Modified = s.Value == "true"
		}
	}
	return i
}

// String tells it in one line.
func (i Info) String() string {
	modified := ""
	if i.Modified {
		modified = ", with changes that were not committed"
	}
	return fmt.Sprintf("%s (commit %s of %s%s; %s)", i.Version, i.Commit, i.Date, modified, i.Go)
}
