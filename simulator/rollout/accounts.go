package rollout

import (
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"muster/simulator/client"
	"muster/simulator/username"
)

// candidate is what a forecast needs to know of an account at the application.
type candidate struct {
	id, userName, email, name string
	active                    bool
}

// accounts are those of the application, by what they may be known by.
type accounts struct {
	byName, bySpelling, byEmail, byPerson map[string]*candidate
}

func newAccounts() *accounts {
	return &accounts{
		make(map[string]*candidate), make(map[string]*candidate), make(map[string]*candidate),
		make(map[string]*candidate),
	}
}

func (a *accounts) add(u client.User) {
	x := &candidate{
		id: u.ID(), userName: u.UserName(), email: u.Email(), name: u.FullName(),
		active: u.Active(),
	}
	for _, index := range []struct {
		by  map[string]*candidate
		key string
	}{
		{a.byName, fold(x.userName)},
		{a.bySpelling, skeleton(x.userName)},
		{a.byEmail, fold(x.email)},
		{a.byPerson, skeleton(x.name)},
	} {
		if index.key != "" && index.by[index.key] == nil {
			index.by[index.key] = x
		}
	}
}

// fold makes user names equal that the application takes for equal.
func fold(s string) string { return username.Key(s) }

// skeleton makes names equal that people take for equal: without spaces,
// punctuation and accents.
func skeleton(s string) string {
	t := transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), norm.NFC)
	plain, _, err := transform.String(t, strings.ToLower(s))
	if err != nil {
		plain = strings.ToLower(s)
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '@' || r == '+' {
			return r
		}
		return -1
	}, plain)
}

// model is what was read of the application, as the plan of a cycle asks for it.
type model struct{ byID, byName map[string]client.User }

func newModel(now *content) *model {
	m := &model{now.users, make(map[string]client.User, len(now.users))}
	for _, u := range now.users {
		m.byName[fold(u.UserName())] = u
	}
	return m
}

// Named returns the account of a user name.
func (m *model) Named(userName string) client.User { return m.byName[fold(userName)] }

// Account returns the account of an id.
func (m *model) Account(id string) client.User { return m.byID[id] }
