package gateway_test

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"tollgate/gateway"
	"tollgate/internal/fault"
)

func TestAPathHasOneSpelling(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/":                              "/",
		"/weather/v1/cities":             "/weather/v1/cities",
		"/weather/v1/":                   "/weather/v1/",
		"//weather///v1//":               "/weather/v1/",
		"/w/.well-known/x..y/...":        "/w/.well-known/x..y/...",
		"/w%65ather/%7Euser":             "/weather/~user",
		"/a%2c%2C%3b":                    "/a%2C%2C%3B",
		"/a,;=:@!$&'()*+b":               "/a,;=:@!$&'()*+b",
		"/caf%c3%a9":                     "/caf%C3%A9",
		"/café":                          "/caf%C3%A9",
		"/a b\"<>^`{|}":                  "/a%20b%22%3C%3E%5E%60%7B%7C%7D",
		"/twice%252f%25zz":               "/twice%252f%25zz",
		"/a;x=1/b;c":                     "/a;x=1/b;c",
		"/" + strings.Repeat("a/", 4095): "/" + strings.Repeat("a/", 4095),
	} {
		got, err := gateway.CleanPath(in)
		if err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestAPathThatServersReadInDifferentWaysIsRefused(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"", "*", "weather", "http://x/", "?", "/a?b", "/a#b", "/a\\b", "/a\x00", "/a\nb", "/a\x7f",
		"/a%2fb", "/a%2Fb", "/a%5cb", "/a%00", "/a%0d%0a", "/a%7f", "/a%", "/a%2", "/a%zz", "/a%2g",
		"/.", "/..", "/a/./b", "/a/../b", "/a/..", "/a/%2e%2e/b", "/a/%2E./b", "/a/.%2e", "/a/%2e", "/a//../b",
		"/a/..;/b", "/a/.;x=1/b", "/a/..%3b/b", "/a/%2e%2e;v=1/b",
		"/%c0%af", "/%c0%ae%c0%ae/", "/%e0%80%af", "/%ed%a0%80", "/%ff", "/%c3", "/%c3a", "/%c3/a", "/%80", "/%f4%90%80%80", "/\xff", "/\xc3",
		"/%c2%85", "/%c2%80", "/" + strings.Repeat("a", 8192), "/" + strings.Repeat("é", 3000),
	} {
		if got, err := gateway.CleanPath(in); err == nil || fault.KindOf(err) != fault.Malformed || fault.Message(err) == "" {
			t.Errorf("%q is taken for %q, %v", in, got, err)
		}
	}
}

func TestACleanPathCostsNothing(t *testing.T) {
	path := "/weather/v1/cities/Lisbon,PT/days;n=3"
	table := map[string]int{"weather/v1": 1}
	if n := testing.AllocsPerRun(100, func() {
		clean, _ := gateway.CleanPath(path)
		gateway.Longest(table, 2, clean)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzCleanPath(f *testing.F) {
	for _, seed := range []string{"/a/b", "//", "/a/%2e%2e/b", "/%c3%a9;x", "/..;/", "/é%", "/a%252e", "/a/.b", "/%2f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out, err := gateway.CleanPath(in)
		if err != nil {
			return
		}
		if again, err := gateway.CleanPath(out); err != nil || again != out {
			t.Fatalf("%q is %q, and that %q, %v", in, out, again, err)
		}
		if out[0] != '/' || strings.Contains(out, "//") || strings.ContainsAny(out, "\\?# ") {
			t.Fatalf("%q is %q", in, out)
		}
		for i := range len(out) {
			if out[i] <= ' ' || out[i] >= 0x7f {
				t.Fatalf("%q is %q", in, out)
			}
		}
		meant, err := url.PathUnescape(out)
		if err != nil || !utf8.ValidString(meant) {
			t.Fatalf("%q means %q, %v", out, meant, err)
		}
		if strings.Count(meant, "/") != strings.Count(out, "/") || strings.ContainsAny(meant, "\\\x00\r\n") {
			t.Fatalf("%q means %q", out, meant)
		}
		for part := range strings.SplitSeq(meant, "/") {
			if part, _, _ = strings.Cut(part, ";"); part == "." || part == ".." {
				t.Fatalf("%q climbs: %q", in, out)
			}
		}
		if u, err := url.ParseRequestURI(out); err != nil || u.JoinPath().EscapedPath() == "" || u.Host != "" {
			t.Fatalf("%q is no path: %v", out, err)
		}
	})
}

func TestTenantsAreTakenOffPaths(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][2]string{
		"/weather/v1/x":        {"", "/weather/v1/x"},
		"/t/acme.example/w/v1": {"acme.example", "/w/v1"},
		"/t/ACME.example/W/v1": {"acme.example", "/W/v1"},
		"/t/acme.example":      {"acme.example", "/"},
		"/t/":                  {"", "/"},
		"/t":                   {"", "/t"},
		"/team/v1":             {"", "/team/v1"},
		"/t/a/t/b/v1":          {"a", "/t/b/v1"},
	} {
		if domain, rest := gateway.SplitTenant(path); domain != want[0] || rest != want[1] {
			t.Errorf("%s is of %q, then %q", path, domain, rest)
		}
	}
}

func TestTheLongestContextIsMeant(t *testing.T) {
	t.Parallel()
	table := map[string]string{"weather/v1": "w1", "weather/v2": "w2", "maps/eu/v1": "eu", "maps/eu": "context maps, version eu", "v": "one part"}
	for path, want := range map[string][2]string{
		"/weather/v1":     {"w1", ""},
		"/weather/v1/":    {"w1", "/"},
		"/weather/v1/a/b": {"w1", "/a/b"},
		"/weather/v2/a":   {"w2", "/a"},
		"/weather/v10":    {"", ""},
		"/weather":        {"", ""},
		"/Weather/v1":     {"", ""},
		"/maps/eu/v1/x":   {"eu", "/x"},
		"/maps/eu/v2/x":   {"context maps, version eu", "/v2/x"},
		"/a/b/c/d/e/f":    {"", ""},
		"/v":              {"one part", ""},
		"/v/x":            {"one part", "/x"},
		"/":               {"", ""},
	} {
		got, rest, ok := gateway.Longest(table, 3, path)
		if got != want[0] || rest != want[1] || ok != (want[0] != "") {
			t.Errorf("%s leads to %q, then %q, %v", path, got, rest, ok)
		}
	}
	if _, _, ok := gateway.Longest(table, 2, "/maps/eu/v1"); !ok {
		t.Error("a bound hides what is within it")
	}
	if gateway.Parts("maps/eu/v1") != 3 {
		t.Error("parts are miscounted")
	}
}
