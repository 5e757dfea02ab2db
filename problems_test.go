package main

import (
	"html"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tollgate/access"
	"tollgate/gateway"
	"tollgate/gateway/proxy"
)

// The type of every answer of the gateway leads to a page that says what to do.
func TestEveryProblemIsExplained(t *testing.T) {
	t.Parallel()
	s := house(t)
	visitor := &guest{base: s.portalURL}
	seen := map[string]bool{}
	for _, p := range slices.Concat(access.Problems(), gateway.Problems(), proxy.Problems()) {
		if seen[p.Type] {
			t.Errorf("%s is the type of two problems", p.Type)
		}
		seen[p.Type] = true
		got := visitor.ask(t, http.MethodGet, "text/html", "/problems/"+p.Type, nil)
		if got.status != http.StatusOK || !strings.Contains(got.text, html.EscapeString(p.Title)) || strings.Contains(got.text, `<p class="lead"></p>`) {
			t.Errorf("%s is explained with %d:\n%s", p.Type, got.status, got.text)
		}
	}
	if got := visitor.ask(t, http.MethodGet, "text/html", "/problems/none-such", nil); got.status != http.StatusNotFound {
		t.Errorf("an unknown type is %d", got.status)
	}
	if got := visitor.ask(t, http.MethodGet, "text/html", "/problems", nil); got.status != http.StatusOK || !strings.Contains(got.text, "quota-spent") {
		t.Errorf("the list is %d", got.status)
	}
}
