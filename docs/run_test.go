package docs

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// example is a block of commands in a document, and what it is said to print.
type example struct {
	line     int
	commands string
	prints   []string
}

// examples returns the blocks marked sh; a block marked text behind one holds lines
// that it prints, in their order, with … for what differs from run to run.
func examples(text string) (list []*example) {
	var last *example
	kind, body, began := "", []string(nil), 0
	for n, line := range strings.Split(text, "\n") {
		mark, ok := strings.CutPrefix(line, "```")
		switch {
		case ok && kind == "":
			kind, body, began = mark+"`", nil, n+1
		case ok:
			if kind == "sh`" {
				last = &example{line: began, commands: strings.Join(body, "\n")}
				list = append(list, last)
			} else if kind == "text`" && last != nil && last.prints == nil {
				last.prints = body
			}
			kind = ""
		case kind != "":
			body = append(body, line)
		}
	}
	return list
}

// mark stands between the outputs of two examples.
const mark = "-- muster example --"

// TestExamples: the commands in the documents do what is said there. Those of one
// document run one after the other in one shell, in a directory with the sample.
func TestExamples(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short no processes are started")
	}
	commands := builtCommands(t)
	run := 0
	for path, text := range documents(t) {
		list := examples(text)
		if len(list) == 0 {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			var script strings.Builder
			script.WriteString("set -eu\n")
			for _, e := range list {
				run++
				fmt.Fprintf(&script, "%s\necho '%s'\n", e.commands, mark)
			}
			outputs := strings.Split(shell(t, commands, freePort(t, script.String())), mark+"\n")
			for i, e := range list {
				for _, missing := range absent(outputs[i], e.prints) {
					t.Errorf("%s:%d does not print %q, but:\n%.2000s", path, e.line, missing,
						outputs[i])
				}
			}
		})
	}
	if run < 5 {
		t.Errorf("%d examples were run", run)
	}
}

// absent returns the lines that a text does not have, in their order.
func absent(text string, lines []string) (missing []string) {
	for _, line := range lines {
		parts := strings.Split(regexp.QuoteMeta(line), "…")
		m := regexp.MustCompile("(?m)" + strings.Join(parts, ".*")).FindStringIndex(text)
		if m == nil {
			missing = append(missing, line)
			continue
		}
		text = text[m[1]:]
	}
	return missing
}

// freePort puts a port that nobody has into the place of the usual one.
func freePort(t *testing.T, script string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strings.ReplaceAll(script, "127.0.0.1:8080", l.Addr().String())
}

// builtCommands returns a directory with both commands.
func builtCommands(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("MUSTER_TEST_COMMANDS"); dir != "" {
		return dir
	}
	dir := t.TempDir()
	for _, name := range []string{"server", "simulator"} {
		c := exec.CommandContext(t.Context(), "go", "build", "-o",
			filepath.Join(dir, "muster-"+name), "muster/"+name)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return dir
}

// shell runs a script, and returns what it printed. What it leaves running is ended.
func shell(t *testing.T, commands, script string) string {
	t.Helper()
	dir := t.TempDir()
	sample, err := filepath.Abs(filepath.Join(top, "sample"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(sample, filepath.Join(dir, "sample")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "sh")
	c.Dir, c.Stdin = dir, strings.NewReader(script)
	c.Env = append(os.Environ(), "PATH="+commands+":"+os.Getenv("PATH"))
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A file, and no pipe: what is left running would keep that open.
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	c.Stdout, c.Stderr = out, out
	err = c.Run()
	if c.Process != nil {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGTERM)
	}
	text, failed := os.ReadFile(out.Name())
	if err != nil || failed != nil {
		t.Fatalf("%v, %v\n%.3000s", err, failed, bytes.TrimSpace(text))
	}
	return string(text)
}
