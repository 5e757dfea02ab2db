package upstream_test

import (
	"bufio"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"tollgate/gateway/upstream"
	"tollgate/internal/fault"
)

// closedAddresses are what nobody may reach through the gateway of a live tenant.
var closedAddresses = []string{
	"127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255",
	"169.254.169.254", "169.254.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255", "255.255.255.255", "240.0.0.1",
	"192.0.0.1", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "100.100.100.200", "168.63.129.16",
	"::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
	"fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "100::1", "5f00::1", "4000::1",
}

var openAddresses = []string{"1.1.1.1", "8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "11.0.0.1", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808"}

func TestAllowedAddresses(t *testing.T) {
	t.Parallel()
	var strict upstream.Rule
	for _, a := range closedAddresses {
		if strict.Allowed(netip.MustParseAddr(a)) {
			t.Errorf("%s is allowed", a)
		}
	}
	for _, a := range openAddresses {
		if !strict.Allowed(netip.MustParseAddr(a)) || !lan.Allowed(netip.MustParseAddr(a)) {
			t.Errorf("%s is not allowed", a)
		}
	}
	if strict.Allowed(netip.Addr{}) {
		t.Error("no address is allowed")
	}
	for a, want := range map[string]bool{"127.0.0.1": true, "10.1.2.3": true, "192.168.0.1": true, "::1": true, "fd12::1": true, "100.64.0.1": true, "64:ff9b::a00:1": true,
		"169.254.169.254": false, "169.254.1.1": false, "fd00:ec2::254": false, "100.100.100.200": false, "fe80::1": false, "0.0.0.0": false, "224.0.0.1": false} {
		if lan.Allowed(netip.MustParseAddr(a)) != want {
			t.Errorf("with private addresses, %s: want %v", a, want)
		}
	}
	some := upstream.Rule{Allow: []netip.Prefix{netip.MustParsePrefix("10.2.0.0/16"), netip.MustParsePrefix("fd12::/32")}}
	for a, want := range map[string]bool{"10.2.3.4": true, "::ffff:10.2.3.4": true, "64:ff9b::a02:1": true, "10.3.0.1": false, "fd12::5": true, "fd13::5": false, "127.0.0.1": false} {
		if some.Allowed(netip.MustParseAddr(a)) != want {
			t.Errorf("with two networks, %s: want %v", a, want)
		}
	}
}

func TestHostsAreCheckedEarly(t *testing.T) {
	t.Parallel()
	var strict upstream.Rule
	for _, h := range append([]string{"2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.1", "017700000001", "0x", "1.2.3.4.5", "a.b.123", "a.0x1f.", "localhost", "LOCALHOST.", "a.localhost", "127.0.0.1.", "[::1]"}, closedAddresses...) {
		if err := strict.CheckHost(h); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", h, err)
		}
	}
	for _, h := range append([]string{"api.example.com", "api.example.com.", "a1.test2x", "xn--mx-via.test", "0x7g.test"}, openAddresses...) {
		if err := strict.CheckHost(h); err != nil {
			t.Errorf("%s: %v", h, err)
		}
	}
	if lan.CheckHost("localhost") != nil || lan.CheckHost("127.0.0.1") != nil || lan.CheckHost("0x7f.1") == nil {
		t.Error("with private addresses the wrong hosts are refused")
	}
}

// strict makes a front whose upstreams must be public.
func strictFront(t *testing.T, url string, lookup func(string) ([]netip.Addr, error)) *front {
	t.Helper()
	f := newFront(t, upstream.Options{Lookup: lookup}, url, nil)
	f.client = upstream.New(upstream.Options{Lookup: lookup})
	t.Cleanup(f.client.Close)
	return f
}

func TestClosedAddressesAreNeverDialled(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	url := listen(t, counted(&n, answers(ok, true)))
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	hosts := []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]", "[::1]", "127.0.0.2", "169.254.169.254", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1"}
	for _, h := range hosts {
		if _, err := upstream.ParseTarget("http://" + h + ":" + port); err != nil {
			continue // not even a URL
		}
		f := strictFront(t, "http://"+h+":"+port, nil)
		if got := get(t, f.URL, "/"); !strings.HasPrefix(got, "HTTP/1.1 502 ") {
			t.Errorf("%s: the client reads %q", h, got)
		}
	}
	if n.Load() != 0 {
		t.Errorf("%d connections were made", n.Load())
	}
	f := strictFront(t, url, nil)
	get(t, f.URL, "/")
	f.expectError(t, upstream.Denied, false)
}

// A name that means a public address when it is looked at and the gateway's own
// when it is dialled leads nowhere: what is judged is the address dialled.
func TestANameThatChangesItsMeaning(t *testing.T) {
	t.Parallel()
	var n, asked atomic.Int64
	url := listen(t, counted(&n, func(c net.Conn, r *bufio.Reader) { answers(ok, true)(c, r) }))
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	addresses := []string{"127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.1"}
	f := strictFront(t, "http://flip.test:"+port, func(string) ([]netip.Addr, error) {
		i := asked.Add(1)
		return []netip.Addr{netip.MustParseAddr(addresses[int(i)%len(addresses)])}, nil
	})
	for range 2 * len(addresses) {
		if got := get(t, f.URL, "/"); !strings.HasPrefix(got, "HTTP/1.1 502 ") {
			t.Errorf("the client reads %q", got)
		}
		f.expectError(t, upstream.Denied, false)
	}
	if n.Load() != 0 || asked.Load() < int64(2*len(addresses)) {
		t.Errorf("%d connections after %d look-ups", n.Load(), asked.Load())
	}
}
