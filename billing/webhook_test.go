package billing_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/internal/testdb"
	"tollgate/models"
)

// receive hands a delivery over and returns the kind of fault it met.
func (s *shop) receive(domain string, body []byte, signature string) fault.Kind {
	return fault.KindOf(s.inbox.Receive(bg, domain, body, signature))
}

func (s *shop) events(t testing.TB, tenant models.TenantID) []models.StripeEvent {
	t.Helper()
	all, err := models.StripeEventPage(bg, s.db, tenant, models.StripeEventFilter{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestForgeriesAreRefusedAndLeaveNothing(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	body := s.about("checkout.session.completed", "cs_1").body()
	good := sign(secretConnect, body, s.now())
	for name, try := range map[string]struct {
		domain, signature string
		body              []byte
	}{
		"no signature":           {s.a.domain, "", body},
		"no v1":                  {s.a.domain, strings.Split(good, ",")[0], body},
		"an empty secret":        {s.a.domain, sign("", body, s.now()), body},
		"another secret":         {s.a.domain, sign("whsec_somebodyElsesSecretSecret01", body, s.now()), body},
		"the twin's secret":      {s.a.domain, sign(secretConnect+"b", body, s.now()), body},
		"the twin's domain":      {s.b.domain, good, body},
		"an unknown domain":      {"nobody.example", good, body},
		"no domain":              {"", good, body}, // carbon.super is not here
		"301 seconds old":        {s.a.domain, sign(secretConnect, body, s.now().Add(-301*time.Second)), body},
		"301 seconds ahead":      {s.a.domain, sign(secretConnect, body, s.now().Add(301*time.Second)), body},
		"changed white space":    {s.a.domain, good, append(bytes.Clone(body), ' ')},
		"a changed byte":         {s.a.domain, good, bytes.Replace(body, []byte("cs_1"), []byte("cs_2"), 1)},
		"another time, same mac": {s.a.domain, strings.Replace(good, "t=", "t=1", 1), body},
		"a mac in v0":            {s.a.domain, strings.Replace(good, "v1=", "v0=", 1), body},
	} {
		if got := s.receive(try.domain, try.body, try.signature); got != fault.Unauthenticated {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := s.receive(s.a.domain, body, good); got != fault.Internal || len(s.events(t, s.a.tenant)) != 1 {
		t.Errorf("the genuine one: %v, %d events", got, len(s.events(t, s.a.tenant)))
	}
}

func TestMutatedDeliveriesChangeNothing(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	body := s.about("checkout.session.completed", "cs_1").body()
	good := []byte(sign(secretConnect, body, s.now()))
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		b, sig := bytes.Clone(body), bytes.Clone(good)
		if r.IntN(2) == 0 {
			b[r.IntN(len(b))] ^= byte(1 + r.IntN(255))
		} else {
			i := 2 + r.IntN(len(sig)-2)
			if strings.ContainsRune(",=v1", rune(sig[i])) {
				continue
			}
			sig[i] ^= byte(1 + r.IntN(127))
			if strings.EqualFold(string(sig), string(good)) {
				continue // the same hexadecimal digit
			}
		}
		if got := s.receive(s.a.domain, b, string(sig)); got != fault.Unauthenticated {
			t.Fatalf("%q with %q: %v", b, sig, got)
		}
	}
	if n := len(s.events(t, s.a.tenant)); n > 0 {
		t.Errorf("%d events were stored", n)
	}
}

func TestWithoutASecretNothingIsVerified(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	body := s.about("checkout.session.completed", "cs_1").body()
	for _, secret := range []string{"", "whsec_", "whsec_short", "sk_test_notAWebhookSecretNotAWebhook"} {
		s.inbox.Secrets = secretsAre{accounts.ScopeConnect: {secret}}
		if got := s.receive(s.a.domain, body, sign(secret, body, s.now())); got != fault.Unavailable {
			t.Errorf("secret %q: %v, want unavailable", secret, got)
		}
	}
}

func TestUnreadableDeliveries(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	for name, body := range map[string]string{
		"not JSON":      "hello",
		"half of it":    `{"id":"evt_1","object":"event"`,
		"no id":         `{"object":"event","type":"invoice.paid"}`,
		"a strange id":  `{"id":"evt_1'; --","object":"event","type":"invoice.paid"}`,
		"a huge id":     `{"id":"` + strings.Repeat("e", 300) + `","object":"event","type":"invoice.paid"}`,
		"another shape": `[1,2,3]`,
		"too large":     `{"id":"evt_1","type":"invoice.paid","pad":"` + strings.Repeat("x", billing.MaxDelivery) + `"}`,
	} {
		if got := s.receive(s.a.domain, []byte(body), sign(secretConnect, []byte(body), s.now())); got != fault.Malformed {
			t.Errorf("%s: %v, want malformed", name, got)
		}
	}
	if n := len(s.events(t, s.a.tenant)); n > 0 {
		t.Errorf("%d events were stored", n)
	}
}

func TestWhatIsNotForUsIsKeptAsIgnored(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		sub := s.subscribe(t, s.a.gold)
		s.stripe.pay(sub.CheckoutSessionID)
		genuine := event{Type: "checkout.session.completed", Account: s.a.account, Object: "checkout.session", ObjectID: sub.CheckoutSessionID}
		for i, try := range []struct {
			why, secret string
			change      func(*event)
		}{
			{"other mode", secretConnect, func(e *event) { e.Livemode = true }},
			{"not linked here", secretConnect, func(e *event) { e.Account = s.b.account }},
			{"not linked here", secretConnect, func(e *event) { e.Account = "acct_unknown" }},
			{"Signed for connected accounts", secretConnect, func(e *event) { e.Account = "" }},
			{"Signed for the platform", secretPlatform, func(*event) {}},
			{"of this type", secretConnect, func(e *event) { e.Type = "charge.succeeded" }},
			{"of this type", secretConnect, func(e *event) { e.Type = "invoice.upcoming" }},
			{"of this type", secretConnect, func(e *event) { e.ObjectID = "" }},
		} {
			e := genuine
			e.ID = fmt.Sprintf("evt_odd_%d", i)
			try.change(&e)
			if got := s.receive(s.a.domain, e.body(), sign(try.secret, e.body(), s.now())); got != fault.Internal {
				t.Fatalf("%s: %v", try.why, got)
			}
			s.work(t)
			if got := s.outcome(t, e); got.State != models.EventIgnored || !strings.Contains(got.Outcome, try.why) {
				t.Errorf("want %q, got %+v", try.why, got)
			}
		}
		s.want(t, sub.UUID, "ON_HOLD", true)
		s.tell(t, genuine.Type, genuine.ObjectID)
		s.want(t, sub.UUID, "UNBLOCKED", true)
	})
}

// An event that tenant B's secret signs has no effect on tenant A, whatever ids and
// metadata it names.
func TestATwinsEventsHaveNoEffect(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	sub := s.subscribe(t, s.a.gold)
	s.stripe.pay(sub.CheckoutSessionID)
	// B makes a subscription in B's account that claims to be A's.
	forged, _ := s.stripe.OpenCheckout(bg, accounts.StripeAccount{Tenant: s.b.tenant, Connected: s.b.account}, "k", billing.CheckoutInput{
		Customer: func() string {
			id, _ := s.stripe.CreateCustomer(bg, accounts.StripeAccount{Tenant: s.b.tenant, Connected: s.b.account}, "c", billing.CustomerInput{})
			return id
		}(),
		Metadata: s.stripe.sessions[sub.CheckoutSessionID].Metadata,
	})
	stolen, _ := s.stripe.pay(forged.ID)
	for i, e := range []event{
		{Type: "checkout.session.completed", Account: s.a.account, Object: "checkout.session", ObjectID: sub.CheckoutSessionID},
		{Type: "checkout.session.completed", Account: s.b.account, Object: "checkout.session", ObjectID: sub.CheckoutSessionID},
		{Type: "checkout.session.completed", Account: s.b.account, Object: "checkout.session", ObjectID: forged.ID},
		{Type: "customer.subscription.updated", Account: s.b.account, Object: "subscription", ObjectID: stolen},
	} {
		e.ID = fmt.Sprintf("evt_twin_%d", i)
		if got := s.receive(s.b.domain, e.body(), sign(secretConnect+"b", e.body(), s.now())); got != fault.Internal {
			t.Fatal(got)
		}
		s.work(t)
		s.want(t, sub.UUID, "ON_HOLD", true)
	}
	for _, e := range s.events(t, s.b.tenant) {
		if e.State != models.EventIgnored {
			t.Errorf("event = %+v, want ignored", e)
		}
	}
}

// Within one tenant too, metadata alone names nobody: the customer has to be ours.
func TestMetadataAloneIsWorthNothing(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	sub := s.subscribe(t, s.a.gold)
	at := accounts.StripeAccount{Tenant: s.a.tenant, Connected: s.a.account}
	stranger, _ := s.stripe.CreateCustomer(bg, at, "c", billing.CustomerInput{})
	forged, _ := s.stripe.OpenCheckout(bg, at, "k", billing.CheckoutInput{Customer: stranger, Metadata: s.stripe.sessions[sub.CheckoutSessionID].Metadata})
	stolen, invoice := s.stripe.pay(forged.ID)
	for kind, id := range map[string]string{"checkout.session.completed": forged.ID, "customer.subscription.created": stolen, "invoice.paid": invoice} {
		if got := s.outcome(t, s.tell(t, kind, id)); got.State != models.EventIgnored {
			t.Errorf("%s: %+v", kind, got)
		}
	}
	s.want(t, sub.UUID, "ON_HOLD", true)
}

// A copy of our database that runs elsewhere makes the same ids: what it sells is its own.
func TestAnotherInstallationsSubscriptionsAreNotOurs(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	sub := s.subscribe(t, s.a.gold)
	known := s.stripe.sessions[sub.CheckoutSessionID]
	metadata := maps.Clone(known.Metadata)
	metadata["installation"] = "inst-2"
	theirs, err := s.stripe.OpenCheckout(bg, accounts.StripeAccount{Tenant: s.a.tenant, Connected: s.a.account}, "k", billing.CheckoutInput{Customer: known.Customer, Metadata: metadata})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := s.stripe.pay(theirs.ID)
	if got := s.outcome(t, s.tell(t, "customer.subscription.created", id)); got.State != models.EventIgnored {
		t.Errorf("event = %+v", got)
	}
	if err := s.sell.Refresh(bg, s.a.buyer, sub.UUID); err != nil {
		t.Fatal(err)
	}
	s.work(t)
	s.want(t, sub.UUID, "ON_HOLD", true)
	if len(s.stripe.canceled) > 0 {
		t.Errorf("canceled %v", s.stripe.canceled)
	}
}

func TestAReplayChangesNothing(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s := openShop(t, db)
		sub := s.subscribe(t, s.a.gold)
		s.stripe.pay(sub.CheckoutSessionID)
		e := s.about("checkout.session.completed", sub.CheckoutSessionID)
		for range 3 {
			s.send(t, e)
			s.work(t)
		}
		paid := s.want(t, sub.UUID, "UNBLOCKED", true)
		reads := len(s.stripe.ops)
		s.send(t, e)
		s.work(t)
		if got := s.row(t, sub.UUID); got.Version != paid.Version || len(s.stripe.ops) != reads || len(s.events(t, s.a.tenant)) != 1 || s.audited(t, "subscription.activated") != 1 {
			t.Errorf("a replay had an effect: version %d → %d, %d → %d calls, %d events", paid.Version, got.Version, reads, len(s.stripe.ops), len(s.events(t, s.a.tenant)))
		}
	})
}

func TestProcessAgain(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	admin := accounts.System(s.a.tenant, s.a.domain)
	sub := s.subscribe(t, s.a.gold)
	s.stripe.pay(sub.CheckoutSessionID)
	s.stripe.refuse["read session"] = &billing.Refused{Status: 400, Message: "No."}
	e := s.tell(t, "checkout.session.completed", sub.CheckoutSessionID)
	if got := s.outcome(t, e); got.State != models.EventFailed || got.Outcome != "No." {
		t.Fatalf("event = %+v", got)
	}
	delete(s.stripe.refuse, "read session")
	if err := s.inbox.ProcessAgain(bg, s.a.buyer, e.ID, 0); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a subscriber: %v", err)
	}
	if err := s.inbox.ProcessAgain(bg, accounts.System(s.b.tenant, s.b.domain), e.ID, 0); fault.KindOf(err) != fault.NotFound {
		t.Errorf("the twin's admin: %v", err)
	}
	if err := s.inbox.ProcessAgain(bg, admin, e.ID, 0); err != nil {
		t.Fatal(err)
	}
	s.work(t)
	s.want(t, sub.UUID, "UNBLOCKED", true)
	if got := s.outcome(t, e); got.State != models.EventDone {
		t.Errorf("event = %+v", got)
	}
	odd := s.tell(t, "charge.succeeded", "ch_1")
	if err := s.inbox.ProcessAgain(bg, admin, odd.ID, 0); fault.KindOf(err) != fault.Conflict {
		t.Errorf("an event of no interest: %v", err)
	}
	page, err := s.inbox.Events(bg, admin, models.StripeEventFilter{State: models.EventIgnored}, 10)
	if err != nil || len(page) != 1 || page[0].ID != odd.ID {
		t.Errorf("ignored = %+v, %v", page, err)
	}
	if _, err := s.inbox.Events(bg, s.a.publisher, models.StripeEventFilter{}, 10); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a publisher sees events: %v", err)
	}
}

func TestAnAccountIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	e := s.tell(t, "account.updated", s.a.account)
	row, err := models.TenantConnectedAccount(bg, s.db, s.a.tenant, s.a.account)
	if err != nil || row.Name != "Fresh name" || row.Country != "DE" {
		t.Errorf("account = %+v, %v", row, err)
	}
	if got := s.outcome(t, e); got.State != models.EventDone {
		t.Errorf("event = %+v", got)
	}
}

func TestRegisterWebhooks(t *testing.T) {
	t.Parallel()
	s := openShop(t, testdb.New(t))
	kept := &hookKeeper{}
	r := &billing.Registrar{DB: s.db, Engine: s.stripe, Jobs: s.jobs, Keep: kept, Wall: s.inbox.Wall}
	r.Register(s.jobs)
	admin := accounts.System(s.a.tenant, s.a.domain)
	if err := r.RegisterWebhooks(bg, s.a.publisher, "https://portal.example", 0); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a publisher: %v", err)
	}
	if err := r.RegisterWebhooks(bg, admin, "portal.example", 0); fault.KindOf(err) != fault.Invalid {
		t.Errorf("no URL: %v", err)
	}
	cuts := 2 // the connection breaks after the effect, twice
	s.stripe.cut = func(string) int { cuts--; return max(0, min(2, 2*(cuts+1))) }
	if err := r.RegisterWebhooks(bg, admin, "https://portal.example/", 0); !errors.Is(err, outbox.ErrPending) {
		t.Fatal(err)
	}
	s.work(t)
	got := kept.last
	if len(got) != 2 || got[accounts.ScopeConnect].URL != "https://portal.example/api/am/stripe/webhook?tenantDomain=acme.example" {
		t.Fatalf("kept = %+v", got)
	}
	for scope, hook := range got {
		made := s.stripe.hooks[hook.StripeID]
		if made.Connect != (scope == accounts.ScopeConnect) || hook.Secret == "" || made.URL != hook.URL {
			t.Errorf("%s: %+v kept as %+v", scope, made, hook)
		}
	}
	for _, seven := range []string{
		"checkout.session.completed", "checkout.session.expired", "invoice.payment_succeeded", "invoice.payment_failed",
		"invoice.payment_action_required", "customer.subscription.updated", "customer.subscription.deleted",
	} {
		if !strings.Contains(strings.Join(billing.ConnectEvents, " ")+" ", seven+" ") {
			t.Errorf("%s is not asked for", seven)
		}
	}
}

// A hookKeeper keeps what it is given, the last of each scope.
type hookKeeper struct {
	last map[accounts.Scope]accounts.RegisteredHook
}

// SaveHook implements billing.HookKeeper.
func (k *hookKeeper) SaveHook(_ context.Context, _ accounts.Actor, scope accounts.Scope, in accounts.RegisteredHook) error {
	if k.last == nil {
		k.last = map[accounts.Scope]accounts.RegisteredHook{}
	}
	k.last[scope] = in
	return nil
}

// secretsAre is one answer for every tenant.
type secretsAre map[accounts.Scope][]string

// HookSecrets implements billing.HookSecrets.
func (s secretsAre) HookSecrets(context.Context, models.TenantID) (map[accounts.Scope][]string, error) {
	return s, nil
}
