package instance

import (
	"strings"
	"testing"
)

// TestPermit: networks in every form, and addresses in every form.
func TestPermit(t *testing.T) {
	for _, c := range []struct {
		networks, from string
		want           bool
	}{
		{"", "192.0.2.1", true},
		{"", "", true},
		{"192.0.2.0/24", "192.0.2.255", true},
		{"192.0.2.0/24", "192.0.3.0", false},
		{"192.0.2.77/24", "192.0.2.1", true}, // the host's bits do not matter
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.0/24", "::ffff:192.0.2.9", true},
		{"::ffff:192.0.2.0/120", "192.0.2.9", true},
		{"::ffff:192.0.2.9", "192.0.2.9", true},
		{"2001:db8::/32", "2001:db8:1::1", true},
		{"2001:db8::/32", "fe80::1%eth0", false},
		{"fe80::/10", "fe80::1%eth0", true},
		{"198.51.100.0/24, 192.0.2.0/24", "192.0.2.1", true},
		{"192.0.2.0/24", "", false},
		{"192.0.2.0/24", "localhost", false},
		{"0.0.0.0/0", "192.0.2.1", true},
		{"0.0.0.0/0", "2001:db8::1", false},
	} {
		var networks []string
		if c.networks != "" {
			networks = strings.Split(c.networks, ",")
		}
		p, err := NewPermit("", networks)
		if err != nil || p.From(c.from) != c.want {
			t.Errorf("%q from %q: %t, %v", c.networks, c.from, !c.want, err)
		}
		again, err := NewPermit(string(p.Access), p.Texts())
		if err != nil || again.Summary() != p.Summary() {
			t.Errorf("%q: %q, read again %q", c.networks, p.Summary(), again.Summary())
		}
	}
	for _, wrong := range []string{"x", "192.0.2.0/33", "192.0.2", "", "::ffff:0:0/90"} {
		if _, err := NewPermit("", []string{wrong}); err == nil ||
			!strings.Contains(err.Error(), "such as 203.0.113.7") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	for _, wrong := range []string{"Full", "write", " "} {
		if _, err := NewPermit(wrong, nil); err == nil ||
			!strings.Contains(err.Error(), "use full, users or read") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}
