package peer_test

import (
	"net/netip"
	"testing"

	"tollgate/internal/peer"
)

var trusted = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}

// The rule itself is tested where the portal asks it.
func TestOnlyTrustedProxiesAreBelieved(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		remote, said, want string
	}{
		{"203.0.113.9", "198.51.100.1", "203.0.113.9"},
		{"10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"},
		{"no address", "203.0.113.9", "no address"},
	} {
		if got := peer.Address(c.remote, []string{c.said}, trusted); got != c.want {
			t.Errorf("%s said %q: %s asks, want %s", c.remote, c.said, got, c.want)
		}
	}
}

func TestAmong(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]bool{
		"10.1.2.3:4711": true, "[2001:db8::1]:80": true, "[::ffff:10.0.0.1]:80": true,
		"203.0.113.9:80": false, "10.1.2.3": false, "": false, "@": false,
	} {
		if peer.Among(remote, trusted) != want {
			t.Errorf("%q: %v", remote, !want)
		}
	}
	if peer.Among("10.1.2.3:4711", nil) {
		t.Error("nobody is trusted, yet somebody is")
	}
}
