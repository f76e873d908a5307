package engine

import "testing"

// TestDivide: whatever the number of connections, there is a place for each
// kind, and no instance has all of them where there is more than one.
func TestDivide(t *testing.T) {
	for n := 2; n < 200; n++ {
		var s shares
		s.divide(n)
		if s.scans.Places < 1 || s.scans.Places > max(1, n/4) || s.parts.Places < 1 ||
			s.scans.Places+s.parts.Places > n {
			t.Errorf("%d: %d for scans, %d for parts", n, s.scans.Places, s.parts.Places)
		}
		if n >= 8 &&
			(s.scans.Share >= s.scans.Places || s.parts.Share >= s.parts.Places ||
				s.scans.Places+s.parts.Places > n-2) {
			t.Errorf("%d: shares of %d and %d", n, s.scans.Share, s.parts.Share)
		}
	}
}
