package sandbox

import (
	"slices"
	"strings"
)

// A version is one of Stripe's API versions, such as "2025-08-27.basil". They
// order as text, because each begins with its date.
type version string

// The versions where a shape changes, and the one that objects are kept in. What
// was added within dahlia is there from its first version on: readers pass over
// what they do not know.
const (
	basil  version = "2025-03-31.basil"
	clover version = "2025-09-30.clover"
	dahlia version = "2026-03-25.dahlia"
	newest version = "2026-08-26.dahlia"
)

// versions are all that are understood. Endive is newer than any specification
// this sandbox could be checked against; it is rendered as the newest dahlia.
var versions = []version{
	basil, "2025-04-30.basil", "2025-05-28.basil", "2025-06-30.basil", "2025-07-30.basil", "2025-08-27.basil",
	clover, "2025-10-29.clover", "2025-11-17.clover", "2025-12-15.clover", "2026-01-28.clover", "2026-02-25.clover",
	dahlia, "2026-04-22.dahlia", "2026-05-27.dahlia", "2026-06-24.dahlia", "2026-07-29.dahlia", newest,
	"2026-09-30.endive", "2026-10-28.endive",
}

// before reports whether v is older than w.
func (v version) before(w version) bool { return v < w }

// parseVersion reads a Stripe-Version header. What follows a semicolon are
// opt-ins to previews, which change nothing here.
func parseVersion(header string) (version, error) {
	text, _, _ := strings.Cut(header, ";")
	v := version(strings.TrimSpace(text))
	if !slices.Contains(versions, v) {
		return "", early(invalid("", "Invalid Stripe API version: %s. This sandbox speaks the versions from %s to %s.", shorten(header), versions[0], versions[len(versions)-1]))
	}
	return v, nil
}
