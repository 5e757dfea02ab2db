package gateway

import (
	"strconv"
	"time"

	"tollgate/access"
)

// The types of the gateway's own problems, beside those of package access: the last
// part of a type URI.
const (
	KeyMissing    = "api-key-missing"
	KeyUnknown    = "api-key-unknown"
	KeyExpired    = "api-key-expired"
	KeyRevoked    = "api-key-revoked"
	APIUnknown    = "api-not-found"
	NotSubscribed = "not-subscribed"
	BurstSpent    = "burst-spent"
	QuotaSpent    = "quota-spent"
	TooBusy       = "too-busy"            // too many calls are in flight
	NotCurrent    = "gateway-not-current" // the gateway cannot see what changed
)

var (
	keyMissing    = access.Problem{Status: 401, Type: KeyMissing, Title: "The call brings no API key."}
	keyUnknown    = access.Problem{Status: 401, Type: KeyUnknown, Title: "The API key is not known."}
	keyExpired    = access.Problem{Status: 401, Type: KeyExpired, Title: "The API key has expired."}
	keyRevoked    = access.Problem{Status: 401, Type: KeyRevoked, Title: "The API key was revoked."}
	apiUnknown    = access.Problem{Status: 404, Type: APIUnknown, Title: "There is no API at this path."}
	notSubscribed = access.Problem{Status: 403, Type: NotSubscribed, Title: "The application is not subscribed to this API."}
	burstSpent    = access.Problem{Status: 429, Type: BurstSpent, Title: "Calls come faster than the plan allows."}
	quotaSpent    = access.Problem{Status: 429, Type: QuotaSpent, Title: "The plan's quota is used up."}
	tooBusy       = access.Problem{Status: 503, Type: TooBusy, Title: "The gateway has too many calls under way."}
	notCurrent    = access.Problem{Status: 503, Type: NotCurrent, Title: "The gateway cannot see whether this call may pass."}
)

const (
	sensibleWait = time.Hour       // programs may wait that long for a quota; else somebody has to decide
	briefly      = 2 * time.Second // until what is reserved elsewhere may be free again
)

// The answers that hang on nothing else.
var (
	// Busy is for a call that finds no place among the calls in flight.
	Busy = Refusal{Problem: tooBusy, Detail: "Try again in a moment.", RetryAfter: time.Second}
	// Blind is for a call about which nothing can be found out.
	Blind = Refusal{Problem: notCurrent, Detail: "What it depends on cannot be read at the moment. Nothing was counted; try again shortly.", RetryAfter: 5 * time.Second}
)

// TooFast is the answer to a call above the burst limit.
func TooFast(r Rate, b Burst) Refusal {
	return Refusal{
		Problem: burstSpent, Detail: "The plan allows " + calls(r.Count) + " " + perUnit(r.Per) + ". Wait as long as Retry-After says.",
		Limit: r.Count, Used: r.Count, RetryAfter: b.Wait, Limits: []Limit{r.Limit(b)},
	}
}

func perUnit(d time.Duration) string {
	switch d {
	case time.Second:
		return "a second"
	case time.Hour:
		return "an hour"
	}
	return "a minute"
}

// Spent is the answer to a call above a quota of which used units are used, at a
// business time in the window that ends then. If units are left, other gateways have
// them reserved. Retry-After is given only where a program can sensibly wait.
func Spent(q Quota, used int64, start, end, now time.Time) Refusal {
	limit := q.Limit(used, start, end, now)
	r := Refusal{Problem: quotaSpent, Limit: q.Units, Used: used, ResetsAt: end}
	switch wait := end.Sub(now); {
	case used < q.Units:
		r.Detail, r.RetryAfter = "The last units of this quota are reserved for calls that are under way. Try again in a moment.", min(briefly, wait)
	case wait <= sensibleWait:
		r.Detail, r.RetryAfter = "It begins anew at "+end.Format(shownTime)+".", wait
	default:
		r.Detail = "It begins anew at " + end.Format(shownTime) + ". Until then only a plan with a larger quota helps; trying again does not."
	}
	limit.Remaining = 0
	r.Limits = []Limit{limit}
	return r
}

// shownTime is how problems write an instant, which is in UTC.
const shownTime = "2 January 2006, 15:04 UTC"

func calls(n int64) string {
	if n == 1 {
		return "one call"
	}
	return strconv.FormatInt(n, 10) + " calls"
}

// Problems returns the gateway's own problems, one of each type.
func Problems() []access.Problem {
	return []access.Problem{keyMissing, keyUnknown, keyExpired, keyRevoked, apiUnknown, notSubscribed, burstSpent, quotaSpent, tooBusy, notCurrent}
}
