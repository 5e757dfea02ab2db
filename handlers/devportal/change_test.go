package devportal_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/money"
)

// A bench is a shop whose subscription can get another plan.
type bench struct {
	*shop
	refused string
	preview error // what asking for a preview fails with
}

func (b *bench) ChangeChoices(_ context.Context, _ accounts.Actor, uuid string) (billing.Choices, error) {
	o, err := b.Overview(context.Background(), ada, uuid)
	offers := weather().Offers
	both := []billing.Moment{billing.MomentNow, billing.MomentAtPeriodEnd}
	return billing.Choices{Overview: o, Refused: b.refused, Plans: []billing.Choice{
		{Plan: offers[1].Plan, Price: gold(), Current: true, Why: "This is the plan there is."},
		{Plan: offers[2].Plan, Price: offers[2].Price, OnSale: true, Moments: both},
		{Plan: offers[0].Plan, OnSale: true, Moments: both[1:]},
	}}, err
}

func (b *bench) PreviewChange(_ context.Context, _ accounts.Actor, uuid, plan string, when billing.Moment) (billing.ChangePreview, error) {
	all, err := b.ChangeChoices(context.Background(), ada, uuid)
	if err == nil {
		err = b.preview
	}
	if err != nil {
		return billing.ChangePreview{}, err
	}
	p := billing.ChangePreview{Overview: all.Overview, To: all.Plans[1], When: when}
	if plan == "plan-free" {
		p.To = all.Plans[2]
	}
	if when == billing.MomentNow {
		p.At, p.Due = now, money.New(123, usd)
		p.Invoice = &billing.Invoice{Currency: usd, Total: p.Due, AmountDue: p.Due, Lines: []billing.InvoiceLine{{Description: "Remaining time", Amount: p.Due}}}
	}
	return p, b.note("PreviewChange", plan+" "+string(when))
}

func (b *bench) Change(_ context.Context, _ accounts.Actor, _ string, in billing.ChangeInput) error {
	return b.note("Change", in)
}

func (b *bench) UndoChange(context.Context, accounts.Actor, string) error {
	return b.note("UndoChange", nil)
}

func openBench() *bench {
	b := &bench{shop: &shop{who: ada, overview: subscribed(access.Facts{NeedsPayment: true, Stripe: "active"}), fails: map[string]error{}}}
	b.change = b
	return b
}

const changePath = "/devportal/subscriptions/sub-1/change"

func TestAPlanIsChosenThenPreviewedThenConfirmed(t *testing.T) {
	t.Parallel()
	b := openBench()
	status, _, body := b.ask(t, changePath, nil)
	if status != 200 || b.got["PreviewChange"] != nil {
		t.Errorf("%d, previewed %v", status, b.got["PreviewChange"])
	}
	holds(t, body, "Your plan now", "Pay as you go", "Begins when your paid period ends.", ">Preview</button>")

	_, _, body = b.ask(t, changePath+"?plan=plan-payg&when=now", nil)
	holds(t, body, "Remaining time", "1.23", `name="at" value="1796740320"`, `name="due" value="123"`, ">Confirm change</button>")
	b.ask(t, changePath+"?plan=plan-free&when=now", nil)
	if b.got["PreviewChange"] != "plan-free period-end" {
		t.Errorf("a plan with one moment was previewed as %v", b.got["PreviewChange"])
	}

	form := url.Values{"plan": {"plan-payg"}, "when": {"now"}, "version": {"v2"}, "at": {"1796740320"}, "due": {"123"}}
	status, to, _ := b.ask(t, changePath, form)
	if want := (billing.ChangeInput{Plan: "plan-payg", When: billing.MomentNow, Version: "v2", At: 1796740320, Due: 123}); status != 303 || to != "/devportal/subscriptions/sub-1" || b.got["Change"] != want {
		t.Errorf("%d %s, asked for %+v", status, to, b.got["Change"])
	}
	form.Set("at", "yesterday")
	b.ask(t, changePath, form)
	if in := b.got["Change"].(billing.ChangeInput); in.At != -1 {
		t.Errorf("no instant became %d", in.At)
	}
}

func TestARefusedChangeKeepsWhatWasChosen(t *testing.T) {
	t.Parallel()
	form := url.Values{"plan": {"plan-payg"}, "when": {"period-end"}}
	for _, tt := range []struct {
		err    error
		status int
		text   string
	}{
		{&billing.QuoteChanged{Why: "The amount has changed."}, 409, "The amount has changed."},
		{fault.New(fault.Conflict, "Your card was declined."), 409, "Your card was declined."},
		{fault.Fields{"when": "This change can only be made now."}.Err(), 422, "This change can only be made now."},
		{fault.New(fault.Unavailable, "Stripe does not say."), 503, "Stripe does not say."},
	} {
		b := openBench()
		b.fails["Change"] = tt.err
		status, _, body := b.ask(t, changePath, form)
		if status != tt.status {
			t.Errorf("%v: %d", tt.err, status)
		}
		holds(t, body, tt.text, `value="plan-payg" checked`, `value="period-end" checked`)
	}
	b := openBench()
	b.preview = fault.New(fault.Unavailable, "Stripe does not say right now what this change costs.")
	status, _, body := b.ask(t, changePath+"?plan=plan-payg&when=now", nil)
	if status != 503 {
		t.Errorf("no preview: %d", status)
	}
	holds(t, body, "Stripe does not say right now", `value="plan-payg" checked`)
	b.refused = "A payment is due."
	_, _, body = b.ask(t, changePath, nil)
	holds(t, body, "A payment is due.")
	if strings.Contains(body, ">Preview</button>") {
		t.Error("what is refused can be previewed")
	}
}

// Once the wish is written down, Stripe's silence is no reason to ask again.
func TestALateAnswerLeadsToTheSubscription(t *testing.T) {
	t.Parallel()
	b := openBench()
	b.fails["Change"] = fault.New(fault.Unavailable, "Stripe has not answered yet.")
	b.overview.Changing = &billing.PendingChange{Plan: models.Policy{DisplayName: "Silver"}, Kind: models.ChangeNow}
	if status, to, _ := b.ask(t, changePath, url.Values{"plan": {"plan-payg"}, "when": {"now"}}); status != 303 || to != "/devportal/subscriptions/sub-1" {
		t.Errorf("%d %s", status, to)
	}
}

func TestAChangeIsTakenBack(t *testing.T) {
	t.Parallel()
	b := openBench()
	for _, err := range []error{nil, fault.New(fault.Conflict, "No."), fault.New(fault.Unavailable, "Later.")} {
		b.fails["UndoChange"] = err
		if status, to, _ := b.ask(t, changePath+"/undo", url.Values{}); status != 303 || to != "/devportal/subscriptions/sub-1" {
			t.Errorf("%v: %d %s", err, status, to)
		}
	}
	b.fails["UndoChange"] = fault.New(fault.NotFound, "Subscription not found.")
	if status, _, _ := b.ask(t, changePath+"/undo", url.Values{}); status != 404 {
		t.Errorf("somebody else's: %d", status)
	}
	b.fails["Change"] = b.fails["UndoChange"]
	if status, _, _ := b.ask(t, changePath, url.Values{"plan": {"plan-payg"}, "when": {"now"}}); status != 404 {
		t.Errorf("somebody else's: %d", status)
	}
	if status, _, _ := b.ask(t, "/devportal/subscriptions/sub-9/change", nil); status != 404 {
		t.Errorf("somebody else's: %d", status)
	}
}

func TestASubscriptionSaysThatItChanges(t *testing.T) {
	t.Parallel()
	b := openBench()
	_, _, body := b.ask(t, "/devportal/subscriptions/sub-1", nil)
	holds(t, body, `href="/devportal/subscriptions/sub-1/change">Change plan</a>`)
	end := now.AddDate(0, 0, 6)
	b.overview = subscribed(access.Facts{NeedsPayment: true, Stripe: "active", Change: access.Change{Kind: access.ChangeAtEnd, Plan: "Silver", At: end}})
	b.overview.Changing = &billing.PendingChange{Plan: models.Policy{DisplayName: "Silver"}, Price: gold(), Kind: models.ChangeAtEnd, At: end, Undoable: true}
	_, _, body = b.ask(t, "/devportal/subscriptions/sub-1", nil)
	holds(t, body, "Silver from", "14 Dec 2026", ">Undo change</button>")
	if strings.Contains(body, ">Change plan</a>") {
		t.Error("a second change is offered")
	}
	_, _, body = b.ask(t, "/devportal/subscriptions", nil)
	holds(t, body, "Gold → Silver on 14 Dec 2026")
}
