package instance

import (
	"crypto/rand"
	"hash/crc32"
	"math/big"
	"strings"
)

// parseKey takes the text of a key apart. It tells a mistyped key from an
// unknown one without asking the store.
func parseKey(text string) (slug, id, secret string, err error) {
	parts := strings.Split(text, "_")
	if len(parts) != 4 || parts[0] != keyPrefix || len(parts[2]) != keyIDLength ||
		len(parts[3]) != secretLength+checksumLength {
		return "", "", "", &KeyError{
			Reason: "the bearer token is not an API key of this server, or is not " +
				"complete; a key begins with " + keyPrefix + "_ and is copied whole",
		}
	}
	at := len(text) - checksumLength
	if checksum(text[:at]) != text[at:] {
		return "", "", "", &KeyError{Reason: "the API key is mistyped: its checksum does not match"}
	}
	return parts[1], parts[2], parts[3][:secretLength], nil
}

func checksum(text string) string {
	return digits(big.NewInt(int64(crc32.ChecksumIEEE([]byte(text)))), checksumLength, 62)
}

// randomDigits returns n random digits of a base.
func randomDigits(n, base int) string {
	limit := new(big.Int).Exp(big.NewInt(int64(base)), big.NewInt(int64(n)), nil)
	v, err := rand.Int(rand.Reader, limit)
	if err != nil {
		panic(err) // crypto/rand never fails on the systems that we build for
	}
	return digits(v, n, base)
}

// digits writes v in a base of up to 62, with leading zeros to n digits.
func digits(v *big.Int, n, base int) string {
	s := v.Text(base)
	return strings.Repeat("0", n-len(s)) + s
}
