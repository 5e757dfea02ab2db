package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tollgate/access"
	"tollgate/gateway"
)

// states are what subscriptions may be in, by how a problem's type is called; "" passes.
var states = map[string]access.Facts{
	"":                                {},
	"subscription-ended":              {EndedAt: noon, ServedOnce: true},
	"subscription-awaits-approval":    {AwaitsApproval: true},
	"payment-required":                {NeedsPayment: true, Stripe: "unpaid"},
	"payment-processing":              {NeedsPayment: true, Checkout: access.Processing},
	"subscription-blocked":            {Hold: access.HoldAll},
	"payment-disputed":                {NeedsPayment: true, Stripe: "active", MoneyHold: access.Disputed},
	"payment-refunded":                {NeedsPayment: true, Stripe: "active", MoneyHold: access.Refunded},
	"payment-authentication-required": {NeedsPayment: true, Stripe: "past_due", ActionNeeded: true},
}

var statuses = map[string]int{
	"subscription-ended": 403, "subscription-awaits-approval": 403, "payment-required": 402, "payment-processing": 402, "subscription-blocked": 403,
	"payment-disputed": 403, "payment-refunded": 403, "payment-authentication-required": 402,
	gateway.KeyMissing: 401, gateway.KeyUnknown: 401, gateway.KeyExpired: 401, gateway.KeyRevoked: 401,
	gateway.APIUnknown: 404, gateway.NotSubscribed: 403, gateway.NotCurrent: 503,
}

// Every case there is: whether the path leads anywhere, the key, the subscription
// and its state, and how current the gateway is.
func TestEveryCaseIsDecided(t *testing.T) {
	t.Parallel()
	keys := map[gateway.KeyState]string{gateway.NoKey: gateway.KeyMissing, gateway.UnknownKey: gateway.KeyUnknown, gateway.ExpiredKey: gateway.KeyExpired, gateway.RevokedKey: gateway.KeyRevoked, gateway.GoodKey: ""}
	for _, found := range []bool{false, true} {
		for key, badKey := range keys {
			for _, subscribed := range []bool{false, true} {
				for state, facts := range states {
					for _, metered := range []bool{false, true} {
						for _, behind := range []time.Duration{0, 10 * time.Second, 11 * time.Second, time.Minute, 61 * time.Second} {
							want := state
							switch {
							case behind > time.Minute:
								want = gateway.NotCurrent
							case !found:
								want = gateway.APIUnknown
							case badKey != "":
								want = badKey
							case !subscribed:
								want = gateway.NotSubscribed
							case want == "" && metered && behind > 10*time.Second:
								want = gateway.NotCurrent
							}
							facts.Now = noon
							c := gateway.Case{
								Found: found, Key: key, KeyType: access.Production, KeyEnded: noon, Subscribed: subscribed, State: access.Of(facts), Metered: metered, Behind: behind,
								APILink: "/api", SubscriptionLink: "/sub", KeyLink: "/keys",
							}
							check(t, c, gateway.Decide(&c), want)
						}
					}
				}
			}
		}
	}
}

func check(t *testing.T, c gateway.Case, got *gateway.Refusal, want string) {
	t.Helper()
	if got == nil || want == "" {
		if got != nil || want != "" {
			t.Errorf("%+v: %+v, want %q", c, got, want)
		}
		return
	}
	if got.Type != want || got.Status != statuses[want] || got.Title == "" || got.Detail == "" {
		t.Errorf("%+v: %+v, want %q", c, got, want)
	}
	link := map[int]string{401: "/keys", 404: "/devportal", 402: "/sub", 403: "/sub", 503: ""}[got.Status]
	if want == gateway.NotSubscribed {
		link = "/api"
	}
	if got.Link != link || (got.RetryAfter > 0) != (got.Status == 503) {
		t.Errorf("%s leads to %q after %v", want, got.Link, got.RetryAfter)
	}
}

func TestSandboxKeysPassWhereOnlyProductionIsBlocked(t *testing.T) {
	t.Parallel()
	c := gateway.Case{Found: true, Key: gateway.GoodKey, Subscribed: true, State: access.Of(access.Facts{Hold: access.HoldProduction, Now: noon}), KeyType: access.Sandbox}
	if got := gateway.Decide(&c); got != nil {
		t.Errorf("a sandbox key is refused: %+v", got)
	}
	c.KeyType = access.Production
	if got := gateway.Decide(&c); got == nil || got.Type != "subscription-blocked" {
		t.Errorf("a production key: %+v", got)
	}
}

func TestARefusalSaysWhatAPersonReads(t *testing.T) {
	t.Parallel()
	c := gateway.Case{Found: true, Key: gateway.GoodKey, Subscribed: true, State: access.Of(access.Facts{EndedAt: noon, ServedOnce: true, Now: noon})}
	if got := gateway.Decide(&c); got.Detail != "This subscription ended on 8 December 2026, 12:00 UTC." {
		t.Errorf("it says %q", got.Detail)
	}
}

func TestOnlyWhoCanWaitIsToldTo(t *testing.T) {
	t.Parallel()
	month := gateway.Quota{Units: 1000, Every: 1, Unit: "month", Stop: true}
	start, end := month.Window(noon)
	spent := gateway.Spent(month, 1003, start, end, noon)
	if spent.Status != 429 || spent.Type != gateway.QuotaSpent || spent.Limit != 1000 || spent.Used != 1003 || !spent.ResetsAt.Equal(end) || spent.RetryAfter != 0 {
		t.Errorf("a month's quota: %+v", spent)
	}
	if !strings.Contains(spent.Detail, "1 January 2027, 00:00 UTC") || spent.Limits[0].Remaining != 0 {
		t.Errorf("it says %q", spent.Detail)
	}
	minute := gateway.Quota{Units: 10, Every: 1, Unit: "min", Stop: true}
	start, end = minute.Window(noon.Add(20 * time.Second))
	if spent := gateway.Spent(minute, 10, start, end, noon.Add(20*time.Second)); spent.RetryAfter != 40*time.Second {
		t.Errorf("a minute's quota: %+v", spent)
	}
	if spent := gateway.Spent(month, 999, start, end, noon); spent.RetryAfter != 2*time.Second || strings.Contains(spent.Detail, "anew") {
		t.Errorf("reserved elsewhere: %+v", spent)
	}
	rate := gateway.RateOf(1, "hour")
	fast := gateway.TooFast(rate, gateway.Burst{Wait: 90 * time.Second, Full: time.Hour})
	h := http.Header{}
	fast.WriteHeader(h)
	if fast.Status != 429 || fast.Type != gateway.BurstSpent || h.Get("Retry-After") != "90" || h.Get("RateLimit") != `"burst";r=0;t=3600` || !strings.Contains(fast.Detail, "one call an hour") {
		t.Errorf("too fast: %+v, %v", fast, h)
	}
}

func TestWhoHasNoKeyIsToldHowToBringOne(t *testing.T) {
	t.Parallel()
	for key, want := range map[gateway.KeyState]string{
		gateway.NoKey:      `Bearer realm="tollgate"`,
		gateway.RevokedKey: `Bearer realm="tollgate", error="invalid_token", error_description="The API key was revoked."`,
	} {
		h := http.Header{}
		c := gateway.Case{Found: true, Key: key}
		gateway.Decide(&c).WriteHeader(h)
		if got := h.Get("WWW-Authenticate"); got != want {
			t.Errorf("WWW-Authenticate is %q", got)
		}
	}
}
