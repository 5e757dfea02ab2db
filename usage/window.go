package usage

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"slices"
	"strconv"
	"time"

	"tollgate/models"
)

// The lengths and waits of sealing, all by business time.
const (
	settleWait  = time.Minute     // after an hour, for rows that commit late
	nearEnd     = time.Hour       // around the end of a period windows are short
	shortWindow = 5 * time.Minute // that short
	lastSeal    = time.Minute     // before a period ends all there is goes out

	// draftOpen is how long after a period its invoice still takes use: Stripe keeps
	// the draft for an hour, and needs some minutes to count.
	draftOpen = 55 * time.Minute
	// oldestEvent is a day less than what Stripe accepts.
	oldestEvent = 34 * 24 * time.Hour
)

// A span is a stretch of business time in whole seconds: from its start, and before
// its end.
type span struct{ start, end models.Instant }

// identifier names a window to Stripe by what it is and nothing else, so that the
// same window has the same name whoever makes it, and after a backup was restored.
func identifier(installation string, w models.UsageWindow) string {
	h := sha256.New()
	for _, part := range []string{
		installation, strconv.FormatInt(int64(w.TenantID), 10), strconv.FormatInt(w.SubscriptionID, 10), strconv.FormatInt(w.PolicyID, 10),
		strconv.FormatInt(int64(w.Start), 10), strconv.Itoa(w.Revision),
	} {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])    //nolint:errcheck // a hash takes everything
		h.Write([]byte(part)) //nolint:errcheck // likewise
	}
	return "u1_" + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil))[:40]
}

// floor is the last multiple of step at or before t, counted from midnight UTC.
func floor(t models.Instant, step time.Duration) models.Instant {
	return t - t%models.Instant(step.Milliseconds())
}

// ceil is the first multiple of step at or after t.
func ceil(t models.Instant, step time.Duration) models.Instant {
	down := floor(t, step)
	if down == t {
		return t
	}
	return down + models.Instant(step.Milliseconds())
}

// A calendar is the instants at which periods of a subscription begin and end, in
// whole seconds.
type calendar []models.Instant

// near reports whether a period ends or has ended within an hour of t.
func (c calendar) near(t models.Instant) bool {
	reach := models.Instant(nearEnd.Milliseconds())
	return slices.ContainsFunc(c, func(at models.Instant) bool { return t >= at-reach && t <= at+reach })
}

// cut divides s where a period ends, and by step (0: nowhere else). s lies within
// one hour. Periods begin at the same time of day whatever the month, so s is also
// cut there on every other day: a period whose end nobody has told us of yet, or
// that we have forgotten, is in no window either.
func (c calendar) cut(s span, step time.Duration) []span {
	const day = models.Instant(24 * 3_600_000)
	at := []models.Instant{s.start, s.end}
	for _, end := range c {
		at = append(at, end, s.start-s.start%day+end%day)
	}
	if step > 0 {
		for t := floor(s.start, step) + models.Instant(step.Milliseconds()); t < s.end; t += models.Instant(step.Milliseconds()) {
			at = append(at, t)
		}
	}
	at = slices.DeleteFunc(at, func(t models.Instant) bool { return t < s.start || t > s.end })
	slices.Sort(at)
	at = slices.Compact(at)
	var out []span
	for i := 1; i < len(at); i++ {
		out = append(out, span{at[i-1], at[i]})
	}
	return out
}

// through returns up to when the calls of an hour may be sealed at now: when the
// hour is over and a minute has passed, or near the end of a period what is older
// than five minutes, everything just before it, and everything of it once it is over.
func (c calendar) through(hour, now models.Instant) models.Instant {
	end := hour + models.Instant(time.Hour.Milliseconds())
	if now >= end+models.Instant(settleWait.Milliseconds()) {
		return end
	}
	if !c.near(now) {
		return hour
	}
	limit := floor(now, shortWindow)
	for _, over := range c {
		switch last := over - models.Instant(lastSeal.Milliseconds()); {
		case now >= over:
			limit = max(limit, over)
		case now >= last:
			limit = max(limit, floor(now, time.Second))
		}
	}
	return min(limit, end)
}
