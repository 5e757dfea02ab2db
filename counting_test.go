package main

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tollgate/catalog"
	"tollgate/gateway"
)

// Whatever list of statuses the catalogue keeps, the gateway reads, and counts what
// was typed.
func TestTheGatewayReadsWhatTheCatalogueKeeps(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		typed := rapid.StringMatching(`([1-6][0-9x]{2}|[2-5]XX|[2-5]xx|[a-z0-9+-]{1,4})([ ,]{1,3}([2-5][0-9]{2}|[2-5]xx|[0-9x]{3})){0,6}`).Draw(t, "typed")
		kept, problem := catalog.ReadStatuses(typed)
		if problem != "" {
			if kept != "" {
				t.Fatalf("%q is refused and kept as %q", typed, kept)
			}
			return
		}
		counting, err := gateway.CountListed(kept, "")
		if err != nil {
			t.Fatalf("%q is kept as %q: %v", typed, kept, err)
		}
		for _, part := range strings.Split(kept, ",") {
			status := 100*int(part[0]-'0') + 7
			if !strings.HasSuffix(part, "xx") {
				status = 100*int(part[0]-'0') + 10*int(part[1]-'0') + int(part[2]-'0')
			}
			if !counting.Counts(status) {
				t.Errorf("%q does not count %d", kept, status)
			}
		}
	})
}
