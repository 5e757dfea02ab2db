package catalog

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tollgate/internal/fault"
	"tollgate/models"
)

// mostStatuses is how long a list of statuses may be, as it is kept.
const mostStatuses = 200

// headerForm is what the name of a header may be.
var headerForm = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,80}$")

// ReadStatuses reads which answers count, as typed: statuses from 200 to 599 and
// classes such as 4xx, with commas or spaces between them. It returns them as they
// are kept and as the gateway reads them: each once, with commas between. On a
// mistake it says what it is.
func ReadStatuses(text string) (kept, problem string) {
	var all []string
	for part := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r' }) {
		if !isStatus(part) {
			return "", "Write statuses from 200 to 599, or classes such as 4xx. " + strconv.Quote(part) + " is neither."
		}
		if !slices.Contains(all, part) {
			all = append(all, part)
		}
	}
	switch kept = strings.Join(all, ","); {
	case kept == "":
		return "", "Say which answers count, such as 200, 202, 4xx."
	case len(kept) > mostStatuses:
		return "", "These are too many. Use classes such as 2xx."
	}
	return kept, ""
}

// isStatus reports whether part is a status from 200 to 599 or a class such as 4xx.
func isStatus(part string) bool {
	if len(part) != 3 || part[0] < '2' || part[0] > '5' {
		return false
	}
	digit := func(b byte) bool { return b >= '0' && b <= '9' }
	return part[1:] == "xx" || digit(part[1]) && digit(part[2])
}

// checkCounting reports what is wrong with how calls are to be counted.
func (in APIInput) checkCounting(f *fault.Fields) {
	f.Check(oneOf(in.Counting, models.CountSuccess, models.CountAll, models.CountListed), "counting", "Choose what counts.")
	if in.Counting == models.CountListed {
		_, problem := ReadStatuses(in.Statuses)
		f.Check(problem == "", "statuses", problem)
	}
	f.Check(in.UnitsHeader == "" || headerForm.MatchString(in.UnitsHeader), "units_header", "Write the name of a header, such as X-Units: letters, digits and dashes, at most 80.")
}

// count puts into a how its calls are counted. An API product has no upstream of its
// own that could switch protocols.
func (in APIInput) count(a *models.API) {
	a.Counting, a.CountingStatuses, a.UnitsHeader = in.Counting, "", in.UnitsHeader
	if in.Counting == models.CountListed {
		a.CountingStatuses, _ = ReadStatuses(in.Statuses)
	}
	a.Upgrades = in.Upgrades && a.Type != models.TypeProduct
}

// counted says for the audit how an API's calls are counted.
func counted(a models.API) map[string]string {
	yes := map[bool]string{true: "yes"}
	return map[string]string{
		"context": a.Context, "upstream": a.Upstream, "counting": strings.TrimSpace(a.Counting + " " + a.CountingStatuses),
		"units_header": a.UnitsHeader, "websockets": yes[a.Upgrades],
	}
}
