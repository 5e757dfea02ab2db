package billing

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNamesAreTheirPartsAndNoOthers(t *testing.T) {
	t.Parallel()
	parts := rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("a1:é")), 0, 4, -1), 1, 4)
	rapid.Check(t, func(t *rapid.T) {
		a, b := parts.Draw(t, "a"), parts.Draw(t, "b")
		same := len(a) == len(b) && strings.Join(a, "\x00") == strings.Join(b, "\x00")
		if (named(a...) == named(b...)) != same {
			t.Fatalf("%q and %q: %s, %s", a, b, named(a...), named(b...))
		}
		if n := named(a...); len(n) > 64 || !strings.HasPrefix(n, "tg_") {
			t.Fatalf("%q is named %s", a, n)
		}
	})
}

func TestEachThingHasANameOfItsOwn(t *testing.T) {
	t.Parallel()
	here, there := &Sales{Installation: "here"}, &Sales{Installation: "there"}
	seen := map[string]bool{}
	for _, name := range []string{
		here.productID("api", "acct"), there.productID("api", "acct"), here.productID("acct", "api"), here.eventName("api", "plan"), there.eventName("api", "plan"),
		here.lookupKey("api", "plan", "v1", "fixed", "usd", "acct"), here.lookupKey("api", "plan", "v2", "fixed", "usd", "acct"),
		here.lookupKey("api", "plan", "v1", "usage", "usd", "acct"), here.lookupKey("api", "plan", "v1", "fixed", "eur", "acct"), here.lookupKey("api", "plan", "v1", "fixed", "usd", "acct2"),
		here.planProductID("plan"), here.planEventName("plan"), here.planLookupKey("plan", "v1"), there.planLookupKey("plan", "v1"),
	} {
		if seen[name] {
			t.Errorf("%s twice", name)
		}
		seen[name] = true
	}
	if here.eventName("api", "plan") != here.eventName("api", "plan") {
		t.Error("a name changes")
	}
}
