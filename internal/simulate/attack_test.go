package simulate_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/internal/fault"
	"tollgate/internal/simulate"
	"tollgate/models"
	"tollgate/sandbox"
)

// An attack is a delivery that somebody sends to a tenant's door.
type attack struct {
	what, domain, signature string
	body                    []byte
	replay                  bool // it is what Stripe sent, word for word
}

// attackers change a delivery in one way each.
var attackers = []func(r *rand.Rand, a *attack, n sandbox.Webhook, l *life){
	func(r *rand.Rand, a *attack, _ sandbox.Webhook, _ *life) {
		i := r.IntN(len(a.body))
		a.body[i] ^= 1 << r.IntN(8)
		a.what = fmt.Sprintf("bit flipped in byte %d", i)
	},
	func(r *rand.Rand, a *attack, _ sandbox.Webhook, _ *life) {
		i := r.IntN(len(a.body))
		a.body = a.body[:i]
		a.what = fmt.Sprintf("cut after %d bytes", i)
	},
	func(r *rand.Rand, a *attack, _ sandbox.Webhook, _ *life) {
		a.body = append(a.body, " \n\t}x"[r.IntN(5)])
		a.what = "a byte more"
	},
	func(r *rand.Rand, a *attack, n sandbox.Webhook, l *life) {
		ages := []time.Duration{-301 * time.Second, 301 * time.Second, -24 * time.Hour, 24 * time.Hour, 10 * 365 * 24 * time.Hour, -50 * 365 * 24 * time.Hour}
		age := ages[r.IntN(len(ages))] - time.Duration(0)
		a.signature, a.what = n.Signature(l.now.Add(age)), fmt.Sprintf("signed %s from now", age)
	},
	func(r *rand.Rand, a *attack, _ sandbox.Webhook, l *life) {
		secrets := []string{"", "whsec_", "whsec_short", strings.Repeat("x", 40), "whsec_" + strings.Repeat("A", 32), l.s.Key, l.w.B.Key}
		a.signature, a.what = signed(secrets[r.IntN(len(secrets))], a.body, l.now), "another secret"
	},
	func(r *rand.Rand, a *attack, n sandbox.Webhook, l *life) {
		t, v, _ := strings.Cut(n.Signature(l.now), ",")
		later := fmt.Sprintf("t=%d", l.now.Unix()+1+r.Int64N(200))
		games := []string{"", t, v, later + "," + v, t + "," + strings.Replace(v, "v1=", "v0=", 1), t + "," + v[:len(v)-1], t + "," + v + "0", t + ",v1=",
			t + "," + strings.ToUpper(v[:5]) + v[5:], t + ";" + v, "t=," + v, "t=-1," + v, "t=1e9," + v, "t=" + strings.Repeat("9", 40) + "," + v,
			strings.Repeat("v1=00,", 2000) + t, t + "," + strings.Repeat("v1=zz,", 50), "\x00" + t + "\x00" + v, t + ",v1=" + strings.Repeat("f", 64)}
		i := r.IntN(len(games))
		a.signature, a.what = games[i], fmt.Sprintf("header game %d", i)
	},
	func(_ *rand.Rand, a *attack, _ sandbox.Webhook, l *life) {
		a.domain, a.what = l.w.B.Tenant.Domain, "at the twin's door"
	},
	func(r *rand.Rand, a *attack, _ sandbox.Webhook, _ *life) {
		doors := []string{"nobody.example", "CARBON.SUPER ", "carbon.super'--", "../carbon.super", "%00", strings.Repeat("a", 5000), "twin example"}
		a.domain, a.what = doors[r.IntN(len(doors))], "at a door that is none"
	},
	func(r *rand.Rand, a *attack, n sandbox.Webhook, l *life) {
		extras := []string{n.Signature(l.now) + ",v1=" + strings.Repeat("0", 64), "v1=" + strings.Repeat("a", 64) + "," + n.Signature(l.now), n.Signature(l.now) + ",v0=" + strings.Repeat("1", 64)}
		a.signature, a.what, a.replay = extras[r.IntN(len(extras))], "signatures beside the right one", true
	},
	func(r *rand.Rand, a *attack, n sandbox.Webhook, l *life) {
		a.signature, a.replay, a.what = n.Signature(l.now.Add(time.Duration(r.IntN(599)-299)*time.Second)), true, "told again"
	},
}

func signed(secret string, body []byte, at time.Time) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}

// Two thousand deliveries that Stripe did not send, or sent before, change no row,
// and are answered with a clear no or not at all.
func TestMutatedDeliveriesChangeNothing(t *testing.T) {
	t.Parallel()
	l := newLife(t)
	l.mark()
	before := l.after
	l.paid("Gold")
	l.must(l.w.SetCard(l.ctx, l.s, l.theirs().Text("id"), "chargeCustomerFail"))
	l.untilRenewed()
	l.hear("")
	all, err := l.w.Webhooks(l.ctx, l.s, "")
	l.must(err)
	if len(all) < 3 || before == "" && len(all) == 0 {
		t.Fatalf("only %d deliveries", len(all))
	}
	rows, err := l.w.Store.Copy()
	l.must(err)
	r := rand.New(rand.NewPCG(3, 14)) //nolint:gosec // repeatable on purpose
	taken := 0
	for i := range 2000 {
		n := all[r.IntN(len(all))]
		a := attack{domain: l.s.Tenant.Domain, signature: n.Signature(l.now), body: append([]byte(nil), n.Body...)}
		attackers[i%len(attackers)](r, &a, n, l)
		changes, err := l.w.Store.Changes()
		l.must(err)
		err = l.p.Inbox.Receive(l.ctx, a.domain, a.body, a.signature)
		after, failed := l.w.Store.Changes()
		l.must(failed)
		if after != changes {
			t.Errorf("I-S2: %s: %d rows were written", a.what, after-changes)
		}
		if kind := fault.KindOf(err); !a.replay && kind != fault.Unauthenticated && kind != fault.Malformed {
			t.Errorf("I-S2: %s: answered with %v", a.what, err)
		} else if a.replay && err != nil {
			t.Errorf("%s: %v", a.what, err)
		}
		if err == nil {
			taken++
		}
	}
	l.work()
	after, err := l.w.Store.Copy()
	l.must(err)
	if sha256.Sum256(rows) != sha256.Sum256(after) {
		t.Error("I-S2: the database is not what it was")
	}
	if taken != 400 {
		t.Errorf("%d of 400 repetitions were answered with 200", taken)
	}
}

// keys are signing secrets as somebody may have misconfigured them.
type keys map[accounts.Scope][]string

// HookSecrets implements billing.HookSecrets.
func (k keys) HookSecrets(context.Context, models.TenantID) (map[accounts.Scope][]string, error) {
	return k, nil
}

// A secret that is missing, empty, short or malformed verifies nothing, whoever
// signs with it.
func TestNoSecretIsNoDoor(t *testing.T) {
	t.Parallel()
	l := newLife(t)
	l.paid("Gold")
	body := eventOf("evt_forged", l.s.Account, "subscription", l.theirs().Text("id"))
	for _, secret := range []string{"", " ", "whsec_", "whsec_short", "whsec_12345678901234567890123", "sk_test_012345678901234567890123456789", "whsec_ 0123456789012345678901234567", strings.Repeat("x", 64)} {
		for name, have := range map[string]keys{
			"connect":  {accounts.ScopeConnect: {secret}},
			"both":     {accounts.ScopeConnect: {secret, ""}, accounts.ScopePlatform: {secret}},
			"none":     {},
			"no value": {accounts.ScopeConnect: nil},
		} {
			inbox := *l.p.Inbox
			inbox.Secrets = have
			before, err := l.w.Store.Changes()
			l.must(err)
			for _, sign := range []string{secret, ""} {
				if err := inbox.Receive(l.ctx, "", body, signed(sign, body, l.now)); fault.KindOf(err) != fault.Unavailable {
					t.Errorf("I-S3: %s secret %q: %v", name, secret, err)
				}
			}
			if after, err := l.w.Store.Changes(); err != nil || after != before {
				t.Errorf("I-S3: %s secret %q wrote %d rows, %v", name, secret, after-before, err)
			}
		}
	}
}

// eventOf is an event as whoever has the secret could write it.
func eventOf(id, account, object, objectID string) []byte {
	kinds := map[string]string{"checkout.session": "checkout.session.completed", "subscription": "customer.subscription.deleted", "invoice": "invoice.paid",
		"customer": "customer.deleted", "charge": "charge.refunded", "dispute": "charge.dispute.created", "refund": "refund.created", "account": "account.updated",
		"application": "account.application.deauthorized", "product": "product.updated", "price": "price.updated", "subscription_schedule": "subscription_schedule.updated",
		"payment_intent": "payment_intent.succeeded"}
	body, err := json.Marshal(map[string]any{
		"id": id, "object": "event", "type": kinds[object], "account": account, "livemode": false, "created": 1796738400, "api_version": "2025-08-27.basil",
		"data": map[string]any{"object": map[string]any{"id": objectID, "object": object, "status": "canceled", "metadata": map[string]string{"subscription": "x"}}},
	})
	if err != nil {
		panic(err)
	}
	return body
}

// Whoever holds the signing secrets of one tenant can do nothing to another, whatever
// of the other's they name.
func TestADeputyIsNotConfused(t *testing.T) {
	t.Parallel()
	l := newLife(t)
	a := l.s
	l.paid("Gold")
	ours, mine := l.theirs(), l.uuid
	l.s, l.after = l.w.B, ""
	l.paid("Gold")
	theirs := l.everything()
	secrets := l.secrets(a)
	_ = mine
	before := l.picture(l.w.B)
	calls := 0
	l.w.Line.Hook = func(_ context.Context, c simulate.Call) simulate.Outcome {
		if c.Platform == l.w.B.Key || c.Account == l.w.B.Account {
			calls++
			t.Errorf("I-S4: %s", c)
		}
		return simulate.Outcome{}
	}
	n := 0
	for object, ids := range theirs {
		for _, id := range append(ids, ours.Text("id")) {
			for _, account := range []string{l.w.B.Account, a.Account, "", "acct_nobody000000"} {
				for _, secret := range secrets {
					for _, domain := range []string{a.Tenant.Domain, l.w.B.Tenant.Domain} {
						n++
						body := eventOf(fmt.Sprintf("evt_deputy%06d", n), account, object, id)
						err := l.p.Inbox.Receive(l.ctx, domain, body, signed(secret, body, l.now))
						if refused := fault.KindOf(err) == fault.Unauthenticated; refused != (domain == l.w.B.Tenant.Domain) {
							t.Errorf("I-S4: %s %s of account %q at %s: %v", object, id, account, domain, err)
						}
					}
				}
			}
		}
		l.work()
	}
	if after := l.picture(l.w.B); after != before {
		t.Errorf("I-S4: after %d events the twin has\n%s\nbefore it had\n%s", n, after, before)
	}
	l.w.Line.Hook = nil
	for _, s := range []*simulate.Seller{a, l.w.B} {
		wrong, err := l.w.Agree(l.ctx, l.p, s)
		l.must(err)
		for _, line := range wrong {
			t.Error(line)
		}
	}
	t.Logf("%d events, %d calls", n, calls)
}

// everything is each kind of object of the seller's, with their ids at Stripe.
func (l *life) everything() map[string][]string {
	l.t.Helper()
	out := map[string][]string{"account": {l.s.Account}, "application": {"ca_123"}, "dispute": {"dp_1"}, "refund": {"re_1"}, "subscription_schedule": {"sub_sched_1"}}
	for path, object := range map[string]string{"/v1/checkout/sessions": "checkout.session", "/v1/subscriptions?status=all": "subscription", "/v1/invoices": "invoice",
		"/v1/customers": "customer", "/v1/charges": "charge", "/v1/products": "product", "/v1/prices": "price", "/v1/payment_intents": "payment_intent"} {
		path, query, _ := strings.Cut(path, "?")
		form, err := url.ParseQuery(query)
		l.must(err)
		for _, d := range l.ask("GET "+path, form).List("data") {
			out[object] = append(out[object], d.Text("id"))
		}
		if len(out[object]) == 0 {
			l.t.Fatalf("the twin has no %s", object)
		}
	}
	return out
}

// secrets are what a seller's webhooks are signed with.
func (l *life) secrets(s *simulate.Seller) (all []string) {
	l.t.Helper()
	have, err := l.p.Tenants.HookSecrets(l.ctx, s.Tenant.ID)
	l.must(err)
	for _, some := range have {
		all = append(all, some...)
	}
	if len(all) != 2 {
		l.t.Fatalf("%d secrets", len(all))
	}
	return all
}

// picture is all that the database has of a seller, table by table.
func (l *life) picture(s *simulate.Seller) string {
	l.t.Helper()
	var out strings.Builder
	for _, rows := range []any{&[]models.Subscription{}, &[]models.StripeSubscription{}, &[]models.CheckoutSession{}, &[]models.Invoice{}, &[]models.SharedCustomer{},
		&[]models.StripeEvent{}, &[]models.Job{}, &[]models.TimelineEntry{}, &[]models.Notice{}, &[]models.PaymentIncident{}, &[]models.ConnectedAccount{},
		&[]models.API{}, &[]models.MonetizedPlan{}, &[]models.Drift{}} {
		l.must(l.p.DB.NewSelect().Model(rows).Where("tenant_id = ?", s.Tenant.ID).Scan(l.ctx))
		text, err := json.Marshal(rows)
		l.must(err)
		out.Write(append(text, '\n'))
	}
	return out.String()
}

var _ = billing.MaxDelivery
