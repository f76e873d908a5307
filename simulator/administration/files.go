package administration

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/pmezard/go-difflib/difflib"

	"muster/simulator/account"
	"muster/simulator/directory"
	"muster/simulator/yamlfile"
)

// ErrStale says that a file is another one than when it was looked at.
var ErrStale = errors.New("the files of the account have been changed since you opened this " +
	"page; look at them, and do what is still to be done. Nothing was changed")

// Files are an account's files, which are under version control and stay the truth:
// what is changed here is changed in them, and others may change them meanwhile.
type Files struct {
	path string

	mu      sync.Mutex
	account *account.Account
	version string
	// first are the files as they were at first, by path.
	first map[string][]byte
}

// OpenFiles returns the files of an account.
func OpenFiles(path string) (*Files, error) {
	f := &Files{path: path, first: make(map[string][]byte)}
	a, _, err := f.Load()
	if err != nil {
		return nil, err
	}
	for _, name := range []string{path, a.UsersPath()} {
		if f.first[name], err = os.ReadFile(name); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Path is that of the account's file.
func (f *Files) Path() string { return f.path }

// Load returns the account as its files are now, and their version. The account is not
// to be changed.
func (f *Files) Load() (*account.Account, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.load()
}

func (f *Files) load() (*account.Account, string, error) {
	version, err := f.hash()
	if err != nil {
		return nil, "", err
	}
	if f.account != nil && version == f.version {
		return f.account, version, nil
	}
	a, err := account.Load(f.path)
	if err != nil {
		return nil, "", err
	}
	f.account = a
	// The users' file may be another one than before.
	if f.version, err = f.hash(); err != nil {
		return nil, "", err
	}
	return a, f.version, nil
}

// hash is the version of the files.
func (f *Files) hash() (string, error) {
	h := sha256.New()
	names := []string{f.path}
	if f.account != nil {
		names = append(names, f.account.UsersPath())
	}
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(h, bufio.NewReader(file))
		if err = errors.Join(err, file.Close()); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// Edit is a change of the account's file: see [yamlfile.Set].
type Edit struct {
	Path  []any
	Value any
}

// Change changes the account's file, all of the edits or none, and only if the files are
// of a version still. What could not be loaded afterwards is not written.
func (f *Files) Change(version string, edits ...Edit) error {
	return f.change(version, f.path, func(before []byte, _ *account.Account) ([]byte, error) {
		text := before
		for _, e := range edits {
			var err error
			if text, err = yamlfile.Set(text, e.Value, e.Path...); err != nil {
				return nil, err
			}
		}
		return text, nil
	})
}

// ChangePeople changes the file of users in the same way: f changes the directory, or
// returns another one.
func (f *Files) ChangePeople(
	version string, change func(*directory.Directory) (*directory.Directory, error),
) error {
	a, _, err := f.Load()
	if err != nil {
		return err
	}
	return f.change(version, a.UsersPath(),
		func(_ []byte, fresh *account.Account) ([]byte, error) {
			d, err := change(fresh.Directory)
			if err != nil {
				return nil, err
			}
			var b bytes.Buffer
			err = d.Write(&b)
			return b.Bytes(), err
		})
}

// change changes a file, and takes that back if the account cannot be loaded then.
func (f *Files) change(
	version, name string, change func(before []byte, fresh *account.Account) ([]byte, error),
) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, now, err := f.load()
	if err != nil {
		return err
	}
	if now != version {
		return ErrStale
	}
	before, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	fresh, err := account.Load(f.path) // the one that is kept is others', too
	if err != nil {
		return err
	}
	after, err := change(before, fresh)
	if err != nil || bytes.Equal(before, after) {
		return err
	}
	if err := replace(name, after); err != nil {
		return err
	}
	if _, _, err := f.load(); err != nil {
		f.account = nil
		if again := replace(name, before); again != nil {
			return fmt.Errorf("%s cannot be put back as it was: %w; it cannot be loaded: %w", name,
				again, err)
		}
		return err
	}
	return nil
}

// replace replaces a file in one step.
func replace(name string, text []byte) error {
	return ReplaceFile(name, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// ReplaceFile writes a file, or another one in its place, with its permissions: in one
// step, so that whoever reads it has the old one or the new one.
func ReplaceFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(f, 1<<16)
	err = errors.Join(write(b), b.Flush(), f.Sync(), f.Close())
	if old, there := os.Stat(path); err == nil && there == nil {
		err = os.Chmod(f.Name(), old.Mode().Perm())
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// Diff is what has become of a file since it was opened.
type Diff struct {
	Name string
	// Lines are those of a unified diff; none if nothing has changed.
	Lines []string
}

// Diffs returns what has become of the files since they were opened.
func (f *Files) Diffs() ([]Diff, error) {
	a, _, err := f.Load()
	if err != nil {
		return nil, err
	}
	var list []Diff
	for _, name := range []string{f.path, a.UsersPath()} {
		now, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		text, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
			A: difflib.SplitLines(string(f.first[name])), B: difflib.SplitLines(string(now)),
			FromFile: "a/" + filepath.Base(name), ToFile: "b/" + filepath.Base(name), Context: 3,
		})
		if err != nil {
			return nil, err
		}
		d := Diff{Name: filepath.Base(name)}
		if text != "" {
			d.Lines = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		}
		list = append(list, d)
	}
	return list, nil
}

// SaveToken writes a bearer token to a file of its own beside the account's, which only
// its owner may read, and returns its name: the account holds no secret.
func (f *Files) SaveToken(app, token string) (string, error) {
	name := app + ".token"
	if app == "" || strings.ContainsAny(app, `/\:`) || strings.HasPrefix(app, ".") {
		return "", fmt.Errorf("the name %q of the app is none that a file can have", app)
	}
	path := filepath.Join(filepath.Dir(f.path), name)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return "", err
	}
	_, err = io.WriteString(file, strings.TrimSpace(token)+"\n")
	return name, errors.Join(err, file.Chmod(0o600), file.Close())
}
