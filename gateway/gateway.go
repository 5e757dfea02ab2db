// Package gateway decides about one call: may it pass, and if not, what is the
// caller told. It is pure: what it needs to know is handed to it, and it neither
// reads a clock nor a database.
package gateway

import (
	"net/url"
	"time"

	"tollgate/access"
)

// An Ask is a call that wants to pass.
type Ask struct {
	Path   string // escaped, as CleanPath returns it
	Key    string // the API key it brings, "" for none
	Tenant int64  // if not 0, only this tenant's APIs and keys are known: it asks for calls of its own gateway
}

// A Pass lets one call through. It is given back by Settle once, whatever became of
// the call: it holds a place among the calls in flight, and units of a quota.
type Pass struct {
	Tenant       int64
	Subscription int64
	UUID         string // the subscription's, by which others know it
	API          int64  // the API subscribed to, which for a product is not the one that answers
	Policy       int64
	KeyType      access.KeyType
	Metered      bool // its units are sold, so they are sent to Stripe
	Upstream     *Upstream
	Rest         string // escaped path below the upstream's, "" or beginning with a slash
	Counting     *Counting
	Limits       []Limit // for the answer's headers
	Held         int64   // units held for it of a quota
	Window       int64   // when the window of that quota began, in Unix milliseconds

	Application int64
	Key         string // id of the key, which is not the key itself
}

// An Upstream is where an API really is. It is shared by calls and never changed.
type Upstream struct {
	API      int64 // the API that answers
	URL      *url.URL
	Upgrades bool // websockets and the like are let through
}

// A Limit is one limit as a caller is told of it (draft-ietf-httpapi-ratelimit-headers).
type Limit struct {
	Name      string // burst or quota
	Limit     int64
	Remaining int64 // never below 0
	Window    time.Duration
	Resets    time.Duration // from now
}

// A Refusal is the answer to a call that does not pass.
type Refusal struct {
	access.Problem
	Detail     string // one sentence for the developer who reads it
	Limit      int64  // with a spent limit: how much there is, and how much of it is used
	Used       int64
	ResetsAt   time.Time     // zero: waiting does not help
	RetryAfter time.Duration // 0: waiting does not help
	Link       string        // path on the portal where something can be done about it, "" for none
	Limits     []Limit

	// What the call was for, as far as that is known; else 0.
	Tenant, API, Application, Subscription, Policy int64
}
