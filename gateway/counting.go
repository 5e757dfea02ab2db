package gateway

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// MostUnits is the most that one answer may say it is worth, so that a faulty
// upstream cannot run up a bill nobody can pay by one header, nor sums overflow.
const MostUnits = 1_000_000_000

// Counting is what counts as a call of an API, and how much.
type Counting struct {
	statuses    [600]bool
	UnitsHeader string // response header that says how many units a call is; "": each is one
}

// CountSuccess counts what the upstream answers with 200 to 299.
func CountSuccess(unitsHeader string) *Counting {
	c := &Counting{UnitsHeader: unitsHeader}
	c.count(200, 299)
	return c
}

// CountAll counts every answer of the upstream.
func CountAll(unitsHeader string) *Counting {
	c := &Counting{UnitsHeader: unitsHeader}
	c.count(100, 599)
	return c
}

// CountListed counts the answers whose status is in list: numbers such as 200 and
// classes such as 4xx, with commas between them.
func CountListed(list, unitsHeader string) (*Counting, error) {
	c := &Counting{UnitsHeader: unitsHeader}
	for _, part := range strings.Split(list, ",") {
		part = strings.ToLower(strings.TrimSpace(part))
		if class, is := strings.CutSuffix(part, "xx"); is && slices.Contains([]string{"2", "3", "4", "5"}, class) {
			from := int(class[0]-'0') * 100
			c.count(from, from+99)
			continue
		}
		status, err := strconv.Atoi(part)
		if err != nil || status < 200 || status > 599 || len(part) != 3 {
			return nil, fmt.Errorf("%q is no status: write numbers from 200 to 599, or classes such as 2xx", part)
		}
		c.count(status, status)
	}
	return c, nil
}

func (c *Counting) count(from, to int) {
	for s := from; s <= to; s++ {
		c.statuses[s] = true
	}
}

// Counts reports whether an answer with this status counts.
func (c *Counting) Counts(status int) bool {
	return status >= 0 && status < len(c.statuses) && c.statuses[status]
}

// Units returns how many units an answer is worth that counts, by the value of the
// units header: one without such a header, and never more than MostUnits. A header
// that says no whole number of 0 or more is taken for one unit and reported as faulty.
func (c *Counting) Units(value string) (units int64, faulty bool) {
	if c.UnitsHeader == "" {
		return 1, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	if err != nil || n < 0 {
		return 1, true
	}
	if n > MostUnits {
		return MostUnits, true
	}
	return n, false
}
