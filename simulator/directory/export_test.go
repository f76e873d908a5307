package directory_test

import (
	"strings"
	"testing"

	"golang.org/x/text/encoding/unicode"

	"muster/simulator/directory"
)

// TestForms: the same people, however a program has written them.
func TestForms(t *testing.T) {
	plain := "id,username,title,roles\n1,anna@x,\"Head, Sales\",Staff;Lead\n2,jörg@x,Boss,Staff\n"
	with := func(delimiter string) string {
		return strings.NewReplacer("id,username,title,roles",
			strings.Join([]string{"id", "username", "title", "roles"}, delimiter),
			"1,anna@x,", "1"+delimiter+"anna@x"+delimiter, ",Staff;Lead",
			delimiter+"\"Staff;Lead\"", "2,jörg@x,Boss,Staff",
			strings.Join([]string{"2", "jörg@x", "Boss", "Staff"}, delimiter)).Replace(plain)
	}
	encode := func(e unicode.Endianness, bom unicode.BOMPolicy, s string) string {
		out, err := unicode.UTF16(e, bom).NewEncoder().String(s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, text := range map[string]string{
		"commas":                  plain,
		"semicolons":              with(";"),
		"tabs":                    with("\t"),
		"lines of Windows":        strings.ReplaceAll(with(";"), "\n", "\r\n"),
		"a byte order mark":       "\ufeff" + with(";"),
		"sep=":                    "sep=;\r\n" + with(";"),
		"sep= in quotes":          "\"sep=;\"\n" + with(";"),
		"UTF-16, little":          encode(unicode.LittleEndian, unicode.UseBOM, with("\t")),
		"UTF-16, big":             encode(unicode.BigEndian, unicode.UseBOM, with(";")),
		"UTF-16 without its mark": encode(unicode.LittleEndian, unicode.IgnoreBOM, plain),
	} {
		t.Run(name, func(t *testing.T) {
			d := directoryOf(t, text)
			anna, jorg := d.Find("anna@x"), d.Find("jörg@x")
			if len(d.Users) != 2 || anna == nil || jorg == nil {
				t.Fatalf("got %d people", len(d.Users))
			}
			if anna.Key != "1" || anna.Field("title") != "Head, Sales" || !anna.HasRole("Lead") ||
				jorg.Field("title") != "Boss" {
				t.Errorf("got %q, %v", anna.Field("title"), anna.Roles)
			}
		})
	}
	for text, want := range map[string]string{
		"sep=|\na|b\n": "delimiter", "": "is empty", "a\xff\n": "no column username",
	} {
		if _, err := directory.Read(strings.NewReader(text)); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func TestPresets(t *testing.T) {
	for name, test := range map[string]struct {
		file, preset string
		status       directory.Status
	}{
		"OneLogin": {
			"id,email,username,firstname,lastname,manager_user_id,role_ids,external_id,status\n" +
				"2,b@x,ben@x,Ben,Smith,,,,1\n" +
				"1,a@x,anna@x,Anna,Novak,2,,E1,3\n",
			"OneLogin", directory.Locked,
		},
		"Okta": {
			"user.id,user.login,user.firstName,user.lastName,user.email,user.managerId," +
				"user.status\n" +
				"2,ben@x,Ben,Smith,b@x,,ACTIVE\n" +
				"1,anna@x,Anna,Novak,a@x,2,LOCKED_OUT\n",
			"Okta", directory.Locked,
		},
		"Entra ID": {
			"userPrincipalName,displayName,surname,mail,givenName,objectId," +
				"accountEnabled,manager\n" +
				"ben@x,Ben,Smith,b@x,Ben,2,True,\n" +
				"anna@x,Anna,Novak,a@x,Anna,1,False,ben@x\n",
			"Entra ID", directory.Suspended,
		},
		"Google Workspace": {
			"First Name [Required],Last Name [Required],Email Address [Required],Employee " +
				"ID,Manager Email,Status [READ " +
				"ONLY]\nBen,Smith,ben@x,2,,Active\nAnna,Novak,anna@x,1,ben@x,Archived\n",
			"Google Workspace", directory.Suspended,
		},
		"BambooHR": {
			"Employee #,First Name,Last Name,Work Email,Job Title,Supervisor " +
				"EEID,Status\n" +
				"2,Ben,Smith,ben@x,Boss,,Active\n" +
				"1,Anna,Novak,anna@x,Analyst,2,Inactive\n",
			"BambooHR", directory.Suspended,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, found, err := directory.ReadExport(strings.NewReader(test.file), directory.Export{})
			if err != nil {
				t.Fatal(err)
			}
			anna := d.Find("anna@x")
			if found.Preset != test.preset || anna == nil || anna.Key != "1" ||
				anna.Status != test.status || anna.Manager == nil ||
				anna.Manager.Field("username") != "ben@x" || anna.DisplayName() != "Anna Novak" {
				t.Errorf("got %+v, %+v", found, anna)
			}
			// What it was read from does not matter any more, once it is written.
			var b strings.Builder
			if err := d.Write(&b); err != nil {
				t.Fatal(err)
			}
			if again := directoryOf(t, b.String()).Find("anna@x"); again == nil ||
				again.Status != test.status || again.Key != "1" {
				t.Errorf("written:\n%s", b.String())
			}
		})
	}
}

func TestMap(t *testing.T) {
	file := "Staff no;Work e-mail;Frstname;Shoe\n1;anna@x;Anna;43\n"
	d, found, err := directory.ReadExport(strings.NewReader(file),
		directory.Export{Columns: map[string]string{"staff NO": "id", "Work e-mail": "username"}})
	if err != nil {
		t.Fatal(err)
	}
	if anna := d.Find("anna@x"); anna == nil || anna.Key != "1" || anna.Field("shoe") != "43" {
		t.Errorf("got %+v", anna)
	}
	if len(found.Custom) != 2 || len(found.Notes) != 1 ||
		!strings.Contains(found.Notes[0], `--map "Frstname=firstname"`) {
		t.Errorf("got %+v", found)
	}
	for want, o := range map[string]directory.Export{
		`no column "Badge"`: {
			Columns: map[string]string{"Badge": "badge", "Work e-mail": "username"},
		},
		"there is no preset":    {Preset: "ping"},
		"there is no column us": {Preset: "none"},
	} {
		want = strings.Replace(want, `"Badge"`, `"badge"`, 1)
		if _, _, err := directory.ReadExport(strings.NewReader(file), o); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", want, err)
		}
	}
	if _, err := directory.Read(
		strings.NewReader("username,status\nanna,suspnded\n")); err == nil ||
		!strings.Contains(err.Error(), "is suspended meant?") {
		t.Errorf("a status: got %v", err)
	}
}
