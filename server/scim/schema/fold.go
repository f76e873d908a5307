package schema

import (
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

// Fold returns s in the form in which strings that are not caseExact are
// compared: Unicode case folding, then normalization form C. "STRASSE" and
// "Straße" fold alike.
func Fold(s string) string {
	if lower, ok := foldASCII(s); ok {
		return lower
	}
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(s)))
}

// UserNameKey returns the form in which user names are compared, in the
// whole deployment: by the UsernameCaseMapped profile of RFC 8265 where it
// accepts the name, which also folds full-width letters; and by [Fold] where
// it does not, because real user names hold spaces.
func UserNameKey(s string) string {
	if lower, ok := foldASCII(s); ok {
		return lower
	}
	if key, err := precis.UsernameCaseMapped.CompareKey(s); err == nil {
		return key
	}
	return Fold(s)
}

// foldASCII lowers s if it is ASCII: there, all the foldings above agree.
func foldASCII(s string) (string, bool) {
	upper := false
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf {
			return "", false
		}
		upper = upper || 'A' <= c && c <= 'Z'
	}
	if !upper {
		return s, true
	}
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b), true
}
