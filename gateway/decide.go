package gateway

import (
	"time"

	"tollgate/access"
)

// How long a gateway that hears of no changes goes on (reliability: what is not
// known to be allowed is not sold). Metered calls could not be recorded either.
const (
	TrustMetered = 10 * time.Second
	TrustFixed   = time.Minute
)

// A KeyState is what is known of the key of a call.
type KeyState int

// The states of a key. The zero KeyState is none at all.
const (
	NoKey KeyState = iota
	UnknownKey
	ExpiredKey
	RevokedKey
	GoodKey
)

// A Case is what is known about a call. Links are paths on the portal.
type Case struct {
	Found  bool          // its path leads to an API that is published
	Behind time.Duration // how long ago the gateway last heard whether anything changed

	Key      KeyState
	KeyType  access.KeyType
	KeyEnded time.Time // of an expired key
	KeyLink  string    // where its owner finds its keys

	Subscribed       bool
	State            access.State
	Metered          bool
	APILink          string
	SubscriptionLink string
}

// Decide returns why a call may not pass, nil if it may as far as its plan's limits
// allow. What is wrong with the call itself comes first, then what can be mended by
// its owner, then what only waiting helps against.
func Decide(c *Case) *Refusal {
	switch {
	case c.Behind > TrustFixed:
		return &Refusal{Problem: notCurrent, Detail: Blind.Detail, RetryAfter: Blind.RetryAfter}
	case !c.Found:
		return &Refusal{Problem: apiUnknown, Detail: "Paths begin with the context and version of an API, as its page in the developer portal says.", Link: "/devportal"}
	case c.Key != GoodKey:
		return badKey(c)
	case !c.Subscribed:
		return &Refusal{Problem: notSubscribed, Detail: "Choose a plan for it on the API's page.", Link: c.APILink}
	}
	if problem, refused := c.State.Refusal(c.KeyType); refused {
		return &Refusal{Problem: problem, Detail: sentence(c.State.Sentence), Link: c.SubscriptionLink}
	}
	if c.Metered && c.Behind > TrustMetered {
		return &Refusal{Problem: notCurrent, Detail: Blind.Detail, RetryAfter: Blind.RetryAfter}
	}
	return nil
}

func badKey(c *Case) *Refusal {
	r := &Refusal{Link: c.KeyLink}
	switch c.Key {
	case NoKey:
		r.Problem, r.Detail = keyMissing, "Send the key of an application in the header apikey, or as Authorization: Bearer."
	case ExpiredKey:
		r.Problem, r.Detail = keyExpired, "It worked until "+c.KeyEnded.Format(shownTime)+". Generate a new one for its application."
	case RevokedKey:
		r.Problem, r.Detail = keyRevoked, "Its owner ended it for good. Generate a new one for its application."
	case UnknownKey, GoodKey:
		r.Problem, r.Detail = keyUnknown, "See whether it is whole, and meant for this gateway."
	}
	if r.Link == "" {
		r.Link = "/devportal/applications"
	}
	return r
}

// sentence writes what a person reads about a state as one line.
func sentence(s access.Sentence) string {
	if s.At.IsZero() {
		return s.Before + s.After
	}
	return s.Before + s.At.UTC().Format(shownTime) + s.After
}
