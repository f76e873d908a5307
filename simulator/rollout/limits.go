package rollout

import (
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"muster/simulator/client"
	"muster/simulator/directory"
)

// The lengths, in characters, beyond which applications refuse or cut a text.
// The standard has none: these are what databases and directories commonly
// take, and a longer text is worth a look before it is sent.
const (
	maxUserName = 256
	maxText     = 1024
)

// limits looks at what would be sent for a person for values that an
// application hardly takes.
func (f *forecaster) limits(u *directory.User, name string) {
	texts := client.Texts(f.r.Rollout.App.Body(u))
	for _, path := range slices.Sorted(maps.Keys(texts)) {
		if problem := outside(path, texts[path]); problem != "" {
			f.find(Problem, "value", name, f.row(u)+": mend what "+path+" is made of",
				"%s of %s %s", path, u.DisplayName(), problem)
		}
	}
}

// outside says what is wrong with a text that is to be sent; empty if nothing.
func outside(path, text string) string {
	most := maxText
	if path == "userName" {
		most = maxUserName
	}
	switch n := utf8.RuneCountInString(text); {
	case n > most:
		return fmt.Sprintf("has %d characters; more than %d are hardly taken", n, most)
	case strings.ContainsFunc(text, unicode.IsControl):
		return fmt.Sprintf("holds a control character: %q", text)
	case strings.HasPrefix(path, "emails[") && strings.HasSuffix(path, ".value"):
		if a, err := mail.ParseAddress(text); err != nil || a.Address != text {
			return fmt.Sprintf("is no e-mail address: %q", text)
		}
	}
	return ""
}

// check refuses numbers that nothing can come to.
func (e Expect) check() error {
	for name, n := range map[string]*int{
		"picked_up": e.PickedUp, "created": e.Created, "updated": e.Updated,
		"suspended": e.Suspended, "reactivated": e.Reactivated, "deleted": e.Deleted,
	} {
		if n != nil && *n < 0 {
			return fmt.Errorf("%s is %d; give how many, 0 or more", name, *n)
		}
	}
	return nil
}

// possible notes expectations that a wave of so many people cannot meet.
func (f *forecaster) possible(e Expect) {
	arrive := 0
	for _, n := range []*int{e.PickedUp, e.Created} {
		if n != nil {
			arrive += *n
		}
	}
	if most := len(f.Items); arrive > most && !f.r.Resume {
		f.find(Problem, "expect", "",
			fmt.Sprintf("in the rollout, wave %q: expect numbers that add up to %d or less", f.Wave,
				most),
			"%d are expected to be picked up or created, and %d people of the wave are not "+
				"provisioned yet", arrive, most)
	}
}
