package directory_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muster/simulator/directory"
)

func directoryOf(t *testing.T, text string) *directory.Directory {
	t.Helper()
	d, err := directory.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// lines writes people as "id username title", and changes as "kind key: field
// old→new".
func lines(d *directory.Directory, changes []directory.Change) string {
	var b strings.Builder
	for _, u := range d.Users {
		fmt.Fprintf(&b, "%s %s %s\n", u.Field("id"), u.Field("username"), u.Field("title"))
	}
	for _, c := range changes {
		fmt.Fprintf(&b, "%s %s", c.Kind, c.Key)
		for _, f := range c.Fields {
			fmt.Fprintf(&b, " %s:%s→%s", f.Field, f.Old, f.New)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestMerge(t *testing.T) {
	const here = "id,username,email,title\n1,ann@x,ann@x,A\n,ben@x,ben@x,B\n"
	for name, test := range map[string]struct {
		file, want string
		remove     bool
	}{
		"an e-mail identifies nobody": {
			"id,username,email\n2,bob@x,ann@x\n", "1 ann@x A\n ben@x B\n2 bob@x \nadded 2\n", false,
		},
		"by id, under another user name": {
			"id,username,title\n1,anna@x,A\n",
			"1 anna@x A\n ben@x B\nchanged 1 username:ann@x→anna@x\n", false,
		},
		"by user name, where the file has no id": {
			"username,title\nANN@x,C\n",
			"1 ANN@x C\n ben@x B\nchanged 1 username:ann@x→ANN@x title:A→C\n", false,
		},
		"by user name, where the row has no id": {
			"id,username,title\n,ann@x,C\n", "1 ann@x C\n ben@x B\nchanged 1 title:A→C\n", false,
		},
		"an id for who had none": {
			"id,username\n7,ben@x\n", "1 ann@x A\n7 ben@x B\nchanged ben@x id:→7\n", false,
		},
		"removed": {"id,username\n1,ann@x\n", "1 ann@x A\nremoved ben@x\n", true},
		"nobody":  {"id,username\n", "removed 1\nremoved ben@x\n", true},
		"nothing": {"id,username\n", "1 ann@x A\n ben@x B\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			merged, changes, err := directoryOf(t, here).Merge(directoryOf(t, test.file),
				test.remove)
			if err != nil {
				t.Fatal(err)
			}
			if got := lines(merged, changes); got != test.want {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
		})
	}
	for name, test := range map[string]struct{ file, want string }{
		"another id under a known user name": {
			"id,username\n2,ann@x\n", `the username "ann@x" is that of line`,
		},
		"two rows about one person": {"id,username\n7,ben@x\n,BEN@x \n", "is that of line 2 too"},
		"by id and by user name":    {"id,username\n1,anna@x\n,ann@x\n", "are both about ann@x"},
	} {
		d, err := directory.Read(strings.NewReader(test.file))
		if err == nil {
			_, _, err = directoryOf(t, here).Merge(d, false)
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestMergeKeepsPeople looks for files that change who somebody is: an id never
// goes to another user name than one that the file gives it, nobody vanishes,
// and the changes that are told are all that there are.
func TestMergeKeepsPeople(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) string {
			var b strings.Builder
			b.WriteString("id,username,email\n")
			for range rapid.IntRange(0, 5).Draw(t, label) {
				fmt.Fprintf(&b, "%s,%s,%s\n",
					rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(t, "id"),
					rapid.SampledFrom([]string{"a@x", "A@x", "b@x", "c@x", "d@x"}).Draw(t,
						"username"), rapid.SampledFrom([]string{"", "a@x", "b@x"}).Draw(t, "email"))
			}
			return b.String()
		}
		here, err := directory.Read(strings.NewReader(draw("here")))
		if err != nil {
			return
		}
		file, err := directory.Read(strings.NewReader(draw("file")))
		if err != nil {
			return
		}
		merged, changes, err := here.Merge(file, false)
		if err != nil {
			return
		}
		added := 0
		for _, c := range changes {
			if c.Kind == directory.Added {
				added++
			}
		}
		if len(merged.Users) != len(here.Users)+added {
			t.Fatalf("%d and %d added are %d", len(here.Users), added, len(merged.Users))
		}
		for i, u := range here.Users {
			now := merged.Users[i]
			if id := u.Field("id"); id != "" && now.Field("id") != id {
				t.Fatalf("the id %s became %q", id, now.Field("id"))
			}
			given := false
			for _, x := range file.Users {
				given = given || x.Field("username") == now.Field("username") &&
					(x.Field("id") == u.Field("id") || x.Field("id") == "" || u.Field("id") == "")
			}
			if now.Field("username") != u.Field("username") && !given {
				t.Fatalf("%s became %s, which no row says", u.Field("username"),
					now.Field("username"))
			}
		}
	})
}
