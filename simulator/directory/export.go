package directory

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"golang.org/x/text/encoding/unicode"
)

// Preset says what the columns and the status words of another program's export
// stand for.
type Preset struct {
	Name, Title string
	// columns are the names of columns here, by those of the export without
	// what people vary; sign is one that no other export has.
	columns map[string]string
	sign    []string
	status  map[string]Status
}

// Presets returns the exports that are known.
func Presets() []*Preset {
	return []*Preset{
		{
			Name: "onelogin", Title: "OneLogin", sign: []string{"manageruserid", "roleids"},
			columns: map[string]string{
				"manageruserid": "manager", "roleids": "roles", "phonenumber": "phone",
				"statusid": "status",
			},
		},
		{
			Name: "okta", Title: "Okta", sign: []string{"user.login"},
			columns: map[string]string{
				"user.id": ID, "user.login": Username, "login": Username, "user.email": Email,
				"user.firstname": FirstName, "user.lastname": LastName,
				"user.title": "title", "user.department": "department",
				"user.organization": "company", "user.primaryphone": "phone",
				"primaryphone":     "phone",
				"user.mobilephone": "mobile", "mobilephone": "mobile", "user.managerid": "manager",
				"managerid": "manager", "user.status": "status",
			},
			status: map[string]Status{
				"staged": Unactivated, "provisioned": Unactivated, "recovery": AwaitingReset,
				"passwordexpired": PasswordExpired, "lockedout": Locked, "deprovisioned": Suspended,
			},
		},
		{
			Name: "entra", Title: "Entra ID", sign: []string{"userprincipalname"},
			columns: map[string]string{
				"objectid": ID, "userprincipalname": Username, "mail": Email,
				"givenname": FirstName, "surname": LastName, "jobtitle": "title",
				"companyname": "company", "telephonenumber": "phone", "businessphones": "phone",
				"mobilephone": "mobile", "accountenabled": "status",
			},
			status: map[string]Status{
				"true": Active, "false": Suspended, "yes": Active, "no": Suspended,
			},
		},
		{
			Name: "google", Title: "Google Workspace", sign: []string{"emailaddress[required]"},
			columns: map[string]string{
				"emailaddress[required]": Email, "firstname[required]": FirstName,
				"lastname[required]": LastName, "employeeid": ID, "employeetitle": "title",
				"workphone": "phone", "mobilephone": "mobile", "manageremail": "manager",
				"status[readonly]": "status",
			},
			status: map[string]Status{"archived": Suspended},
		},
		{
			Name: "bamboohr", Title: "BambooHR", sign: []string{"employee#"},
			columns: map[string]string{
				"employee#": ID, "workemail": Email, "jobtitle": "title", "workphone": "phone",
				"mobilephone":    "mobile",
				"supervisoreeid": "manager", "supervisoremail": "manager",
				"employmentstatus": "status",
			},
			status: map[string]Status{
				"inactive": Suspended, "terminated": Suspended, "fulltime": Active,
				"parttime": Active, "contractor": Active,
			},
		},
	}
}

// Export says how a file of another program is to be read.
type Export struct {
	// Preset is the name of one of [Presets]; if it is empty it is found by the
	// columns, and "none" takes none.
	Preset string
	// Columns are what columns of the file are called here, such as "Work
	// email" → "email". They come before those of the preset.
	Columns map[string]string
}

// Found is what was found of a file, for whoever imports it.
type Found struct {
	Encoding  string `json:"encoding"`
	Delimiter string `json:"delimiter"`
	// Preset is the title of the preset that was used; empty without one.
	Preset string `json:"preset,omitempty"`
	// Custom are the columns that have no meaning here, and are taken as custom
	// attributes; Notes say which name may have been meant.
	Custom []string `json:"custom,omitempty"`
	Notes  []string `json:"notes,omitempty"`
}

// ReadExportFile reads users from a file that another program has written:
// commas, semicolons or tabs, in UTF-8 or UTF-16, with its own columns.
func ReadExportFile(path string, o Export) (*Directory, *Found, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	d, found, err := ReadExport(f, o)
	if err != nil {
		return nil, found, fmt.Errorf("%s: %w", path, err)
	}
	return d, found, nil
}

// text returns what r holds in UTF-8, with its delimiter, behind a line that
// only says which it is, as spreadsheets write it: "sep=;".
func text(r io.Reader, found *Found) (io.Reader, rune, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	head, err := b.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	found.Encoding = "UTF-8"
	switch {
	case len(head) >= 2 &&
		(head[0] == 0xff && head[1] == 0xfe || head[0] == 0xfe && head[1] == 0xff):
		found.Encoding = "UTF-16"
		b = bufio.NewReaderSize(unicode.UTF16(unicode.LittleEndian,
			unicode.UseBOM).NewDecoder().Reader(b), 1<<16)
	case len(head) == 4 && head[1] == 0 && head[3] == 0:
		found.Encoding = "UTF-16"
		b = bufio.NewReaderSize(unicode.UTF16(unicode.LittleEndian,
			unicode.IgnoreBOM).NewDecoder().Reader(b), 1<<16)
	case strings.HasPrefix(string(head), "\ufeff"):
		_, _ = b.Discard(3) // spreadsheets write a byte order mark
	}
	first, err := peekLine(b)
	if err != nil {
		return nil, 0, err
	}
	delimiter := mostOf(first)
	if rest, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(strings.Trim(first, "\""))),
		"sep="); ok && len(rest) <= 1 {
		if delimiter = '\t'; rest != "" {
			delimiter = rune(rest[0])
		}
		_, _ = b.ReadString('\n')
	}
	found.Delimiter = map[rune]string{',': "comma", ';': "semicolon", '\t': "tab"}[delimiter]
	if found.Delimiter == "" {
		return nil, 0, fmt.Errorf("line 1: the delimiter %q is none that is known; use commas, "+
			"semicolons or tabs", delimiter)
	}
	return b, delimiter, nil
}

// peekLine returns the first line, as far as it is in the buffer.
func peekLine(b *bufio.Reader) (string, error) {
	_, err := b.Peek(1)
	if errors.Is(err, io.EOF) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	all, err := b.Peek(b.Size())
	if err != nil && !errors.Is(err, io.EOF) && len(all) == 0 {
		return "", err
	}
	line, _, _ := strings.Cut(string(all), "\n")
	return line, nil
}

// mostOf returns the delimiter that a line has most of, outside quotes.
func mostOf(line string) rune {
	counts := make(map[rune]int)
	quoted := false
	for _, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case !quoted:
			counts[c]++
		}
	}
	best := ','
	for _, c := range []rune{';', '\t'} {
		if counts[c] > counts[best] {
			best = c
		}
	}
	return best
}

// preset returns the preset that is to be used for columns; nil for none.
func (o Export) preset(heads []string) (*Preset, error) {
	var names []string
	for _, p := range Presets() {
		names = append(names, p.Name)
		if p.Name == o.Preset {
			return p, nil
		}
		if o.Preset == "" &&
			slices.ContainsFunc(heads,
				func(h string) bool { return slices.Contains(p.sign, fieldName(h)) }) {
			return p, nil
		}
	}
	if o.Preset != "" && o.Preset != "none" {
		return nil, fmt.Errorf("there is no preset %q; there are %s, and none", o.Preset,
			strings.Join(names, ", "))
	}
	return nil, nil
}

// translate returns the heads of the columns as they are called here.
func (o Export) translate(heads []string, found *Found) ([]string, *Preset, error) {
	preset, err := o.preset(heads)
	if err != nil {
		return nil, nil, err
	}
	given := make(map[string]string, len(o.Columns))
	for from, to := range o.Columns {
		given[fieldName(from)] = to
	}
	out := make([]string, len(heads))
	for i, head := range heads {
		name := fieldName(head)
		switch to, mapped := given[name]; {
		case mapped:
			out[i] = to
			delete(given, name)
		case preset != nil && preset.columns[name] != "":
			out[i] = preset.columns[name]
		default:
			out[i] = strings.TrimSpace(head)
		}
		found.look(out[i])
	}
	if len(given) > 0 {
		missing := slices.Sorted(maps.Keys(given))
		return nil, nil, fmt.Errorf("line 1: there is no column %q; it has %s", missing[0],
			strings.Join(heads, ", "))
	}
	if preset != nil {
		found.Preset = preset.Title
	}
	return out, preset, nil
}

// meanings are the columns that have a meaning here.
var meanings = []string{
	ID, Username, Email, FirstName, LastName, "department", "title", "company", "phone", "mobile",
	"manager", "status", "roles",
}

// look notes a column that has no meaning here, and which name is the nearest.
func (f *Found) look(head string) {
	name := fieldName(head)
	if name == "" || slices.Contains(meanings, name) {
		return
	}
	f.Custom = append(f.Custom, head)
	if near := nearest(name, meanings); near != "" {
		f.Notes = append(f.Notes,
			fmt.Sprintf("the column %q has no meaning here, and is taken as a custom attribute; "+
				"if %s is meant: --map %q", head, near, head+"="+near))
	}
}

// nearest returns the one of some names that a name is nearly; empty for none.
func nearest(name string, among []string) string {
	best, near := "", 3
	for _, x := range among {
		d := levenshtein.ComputeDistance(name, x)
		if len(x) >= 5 && strings.Contains(name, x) {
			d = min(d, 2)
		}
		if d < near && (d <= len(name)/3 || d == 2 && strings.Contains(name, x)) {
			best, near = x, d
		}
	}
	return best
}
