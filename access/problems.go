package access

import (
	"cmp"
	"maps"
	"slices"
)

// Problems returns every answer that Refusal gives, one of each type.
func Problems() []Problem {
	byType := map[string]Problem{}
	for _, r := range slices.Sorted(maps.Keys(problems)) {
		if p := problems[r]; byType[p.Type] == (Problem{}) {
			byType[p.Type] = p
		}
	}
	return slices.SortedFunc(maps.Values(byType), func(a, b Problem) int { return cmp.Compare(a.Type, b.Type) })
}
