// Package username compares user names and the names of groups as the
// application does: a provider that compares them otherwise takes one person
// for two, or two for one.
package username

import (
	"fmt"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

// Key returns the form in which user names are compared: by the
// UsernameCaseMapped profile of RFC 8265 where that accepts the name, else by
// [Fold], because real user names hold spaces.
func Key(s string) string {
	if key, err := precis.UsernameCaseMapped.CompareKey(s); err == nil {
		return key
	}
	return Fold(s)
}

// Fold returns s by full Unicode case folding in normalization form C, as the
// names of groups are compared.
func Fold(s string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(s)))
}

// Equal reports whether two user names are the same to the application.
func Equal(a, b string) bool { return a == b || Key(a) == Key(b) }

// Quote writes a name so that all of it is seen: spaces at its ends by the
// quotes, and what is neither printable nor plain by its code points.
func Quote(s string) string {
	var hidden []string
	for _, r := range s {
		if r > '~' || r < ' ' {
			hidden = append(hidden, fmt.Sprintf("U+%04X", r))
		}
	}
	if len(hidden) == 0 {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%q (%s)", s, strings.Join(hidden, " "))
}

// Differ writes two names that are not the same: with their code points if
// they look alike.
func Differ(a, b string) (string, string) {
	if skeleton(a) == skeleton(b) {
		return Quote(a), Quote(b)
	}
	return fmt.Sprintf("%q", a), fmt.Sprintf("%q", b)
}

// skeleton is the same for names that look the same on a screen, as far as
// compatibility forms, marks and spaces go, and the Cyrillic and Greek letters
// that have a Latin double.
func skeleton(s string) string {
	plain := norm.NFKD.String(Fold(s))
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\u00a0' || r == '\u200b' || r >= 0x300 && r <= 0x36f {
			return -1
		}
		if latin, ok := doubles[r]; ok {
			return latin
		}
		return r
	}, plain)
}

// doubles are letters that cannot be told from Latin ones by the eye.
var doubles = map[rune]rune{
	'а': 'a', 'е': 'e', 'о': 'o', 'р': 'p', 'с': 'c', 'х': 'x', 'у': 'y', 'і': 'i', 'ѕ': 's',
	'ј': 'j', 'һ': 'h', 'ԁ': 'd', 'ѵ': 'v',
	'α': 'a', 'ο': 'o', 'ν': 'v', 'ι': 'i', 'ρ': 'p',
}
