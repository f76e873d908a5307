package administration

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"muster/simulator/account"
	"muster/simulator/directory"
)

const accountText = `account: Acme # the company
users: users.csv
roles: [Pilot]
apps:
  # The only one.
  - name: acme
    configuration: {base_url: https://scim.example.com/scim/v2, bearer_token: {file: t}}
    parameters:
      first: {value: x}
`

// newFiles returns the files of an account in a directory.
func newFiles(t *testing.T) (*Files, string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"account.yaml": accountText,
		"users.csv":    "id,username,roles\n1,ada,Pilot\n2,grace,\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	f, err := OpenFiles(filepath.Join(dir, "account.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return f, dir
}

// names returns what is in a directory.
func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// TestNothingIsLost: many who change the files at the same moment, each on what it has
// seen, lose nothing of one another's; at each moment the account can be loaded; and
// nothing else is left behind.
func TestNothingIsLost(t *testing.T) {
	f, dir := newFiles(t)
	const writers, each = 4, 6
	var all, looking sync.WaitGroup
	stop := make(chan struct{})
	looking.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := account.Load(f.Path()); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for w := range writers {
		all.Go(func() {
			for n := range each {
				name := fmt.Sprintf("p%d%d", w, n)
				for {
					_, version, err := f.Load()
					if err == nil && w%2 == 0 {
						err = f.Change(version, Edit{
							Path:  []any{"apps", 0, "parameters", name},
							Value: map[string]string{"value": "x"},
						})
					} else if err == nil {
						err = f.ChangePeople(version, func(
							d *directory.Directory,
						) (*directory.Directory, error) {
							one, err := directory.Read(
								strings.NewReader("id,username\n" + name + "," + name))
							if err != nil {
								return nil, err
							}
							d, _, err = d.Merge(one, false)
							return d, err
						})
					}
					if errors.Is(err, ErrStale) {
						continue // somebody else was faster
					}
					if err != nil {
						t.Error(err)
					}
					break
				}
			}
		})
	}
	all.Wait()
	close(stop)
	looking.Wait()
	a, err := account.Load(f.Path())
	if err != nil {
		t.Fatal(err)
	}
	for w := range writers {
		for n := range each {
			name := fmt.Sprintf("p%d%d", w, n)
			there := a.Directory.Find(name) != nil
			if w%2 == 0 {
				there = a.Apps[0].Parameters[name] != nil
			}
			if !there {
				t.Errorf("%s is lost", name)
			}
		}
	}
	if got := names(t, dir); fmt.Sprint(got) != "[account.yaml users.csv]" {
		t.Errorf("there are %v", got)
	}
	info, err := os.Stat(f.Path())
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the file has the mode %v, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(f.Path())
	if err != nil || !strings.Contains(string(text), "  # The only one.") {
		t.Errorf("a remark is lost: %s, %v", text, err)
	}
}

// TestRefusedChangesNothing: what cannot be loaded is not written, and neither is what
// was looked at before somebody else has changed it.
func TestRefusedChangesNothing(t *testing.T) {
	f, dir := newFiles(t)
	_, version, err := f.Load()
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]Edit{
		"a role that there is not": {[]any{"apps", 0, "access", "roles"}, []string{"King"}},
		"a key that there is not":  {[]any{"apps", 0, "nonsense"}, true},
		"another type":             {[]any{"apps"}, "text"},
		"no such app":              {[]any{"apps", 7, "name"}, "x"},
		"a users' file that is not there": {
			[]any{"users"}, "nobody.csv",
		},
	} {
		if err := f.Change(version, edit); err == nil {
			t.Errorf("%s: changed", name)
		}
		if text, _ := os.ReadFile(f.Path()); string(text) != accountText {
			t.Fatalf("%s: the file is %s", name, text)
		}
	}
	err = f.ChangePeople(version, func(d *directory.Directory) (*directory.Directory, error) {
		return d, d.Set(d.Users[1], "roles", "King")
	})
	if err == nil {
		t.Error("a person has a role that there is not")
	}
	if _, now, err := f.Load(); err != nil || now != version {
		t.Errorf("the version is %s, was %s, %v", now, version, err)
	}
	edit := Edit{[]any{"account"}, "Other"}
	for range 2 {
		err = f.Change(version, edit)
	}
	if !errors.Is(err, ErrStale) {
		t.Errorf("the second change on one version: %v", err)
	}
	if got := names(t, dir); fmt.Sprint(got) != "[account.yaml users.csv]" {
		t.Errorf("there are %v", got)
	}
}

// TestToken: a token goes to a file that only its owner reads, whatever the app is called.
func TestToken(t *testing.T) {
	f, dir := newFiles(t)
	for _, name := range []string{"", "../x", "a/b", `a\b`, ".hidden", "c:d"} {
		if _, err := f.SaveToken(name, "secret"); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "acme.token"), []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	name, err := f.SaveToken("acme", " secret\n")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, name))
	info, wrong := os.Stat(filepath.Join(dir, name))
	if err != nil || wrong != nil || string(text) != "secret\n" || info.Mode().Perm() != 0o600 {
		t.Errorf("%q with the mode %v, %v %v", text, info.Mode(), err, wrong)
	}
}
