package usage_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/internal/clock"
	"tollgate/models"
	"tollgate/usage"
)

func (a *meterAccount) at() accounts.StripeAccount {
	return accounts.StripeAccount{Tenant: meterTenant, Connected: a.id}
}

// subscribe begins a subscription at the sandbox and here.
func (w *meterWorld) subscribe(t testing.TB, a *meterAccount, plan string) *meterSub {
	t.Helper()
	card := w.post(t, a.id, "/v1/payment_methods", "type", "card", "card[token]", "tok_visa")
	customer := w.post(t, a.id, "/v1/customers", "payment_method", card["id"].(string), "invoice_settings[default_payment_method]", card["id"].(string))
	made := w.post(t, a.id, "/v1/subscriptions", "customer", customer["id"].(string), "items[0][price]", a.prices[plan], "billing_mode[type]", "flexible")
	at, one := models.At(w.business.Now()), int64(1)
	name := fmt.Sprintf("App of %s", customer["id"])
	app := &models.Application{Name: name, SubscriberID: 1, Tier: "Unlimited", Status: "APPROVED", UUID: models.NewID(), TenantID: meterTenant, Live: &one}
	w.put(t, app)
	shared := &models.SharedCustomer{ApplicationID: app.ID, APIProvider: "pub", TenantID: meterTenant, SharedCustomerID: customer["id"].(string), Account: a.id}
	sub := &models.Subscription{TierID: plan, APIID: a.api, ApplicationID: app.ID, Status: "UNBLOCKED", CreateState: "SUBSCRIBE", CreatedTime: at, UpdatedTime: at, UUID: models.NewID(), TenantID: meterTenant, PolicyID: policyNumber(plan), PriceVersionID: "pv-" + plan, NeedsPayment: true, Checkout: "none", Account: a.id, StripeSubscriptionID: made["id"].(string), StripeStatus: "active", Live: &one}
	w.put(t, shared, sub)
	w.put(t, &models.StripeSubscription{ApplicationID: app.ID, APIID: a.api, TenantID: meterTenant, SubscriptionID: sub.StripeSubscriptionID, SharedCustomerID: shared.ID, AMSubscriptionID: sub.ID, Account: a.id, Status: "active", CreatedAt: at, SyncedAt: at})
	s := &meterSub{a, sub.ID, customer["id"].(string)}
	a.subs = append(a.subs, s)
	w.sync(t, s)
	return s
}

func (w *meterWorld) row(t testing.TB, s *meterSub) models.Subscription {
	t.Helper()
	row, err := models.SubscriptionByNumber(context.Background(), w.db, meterTenant, s.id)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// sync makes our rows of a subscription what the sandbox has, as billing does.
func (w *meterWorld) sync(t testing.TB, s *meterSub) {
	t.Helper()
	ctx := context.Background()
	row := w.row(t, s)
	theirs, err := w.engine.Subscription(ctx, s.at(), row.StripeSubscriptionID)
	if err != nil {
		t.Fatal(err)
	}
	item := theirs.Items[0]
	row.PeriodStart, row.PeriodEnd, row.CancelAt, row.EndedAt = models.At(item.PeriodStart), models.At(item.PeriodEnd), models.At(theirs.CancelAt), models.At(theirs.EndedAt)
	for _, plan := range meterPlans {
		if s.prices[plan] == item.Price {
			row.PolicyID, row.TierID, row.PriceVersionID = policyNumber(plan), plan, "pv-"+plan
		}
	}
	if !theirs.EndedAt.IsZero() {
		row.Live = nil
	}
	if _, err := w.db.NewUpdate().Model(&row).WherePK().Exec(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.NewUpdate().Model((*models.StripeSubscription)(nil)).Set("ended_at = ?", row.EndedAt).Where("subscription_id = ? AND ? > 0", theirs.ID, row.EndedAt).Exec(ctx); err != nil {
		t.Fatal(err)
	}
	invoices, err := w.engine.InvoicesOf(ctx, s.at(), theirs.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range invoices {
		if _, err := w.db.NewDelete().Model((*models.Invoice)(nil)).Where("invoice_id = ?", i.ID).Exec(ctx); err != nil {
			t.Fatal(err)
		}
		w.put(t, &models.Invoice{Account: s.meterAccount.id, ID: i.ID, TenantID: meterTenant, AMSubscriptionID: s.id, StripeSubscriptionID: i.Subscription, CustomerID: i.Customer, Status: i.Status, BillingReason: i.BillingReason, Currency: "usd", PeriodStart: models.At(i.PeriodStart), PeriodEnd: models.At(i.PeriodEnd), CreatedAt: models.At(i.Created), Document: "{}", SyncedAt: 1})
	}
}

// advance moves business time, there and here, in one step.
func (w *meterWorld) advance(t testing.TB, to time.Time) {
	t.Helper()
	if err := w.box.Advance(context.Background(), to); err != nil {
		t.Fatal(err)
	}
	w.business.SetOffset(w.box.Offset())
	for _, a := range w.accounts {
		for _, s := range a.subs {
			w.sync(t, s)
		}
	}
}

// calls writes a ledger row as a gateway would: calls of one second under one plan.
func (w *meterWorld) calls(t testing.TB, s *meterSub, plan string, at time.Time, units int64) {
	t.Helper()
	w.put(t, w.ledgerRow(s, plan, at, units))
}

func (w *meterWorld) ledgerRow(s *meterSub, plan string, at time.Time, units int64) *models.LedgerRow {
	writer := "gw-1"
	key, todo := fmt.Sprint(writer, s.id), int64(models.ToSend)
	first := models.At(at)
	row := &models.LedgerRow{
		SubscriptionID: s.id, Hour: models.HourOf(first), Writer: writer, Epoch: 1, SeqFrom: w.seq[key] + 1, SeqTo: w.seq[key] + max(units, 1),
		TenantID: meterTenant, APIID: s.api, PolicyID: policyNumber(plan), FirstAt: first, LastAt: first, RecordedAt: models.At(w.time()),
		Calls: max(units, 1), Counted: units, Quantity: units, Kind: models.LedgerCalls, Todo: &todo, Detail: []byte("x"),
	}
	w.seq[key] = row.SeqTo
	return row
}

// correct writes a correction of units, negative to take some back.
func (w *meterWorld) correct(t testing.TB, s *meterSub, plan string, at time.Time, units int64) {
	t.Helper()
	row := w.ledgerRow(s, plan, at, 1)
	row.Kind, row.Calls, row.Counted, row.Quantity, row.Reason, row.Writer = models.LedgerCorrection, 0, 0, units, "a test", "admin"
	w.put(t, row)
}

// publish has everything published that a publisher does by itself.
func (w *meterWorld) publish(t testing.TB) time.Time {
	t.Helper()
	next, err := w.pub.RunOnce(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// publishNow has everything up to now published.
func (w *meterWorld) publishNow(t testing.TB) {
	t.Helper()
	if err := w.pub.PublishNow(context.Background(), w.admin); err != nil {
		t.Fatal(err)
	}
	w.publish(t)
}

// total is what Stripe's meter of a plan has of a subscription's customer in a stretch.
func (w *meterWorld) total(t testing.TB, s *meterSub, plan string, from, to time.Time) int64 {
	t.Helper()
	n, err := w.engine.UsageTotal(context.Background(), s.at(), s.meters[plan], s.customer, from.Truncate(time.Minute), to.Add(time.Minute-1).Truncate(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// everything is Stripe's total of all time.
func (w *meterWorld) everything(t testing.TB, s *meterSub, plan string) int64 {
	t.Helper()
	return w.total(t, s, plan, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC))
}

// windows returns a subscription's windows by when they begin.
func (w *meterWorld) windows(t testing.TB, s *meterSub) []models.UsageWindow {
	t.Helper()
	var ws []models.UsageWindow
	if err := w.db.NewSelect().Model(&ws).Where("subscription_id = ?", s.id).OrderExpr("window_start, policy_id, revision").Scan(context.Background()); err != nil {
		t.Fatal(err)
	}
	return ws
}

// sound fails t when windows and ledger do not add up: a frozen window holds what its
// rows do, each row is in one at most, and none spans the end of a period.
func (w *meterWorld) sound(t testing.TB) {
	t.Helper()
	ctx := context.Background()
	var wrong []struct {
		ID             string
		Quantity, Rows int64
	}
	err := w.db.NewRaw(`SELECT uw.id, uw.quantity, COALESCE(SUM(ul.quantity), 0) AS "rows" FROM usage_windows uw LEFT JOIN usage_ledger ul ON ul.window_id = uw.id
		GROUP BY uw.id, uw.quantity HAVING COUNT(ul.seq_from) = 0 OR uw.quantity <> COALESCE(SUM(ul.quantity), 0)`).Scan(ctx, &wrong)
	if w.db.Dialect().Name().String() == "mysql" {
		err = w.db.NewRaw("SELECT uw.id, uw.quantity, COALESCE(SUM(ul.quantity), 0) AS `rows` FROM usage_windows uw LEFT JOIN usage_ledger ul ON ul.window_id = uw.id "+
			"GROUP BY uw.id, uw.quantity HAVING COUNT(ul.seq_from) = 0 OR uw.quantity <> COALESCE(SUM(ul.quantity), 0)").Scan(ctx, &wrong)
	}
	if err != nil || len(wrong) > 0 {
		t.Errorf("windows that are not their rows: %+v, %v", wrong, err)
	}
	outside, err := w.db.NewSelect().TableExpr("usage_ledger AS ul").Join("JOIN usage_windows AS uw ON uw.id = ul.window_id").
		Where("ul.first_at < uw.window_start OR ul.last_at >= uw.window_end OR ul.subscription_id <> uw.subscription_id OR ul.policy_id <> uw.policy_id").Count(ctx)
	if err != nil || outside > 0 {
		t.Errorf("%d rows are outside of their window, %v", outside, err)
	}
	for _, a := range w.accounts {
		for _, s := range a.subs {
			row := w.row(t, s)
			for _, one := range w.windows(t, s) {
				for _, end := range []models.Instant{row.PeriodStart, row.PeriodEnd} {
					if one.Start < end && one.End > end {
						t.Errorf("window %s to %s spans the end of a period at %s", one.Start.Time(), one.End.Time(), end.Time())
					}
				}
			}
		}
	}
}

// InvoicedUnits implements usage.Invoices from the sandbox itself.
func (w *meterWorld) InvoicedUnits(ctx context.Context, c models.UsageCompare) (usage.Invoiced, error) {
	var out usage.Invoiced
	all, err := w.engine.InvoicesOf(ctx, accounts.StripeAccount{Tenant: c.TenantID, Connected: c.Account}, c.StripeSubscriptionID)
	for _, i := range all {
		if i.Status == "draft" {
			continue
		}
		for _, l := range i.Lines {
			if models.At(l.PeriodStart) == c.PeriodStart && l.Price == w.priceOf(c) {
				out.Final, out.Invoice, out.Units = true, i.ID, out.Units+l.Quantity
			}
		}
	}
	return out, err
}

func (w *meterWorld) priceOf(c models.UsageCompare) string {
	for _, a := range w.accounts {
		if a.id == c.Account {
			return a.prices[meterPlans[c.PolicyID-1]]
		}
	}
	return ""
}

// invoiced returns what the subscription's invoices bill of units, the newest first.
func (w *meterWorld) invoiced(t testing.TB, s *meterSub, plan string) []int64 {
	t.Helper()
	all, err := w.engine.InvoicesOf(context.Background(), s.at(), w.row(t, s).StripeSubscriptionID)
	if err != nil {
		t.Fatal(err)
	}
	var out []int64
	for _, i := range all {
		units := int64(-1)
		for _, l := range i.Lines {
			if l.Price == s.prices[plan] && !l.Proration {
				units = max(units, 0) + l.Quantity
			}
		}
		if units >= 0 && i.Status != "draft" {
			out = append(out, units)
		}
	}
	return out
}

// cancel ends a subscription at the sandbox, as billing does.
func (w *meterWorld) cancel(t testing.TB, s *meterSub, when billing.CancelWhen) {
	t.Helper()
	if _, err := w.engine.CancelSubscription(context.Background(), s.at(), "cancel"+fmt.Sprint(s.id, when), w.row(t, s).StripeSubscriptionID, when); err != nil {
		t.Fatal(err)
	}
	w.sync(t, s)
}

// drift returns the open differences of units, as "field: ours, theirs".
func (w *meterWorld) drift(t testing.TB) []string {
	t.Helper()
	var ds []models.Drift
	if err := w.db.NewSelect().Model(&ds).Where("object_type = 'usage' AND live = 1").OrderExpr("id").Scan(context.Background()); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range ds {
		out = append(out, fmt.Sprintf("%s: %s, %s", d.Field, d.Ours, d.Theirs))
	}
	return out
}

// move gives a subscription another plan at once, as billing does.
func (w *meterWorld) move(t testing.TB, s *meterSub, plan string) {
	t.Helper()
	theirs, err := w.engine.Subscription(context.Background(), s.at(), w.row(t, s).StripeSubscriptionID)
	if err != nil {
		t.Fatal(err)
	}
	c := billing.Change{Subscription: theirs.ID, Item: theirs.Items[0].ID, Price: s.prices[plan], Metered: plan != "Gold", At: w.business.Now().Truncate(time.Second)}
	if _, err := w.engine.ChangeSubscription(context.Background(), s.at(), "move"+plan+theirs.ID, c); err != nil {
		t.Fatal(err)
	}
	w.sync(t, s)
}

// closed is an account that lets nobody in.
func closed(context.Context, accounts.StripeAccount) error {
	return &usage.Busy{Wait: time.Minute, Message: "not let in"}
}

// realWall is the time of this machine.
func realWall() clock.Wall { return clock.NewWall(time.Now) }
