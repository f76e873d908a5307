package directory_test

import (
	"slices"
	"strings"
	"testing"

	"muster/simulator/directory"
)

func read(t *testing.T, text string) *directory.Directory {
	t.Helper()
	d, err := directory.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRead(t *testing.T) {
	d := read(t, "\ufeffID,First Name,last_name,E-Mail,USERNAME,Manager,Status,Roles,Cost Center\n"+
		"7,Anna,Novák, anna@x ,,ben,,Staff; Team A ;,K1\n"+
		"8,Ben,\"O'Brien, Jr.\",ben@x,ben,ANNA@X,suspended,,\n")
	anna, ben := d.Users[0], d.Users[1]
	for name, test := range map[string][2]any{
		"key": {anna.Key, "7"},
		// the e-mail, if there is none
		"username":                         {anna.Field("User Name"), "anna@x"},
		"display name":                     {anna.DisplayName(), "Anna Novák"},
		"a quoted comma":                   {ben.Field("lastname"), "O'Brien, Jr."},
		"no status":                        {anna.Status, directory.Active},
		"a status by name":                 {ben.Status, directory.Suspended},
		"manager by name":                  {anna.Manager, ben},
		"manager in capitals, and a cycle": {ben.Manager, anna},
		"roles":                            {strings.Join(anna.Roles, "|"), "Staff|Team A"},
		"role in another case":             {anna.HasRole("team a"), true},
		"custom":                           {anna.Field("cost center"), "K1"},
		"by id":                            {d.Find("8"), ben},
		"nobody":                           {d.Find("carl"), (*directory.User)(nil)},
		"has field":                        {d.HasField("costcenter") && !d.HasField("shoe"), true},
	} {
		if test[0] != test[1] {
			t.Errorf("%s: got %v, want %v", name, test[0], test[1])
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"nothing":        {"", "empty"},
		"no name":        {"firstname\nAnna\n", "no column username"},
		"a column twice": {"email,E-mail\na,b\n", `"E-mail" is there twice`},
		"a row too long": {"email\na,b\n", "line 2"},
		"nobody":         {"email,title\n,Boss\n", "line 2: there is no username"},
		"the same name": {
			"username\nanna\nben\nANNA\n", `line 4: the username "ANNA" is that of line 2 too`,
		},
		"the same id":      {"id,username\n1,a\n1,b\n", `line 3: the id "1"`},
		"an unknown boss":  {"username,manager\nanna,zoe\n", `line 2: the manager "zoe" of anna`},
		"an odd status":    {"username,status\nanna,gone\n", `line 2: the status "gone"`},
		"not UTF-8":        {"username\n\xff\n", "line 2: the column username is not UTF-8"},
		"an open quote":    {"username\n\"anna\n", "quote"},
		"a quoted newline": {"username,status\n\"a\nb\",1\nanna,gone\n", "line 4"},
	} {
		if _, err := directory.Read(strings.NewReader(test.text)); err == nil ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

func TestChanges(t *testing.T) {
	d := read(t, "username,manager,status,roles,title\nanna,,1,,\nben,anna,1,A,\ncarl,anna,1,,\n")
	anna, ben, carl := d.Users[0], d.Users[1], d.Users[2]
	for _, c := range [][2]string{
		{"status", "2"}, {"Roles", "B;C"}, {"title", "Boss"}, {"manager", "carl"},
	} {
		if err := d.Set(ben, c[0], c[1]); err != nil {
			t.Fatal(err)
		}
	}
	if ben.Status != directory.Suspended || !ben.HasRole("C") || ben.HasRole("A") ||
		ben.Field("title") != "Boss" || ben.Manager != carl {
		t.Errorf("got %+v", ben)
	}
	if err := d.Set(ben, "username", "benjamin"); err != nil || d.Find("benjamin") != ben ||
		d.Find("ben") != nil {
		t.Errorf("rename: %v", err)
	}
	for _, c := range [][2]string{
		{"username", "ANNA"},
		{"manager", "nobody"},
		{"status", "gone"},
		{"shoe", "43"},
		{"id", "5"},
	} {
		if err := d.Set(ben, c[0], c[1]); err == nil {
			t.Errorf("%v was taken", c)
		}
	}
	if d.Find("benjamin") != ben || ben.Manager != carl {
		t.Error("a change that was refused left something behind")
	}
	d.Remove(anna)
	if d.Find("anna") != nil || slices.Contains(d.Users, anna) || carl.Manager != nil {
		t.Error("anna is still there")
	}
	if err := d.Set(ben, "title", "x"); err != nil {
		t.Errorf("after a removal: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("username,manager\nanna,anna\n")
	f.Add("\ufeffemail,status\r\na@x,2\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := directory.Read(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, u := range d.Users {
			if u.Key == "" || u.Field("username") == "" {
				t.Errorf("a user without a name: %+v", u)
			}
		}
	})
}
