package ui

import (
	"maps"
	"net/url"
	"slices"
)

// places are what an address says of where in a list one is; a new search begins
// at its start.
var places = []string{"q", "before", "after", "page"}

// choices are the parameters that the chosen one of some filters stands for, so
// that a search keeps it.
func choices(filters []Link) []Choice {
	i := slices.IndexFunc(filters, func(l Link) bool { return l.Current })
	if i < 0 {
		return nil
	}
	u, err := url.Parse(filters[i].Href)
	if err != nil {
		return nil
	}
	var out []Choice
	q := u.Query()
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if !slices.Contains(places, name) {
			out = append(out, Choice{Value: name, Label: q.Get(name)})
		}
	}
	return out
}
