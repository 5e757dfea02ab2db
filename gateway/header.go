package gateway

import (
	"net/http"
	"strconv"
	"time"
)

// The names of the headers that tell limits.
const (
	headerPolicy = "Ratelimit-Policy" // as http.Header spells RateLimit-Policy
	headerLimit  = "Ratelimit"
)

// WriteLimits tells a caller the limits of its call, as
// draft-ietf-httpapi-ratelimit-headers-10 has it: RateLimit-Policy says what is
// granted (q in w seconds), RateLimit what is left of it (r, for t more seconds).
// Headers of those names that an upstream wrote are replaced.
func WriteLimits(h http.Header, limits []Limit) {
	if len(limits) == 0 {
		return
	}
	var policy, left [96]byte
	p, l := policy[:0], left[:0]
	for i, limit := range limits {
		if i > 0 {
			p, l = append(p, ", "...), append(l, ", "...)
		}
		p = appendItem(p, limit.Name, ";q=", limit.Limit, ";w=", seconds(limit.Window))
		l = appendItem(l, limit.Name, ";r=", limit.Remaining, ";t=", seconds(limit.Resets))
	}
	values := []string{string(p), string(l)}
	h[headerPolicy], h[headerLimit] = values[:1:1], values[1:2:2]
}

// appendItem writes an item of a structured field: a string with two parameters.
// Integers there have at most 15 digits (RFC 9651).
func appendItem(to []byte, name, first string, a int64, second string, b int64) []byte {
	const most = 999_999_999_999_999
	to = append(append(append(to, '"'), name...), '"')
	to = strconv.AppendInt(append(to, first...), min(a, most), 10)
	return strconv.AppendInt(append(to, second...), min(b, most), 10)
}

// seconds returns d in whole seconds, rounded up, so that who waits that long has
// waited long enough.
func seconds(d time.Duration) int64 { return int64((max(d, 0) + time.Second - 1) / time.Second) }

// WriteHeader writes what a refusal tells in headers: how to sign in
// (WWW-Authenticate), when to come back (Retry-After), and the limits.
func (r *Refusal) WriteHeader(h http.Header) {
	if r.Status == http.StatusUnauthorized {
		value := `Bearer realm="tollgate"`
		if r.Type != KeyMissing {
			value += `, error="invalid_token", error_description="` + r.Title + `"`
		}
		h.Set("WWW-Authenticate", value)
	}
	if r.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(seconds(r.RetryAfter), 10))
	}
	WriteLimits(h, r.Limits)
}
