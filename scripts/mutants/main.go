// Command mutants shows that the features can fail: it puts deliberate
// defects into copies of muster-server, one at a time, and runs the features
// against each, or the tests that stand for them. A defect that none notices is a gap.
//
//	go run ./scripts/mutants [-only NAME] [-json]
//
// The defects are in mutants.yaml: each was a fault of another server, or
// breaks a sentence of the guide. It runs on SQLite.
package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

//go:embed mutants.yaml
var list []byte

// mutant is a deliberate defect.
type mutant struct {
	Name string `yaml:"name" json:"name"`
	// From is who had the fault, or which sentence of the guide it breaks.
	From string `yaml:"from" json:"from"`
	File string `yaml:"file" json:"-"`
	// Old is what stands in the file, exactly once, and New what is put there.
	Old string `yaml:"old" json:"-"`
	New string `yaml:"new" json:"-"`
	// Features are the files to run first; all others follow if none of their
	// scenarios fails.
	Features []string `yaml:"features" json:"-"`

	// Tests are a package and the tests of it that are run instead of the features, for
	// what no feature without a browser comes by: "./server/console TestOpenID".
	Tests string `yaml:"tests" json:"-"`

	// Noticed is the scenario that failed; empty if none did.
	Noticed string  `yaml:"-" json:"noticed"`
	Seconds float64 `yaml:"-" json:"seconds"`
}

func main() {
	only := flag.String("only", "", "the name of one mutant, or a part of names")
	asJSON := flag.Bool("json", false, "print JSON")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *only, *asJSON)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, asJSON bool) error {
	var mutants []*mutant
	if err := yaml.UnmarshalWithOptions(list, &mutants, yaml.Strict()); err != nil {
		return err
	}
	mutants = slices.DeleteFunc(mutants,
		func(m *mutant) bool { return !strings.Contains(m.Name, only) })
	if len(mutants) == 0 {
		return fmt.Errorf("there is no mutant %q", only)
	}
	dir, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	l := &laboratory{dir: dir}
	err = l.prepare(ctx)
	survivors := 0
	for i, m := range mutants {
		if err != nil {
			break
		}
		if err = l.try(ctx, m); err == nil {
			fmt.Fprintf(os.Stderr, "%2d of %d  %-36s %s\n", i+1, len(mutants), m.Name,
				cmp.Or(m.Noticed, "SURVIVED"))
		}
		if m.Noticed == "" {
			survivors++
		}
	}
	if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
		return err
	}
	if err := show(mutants, asJSON); err != nil {
		return err
	}
	if survivors > 0 {
		return fmt.Errorf("%d of %d defects were noticed by no scenario", survivors, len(mutants))
	}
	return nil
}

func show(mutants []*mutant, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(mutants)
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 2, WidthMax: 50, WidthMaxEnforcer: text.WrapSoft},
		{Number: 3, WidthMax: 60, WidthMaxEnforcer: text.WrapSoft},
	})
	t.AppendHeader(table.Row{"Defect", "From", "Noticed by"})
	for _, m := range mutants {
		t.AppendRow(table.Row{m.Name, m.From, cmp.Or(m.Noticed, "NOBODY")})
	}
	_, err := fmt.Println(t.Render())
	return err
}

// laboratory is a copy of the project, and what is built of it.
type laboratory struct{ dir string }

func (l *laboratory) tree() string     { return filepath.Join(l.dir, "tree") }
func (l *laboratory) commands() string { return filepath.Join(l.dir, "commands") }
func (l *laboratory) tests() string    { return filepath.Join(l.dir, "features.test") }

// prepare copies the project, and builds what does not change.
func (l *laboratory) prepare(ctx context.Context) error {
	root, err := output(ctx, ".", nil, "go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return err
	}
	root = strings.TrimSpace(root)
	names, err := output(ctx, root, nil, "git", "ls-files", "-z", "--cached", "--others",
		"--exclude-standard")
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(strings.Trim(names, "\x00"), "\x00") {
		if err := copyFile(filepath.Join(root, name), filepath.Join(l.tree(), name)); err != nil {
			return err
		}
	}
	if _, err := output(ctx, l.tree(), nil, "go", "build", "-o",
		filepath.Join(l.commands(), "muster-simulator"), "./simulator"); err != nil {
		return err
	}
	_, err = output(ctx, l.tree(), nil, "go", "test", "-c", "-o", l.tests(), "./features")
	return err
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil // deleted, and not committed yet
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}

// output runs a command and returns what it prints.
func output(
	ctx context.Context, dir string, environment []string, name string, args ...string,
) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), environment...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err,
			errs.String())
	}
	return out.String(), nil
}

// try puts the defect in, and takes it out again.
func (l *laboratory) try(ctx context.Context, m *mutant) (err error) {
	began := time.Now()
	path := filepath.Join(l.tree(), m.File)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if n := strings.Count(string(text), m.Old); n != 1 {
		return fmt.Errorf("mutant %s: what it replaces is %d times in %s", m.Name, n, m.File)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), m.Old, m.New, 1)),
		0o600); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.WriteFile(path, text, 0o600)) }()
	if m.Tests != "" {
		m.Noticed, err = l.noticedBy(ctx, m)
		m.Seconds = time.Since(began).Round(100 * time.Millisecond).Seconds()
		return err
	}
	if _, err := output(ctx, l.tree(), nil, "go", "build", "-o",
		filepath.Join(l.commands(), "muster-server"), "./server"); err != nil {
		return fmt.Errorf("mutant %s does not compile: %w", m.Name, err)
	}
	for _, features := range []string{strings.Join(m.Features, " "), ""} {
		if m.Noticed, err = l.noticed(ctx, features); err != nil || m.Noticed != "" {
			break
		}
	}
	m.Seconds = time.Since(began).Round(100 * time.Millisecond).Seconds()
	return err
}

var failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)

// noticedBy runs the tests of a mutant, and returns the first that fails.
func (l *laboratory) noticedBy(ctx context.Context, m *mutant) (string, error) {
	pkg, tests, _ := strings.Cut(m.Tests, " ")
	out, err := output(ctx, l.tree(), nil, "go", "test", "-count=1", pkg, "-run",
		"^("+strings.ReplaceAll(tests, " ", "|")+")$")
	switch found := failedTest.FindStringSubmatch(out); {
	case err == nil:
		return "", nil
	case found != nil:
		return found[1], nil
	}
	return "", fmt.Errorf("mutant %s: %w\n%s", m.Name, err, out)
}

var failed = regexp.MustCompile(`(?m)^\s+--- FAIL: TestFeatures/SQLite/(.*) \(`)

// noticed runs features, or all, and returns the first scenario that fails.
func (l *laboratory) noticed(ctx context.Context, features string) (string, error) {
	limited, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	out, err := output(limited, filepath.Join(l.tree(), "features"), []string{
		"MUSTER_TEST_COMMANDS=" + l.commands(), "MUSTER_TEST_DATABASE_URL=sqlite:",
		"MUSTER_TEST_PATHS=" + features, "MUSTER_TEST_STOP=1",
	}, l.tests(), "-test.run", "TestFeatures/SQLite")
	switch m := failed.FindStringSubmatch(out); {
	case err == nil:
		return "", nil
	case m != nil:
		return strings.ReplaceAll(m[1], "_", " "), nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case limited.Err() != nil:
		return "(the features did not end)", nil
	}
	return "", fmt.Errorf("%w\n%s", err, out)
}
