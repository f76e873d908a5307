package directory_test

import (
	"bytes"
	"testing"
	"unicode"

	"muster/simulator/directory"
)

func generate(t testing.TB, c directory.Company) (string, *directory.Directory) {
	t.Helper()
	var b bytes.Buffer
	if err := c.Generate(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	d, err := directory.Read(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), d
}

func TestGenerate(t *testing.T) {
	c := directory.Company{People: 5000, Seed: 7}
	text, d := generate(t, c)
	if again, _ := generate(t, c); again != text {
		t.Error("the same seed gave another company")
	}
	if other, _ := generate(t, directory.Company{People: 5000, Seed: 8}); other == text {
		t.Error("another seed gave the same company")
	}
	if len(d.Users) != 5000 {
		t.Errorf("%d people", len(d.Users))
	}
	scripts := make(map[string]bool)
	managed, shared := 0, make(map[string]int)
	for _, u := range d.Users {
		for name, table := range unicode.Scripts {
			if r := []rune(u.Field("firstname"))[0]; unicode.Is(table, r) {
				scripts[name] = true
			}
		}
		if u.Manager != nil {
			managed++
		}
		shared[u.Field("firstname")+" "+u.Field("lastname")]++
	}
	if len(scripts) < 8 {
		t.Errorf("the names are in %v", scripts)
	}
	if managed == 5000 || managed < 4900 {
		t.Errorf("%d have a manager", managed)
	}
	if len(shared) > 4500 {
		t.Errorf("nobody shares a name: %d names", len(shared))
	}
	if ceo := d.Users[0]; ceo.Manager != d.Users[1] || d.Users[1].Manager != ceo ||
		ceo.Depth() > 1 {
		t.Errorf("no circle at the top: %d", ceo.Depth())
	}
}

// TestLater: the same people some months later, but for those who came, left
// and changed their names.
func TestLater(t *testing.T) {
	_, before := generate(t, directory.Company{People: 5000, Seed: 7})
	_, after := generate(t, directory.Company{People: 5000, Seed: 7, Months: 6})
	came, left, renamed, suspended := 0, 0, 0, 0
	for _, u := range after.Users {
		old := before.Find(u.Key)
		switch {
		case old == nil:
			came++
		case old.Field("username") != u.Field("username"):
			renamed++
			if old.Field("firstname") != u.Field("firstname") ||
				old.Field("lastname") == u.Field("lastname") {
				t.Errorf("%s became somebody else: %s", old.Field("username"), u.Field("username"))
			}
		}
		if u.Status == directory.Suspended {
			suspended++
		}
	}
	for _, u := range before.Users {
		if after.Find(u.Key) == nil {
			left++
		}
	}
	if came < 300 || left < 250 || renamed < 10 || suspended < 5 {
		t.Errorf("%d came, %d left, %d renamed, %d suspended", came, left, renamed, suspended)
	}
}

func TestGenerateRefuses(t *testing.T) {
	for _, c := range []directory.Company{
		{People: 9}, {People: 1_000_001}, {People: 10, Months: -1}, {People: 10, SquadSize: -1},
	} {
		if err := c.Generate(t.Context(), &bytes.Buffer{}); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}

func TestWrite(t *testing.T) {
	const text = "ID,First Name,username,manager,Cost Center\n7,\"Zoë, " +
		"\"\"Z\"\"\",zoe,8,K1\n8,Ben,ben,,\n"
	d := read(t, text)
	var b bytes.Buffer
	if err := d.Write(&b); err != nil || b.String() != text {
		t.Errorf("got %v:\n%s", err, b.String())
	}
}

func TestDepth(t *testing.T) {
	d := read(t, "username,manager\ncarl,ben\nben,anna\nanna,\nx,y\ny,x\nz,x\n")
	for name, want := range map[string]int{"anna": 0, "ben": 1, "carl": 2, "y": 0, "x": 1, "z": 2} {
		if got := d.Find(name).Depth(); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
}
