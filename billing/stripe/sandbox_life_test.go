package stripe_test

import (
	"testing"

	"tollgate/billing"
	"tollgate/money"
)

// sold is a world with a subscription to Gold that was paid.
func sold(t *testing.T) (world, billing.Subscription) {
	t.Helper()
	w := newWorld(t)
	opened := w.sell(t, gold())
	w.confirm(t, opened.ID, "4900")
	id := must[billing.CheckoutSession](t)(w.Checkout(ctx, w.connected, opened.ID)).Subscription
	return w, must[billing.Subscription](t)(w.Subscription(ctx, w.connected, id))
}

// another makes a price of the same product.
func (w world) another(t *testing.T, minor int64) string {
	t.Helper()
	in := gold()
	in.LookupKey, in.Amount = "another", money.New(minor, usd)
	return must[string](t)(w.CreatePrice(ctx, w.connected, "op_another", in))
}

func TestSandboxChangesAtOnceAsPreviewed(t *testing.T) {
	t.Parallel()
	w, sub := sold(t)
	in := billing.Change{Subscription: sub.ID, Item: sub.Items[0].ID, Price: w.another(t, 9900), At: now}
	preview := must[billing.Invoice](t)(w.PreviewChange(ctx, w.connected, in))
	if preview.Total != money.New(5000, usd) || len(preview.Lines) != 2 || !preview.Lines[0].Proration {
		t.Errorf("preview %+v", preview)
	}
	changed := must[billing.Subscription](t)(w.ChangeSubscription(ctx, w.connected, "op_6", in))
	if len(changed.Items) != 1 || changed.Items[0].Price != in.Price || changed.Items[0].Quantity != 1 || changed.Pending != nil {
		t.Errorf("changed %+v", changed)
	}
	if charged := must[billing.Invoice](t)(w.Invoice(ctx, w.connected, changed.LatestInvoice)); charged.Total != preview.Total || charged.Status != "paid" {
		t.Errorf("charged %+v", charged)
	}
}

func TestSandboxSchedulesAChange(t *testing.T) {
	t.Parallel()
	w, sub := sold(t)
	in := billing.Change{Subscription: sub.ID, Item: sub.Items[0].ID, Price: w.another(t, 1900)}
	want := billing.Schedule{Status: billing.ScheduleActive, Subscription: sub.ID, NextPrice: in.Price, NextAt: sub.Items[0].PeriodEnd}
	for _, key := range []string{"op_6", "op_6", "op_7"} { // twice the same intent, then another on the same schedule
		got := must[billing.Schedule](t)(w.ScheduleChange(ctx, w.connected, key, in))
		if want.ID == "" {
			want.ID = got.ID
		}
		if got != want {
			t.Errorf("%s: %+v\nwant %+v", key, got, want)
		}
	}
	under := must[billing.Subscription](t)(w.Subscription(ctx, w.connected, sub.ID))
	if under.Schedule != want.ID || under.Items[0].Price != sub.Items[0].Price || under.Metadata["subscription"] != "s-1" {
		t.Errorf("under its schedule %+v", under)
	}
	for _, key := range []string{"op_8", "op_9"} { // the second finds it over
		none(t, w.ReleaseSchedule(ctx, w.connected, key, want.ID))
	}
	if over := must[billing.Schedule](t)(w.Schedule(ctx, w.connected, want.ID)); over.Status != "released" || over.NextPrice != "" || over.Subscription != sub.ID {
		t.Errorf("released %+v", over)
	}
	if free := must[billing.Subscription](t)(w.Subscription(ctx, w.connected, sub.ID)); free.Schedule != "" || free.Items[0].Price != sub.Items[0].Price {
		t.Errorf("free %+v", free)
	}
}

func TestSandboxGivesMoneyBackOnce(t *testing.T) {
	t.Parallel()
	w, sub := sold(t)
	first := must[billing.Refund](t)(w.Refund(ctx, w.connected, "op_6", sub.LatestInvoice))
	if first.Amount != money.New(4900, usd) || first.Status != "succeeded" || first.Charge == "" {
		t.Errorf("%+v", first)
	}
	for _, key := range []string{"op_6", "op_7"} {
		if again := must[billing.Refund](t)(w.Refund(ctx, w.connected, key, sub.LatestInvoice)); again != first {
			t.Errorf("%s: %+v", key, again)
		}
	}
	charge := must[billing.Charge](t)(w.Charge(ctx, w.connected, first.Charge))
	if charge.InvoiceID != sub.LatestInvoice || charge.Refunded != charge.Amount || charge.Customer != sub.Customer {
		t.Errorf("%+v", charge)
	}
	if all := must[[]billing.Refund](t)(w.RefundsSince(ctx, w.connected, now.AddDate(0, 0, -1))); len(all) != 1 || all[0] != first {
		t.Errorf("%+v", all)
	}
	if one := must[billing.Refund](t)(w.RefundByID(ctx, w.connected, first.ID)); one != first {
		t.Errorf("%+v", one)
	}
}

func TestSandboxListsWhatAnAccountHas(t *testing.T) {
	t.Parallel()
	w, sub := sold(t)
	meter := must[string](t)(w.EnsureMeter(ctx, w.connected, "op_6", billing.MeterInput{Name: "Calls", EventName: "tg_calls"}))
	none(t, w.DeactivateMeter(ctx, w.connected, "op_7", meter))
	none(t, w.ArchiveProduct(ctx, w.connected, "op_8", "tg_1"))
	if all := must[[]billing.Product](t)(w.Products(ctx, w.connected)); len(all) != 1 || all[0].ID != "tg_1" || !all[0].Archived {
		t.Errorf("products %+v", all)
	}
	if all := must[[]billing.Price](t)(w.Prices(ctx, w.connected)); len(all) != 1 || all[0].Amount != money.New(4900, usd) || all[0].Cycle != "month" || all[0].LookupKey != gold().LookupKey {
		t.Errorf("prices %+v", all)
	}
	if all := must[[]billing.Meter](t)(w.Meters(ctx, w.connected)); len(all) != 1 || all[0].ID != meter || all[0].Active {
		t.Errorf("meters %+v", all)
	}
	if all := must[[]billing.Subscription](t)(w.Subscriptions(ctx, w.connected)); len(all) != 1 || all[0].ID != sub.ID || len(all[0].Items) != 1 {
		t.Errorf("subscriptions %+v", all)
	}
	if all := must[[]billing.Customer](t)(w.Customers(ctx, w.connected)); len(all) != 1 || all[0].ID != sub.Customer {
		t.Errorf("customers %+v", all)
	}
	if all := must[[]billing.CheckoutSession](t)(w.OpenCheckouts(ctx, w.connected)); len(all) != 0 {
		t.Errorf("open checkouts %+v", all)
	}
	idle := must[string](t)(w.CreateCustomer(ctx, w.connected, "op_9", billing.CustomerInput{Name: "Idle"}))
	for _, key := range []string{"op_10", "op_11"} {
		none(t, w.DeleteCustomer(ctx, w.connected, key, idle))
	}
	if one := must[billing.Customer](t)(w.Customer(ctx, w.connected, idle)); !one.Deleted {
		t.Errorf("deleted %+v", one)
	}
	if all := must[[]billing.Product](t)(w.Products(ctx, platform)); len(all) != 0 {
		t.Errorf("the platform shows what is another account's: %+v", all)
	}
}
