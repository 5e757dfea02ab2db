package respond_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"pgregory.net/rapid"

	"tollgate/web/respond"
)

// tricks are ways to leave a site by a path that looks like one of its own.
var tricks = []string{
	"", " ", "a", "evil.example", "//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\\\evil.example", "/\\/evil.example",
	"\\/evil.example", "/\t/evil.example", "/\n/evil.example", "/\r\n/evil.example", "\t//evil.example", " //evil.example", "/ /evil.example",
	"http://evil.example", "https://evil.example", "HTTPS://evil.example", "http:evil.example", "http:/evil.example", "https:///evil.example",
	"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "vbscript:x", "mailto:a@evil.example", "file:///etc/passwd",
	"//evil.example@portal.example", "//portal.example@evil.example", "//evil.example:80", "//[::1]", "//%65vil.example", "/%2fevil.example",
	"/%2f%2fevil.example", "/%5cevil.example", "/%5C%5Cevil.example", "/%09/evil.example", "/%0d%0a/evil.example", "/%0d%0aSet-Cookie:a=b", "/%00//evil.example",
	"/a%0d%0aLocation:x", "/%0aevil", "/a\x00b", "/a\x7fb", "/a\u0085b", "/\u2028", "/.//evil.example/..//x/\\", "/a/../..//evil.example",
	"/../evil.example", "/%2e%2e/%2fevil.example", "/a b", "?next=//evil.example", "#//evil.example", "./evil", "../evil", "/%zz", "/é", "/a%", "//", "/\\", "\\", "/\u00a0/evil"[:4],
	"http://portal.example@evil.example/", "//evil.example/%2f..", "//evil.example\\@portal.example", "/\u3000/evil.example" + strings.Repeat("x", 2000),
}

func TestOnlyPathsOfOursAreLocal(t *testing.T) {
	t.Parallel()
	for _, to := range tricks {
		if got := respond.Local(to); got != "" {
			t.Errorf("%q passes as %q", to, got)
		}
	}
	for _, to := range []string{"/", "/admin", "/devportal/apis/1?tab=plans#gold", "/a%20b", "/a?next=//evil.example", "/a?u=https://x.example", "/a.b/-/~c", "/%C3%A9"} {
		if got := respond.Local(to); got != to {
			t.Errorf("%q becomes %q", to, got)
		}
	}
}

// Whatever passes, a browser on our site stays on it.
func TestLocalNeverLeaves(t *testing.T) {
	t.Parallel()
	here, err := url.Parse("https://portal.example/sign-in")
	if err != nil {
		t.Fatal(err)
	}
	signs := rapid.StringOfN(rapid.RuneFrom([]rune("/\\.:@?#%ae0259f \t\n\x00é")), 0, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		to := "/" + signs.Draw(t, "to")
		got := respond.Local(to)
		if got == "" {
			return
		}
		// Browsers leave out tabs and line ends, and read \ as /.
		read := strings.NewReplacer("\t", "", "\n", "", "\r", "", "\\", "/").Replace(got)
		u, err := here.Parse(read)
		if err != nil || u.Host != here.Host || u.Scheme != here.Scheme || strings.HasPrefix(u.Path, "//") {
			t.Fatalf("%q leads to %v, %v", to, u, err)
		}
	})
}

func TestAwayIsAList(t *testing.T) {
	t.Parallel()
	app := fiber.New(fiber.Config{Immutable: true, DisableStartupMessage: true})
	site := respond.Site{Away: []string{"https://checkout.stripe.com", "http://127.0.0.1:12111"}}
	app.Get("/", func(c *fiber.Ctx) error {
		respond.SetSite(c, &site)
		return respond.Away(c, c.Query("to"))
	})
	for to, want := range map[string]int{
		"https://checkout.stripe.com/c/pay/cs_test_1#frag": 303, "http://127.0.0.1:12111/pay/cs_1": 303,
		"http://checkout.stripe.com/": 500, "https://checkout.stripe.com:8443/": 500, "https://checkout.stripe.com@evil.example/": 500,
		"https://a:b@checkout.stripe.com/": 500, "https://checkout.stripe.com.evil.example/": 500, "//checkout.stripe.com/": 500,
		"javascript:alert(1)": 500, "/local": 500, "": 500, "http://127.0.0.1:12112/": 500,
	} {
		resp, err := app.Test(httptest.NewRequest(http.MethodGet, "/?to="+url.QueryEscape(to), nil), -1)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != want {
			t.Errorf("%q: %d, want %d", to, resp.StatusCode, want)
		}
	}
}
