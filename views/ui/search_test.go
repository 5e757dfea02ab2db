package ui_test

import (
	"strings"
	"testing"

	"tollgate/views/ui"
)

// A search keeps the filter that is chosen, and nothing of where one was in the list.
func TestASearchKeepsTheFilter(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	filters := []ui.Link{{Href: "/x"}, {Href: "/x?show=blocked&api=a%221&q=old&before=7", Current: true}}
	if err := ui.Search("/x", "Search", "new", filters...).Render(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`name="show" value="blocked"`, `name="api" value="a&#34;1"`, `name="q" type="search" value="new"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %s in %s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "before") || strings.Contains(out.String(), "old") {
		t.Errorf("it keeps the place: %s", out.String())
	}
}
