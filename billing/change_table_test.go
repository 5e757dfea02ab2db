package billing_test

import (
	"testing"

	"tollgate/billing"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
)

// footings are how a subscription may stand, set on its row: free says whether a
// free one can stand so, and refused whether its plan can be changed then.
var footings = []struct {
	name, set     string
	free, refused bool
}{
	{"active", "stripe_status = stripe_status", true, false},
	{"trialing", "stripe_status = 'trialing'", false, false},
	{"past due", "stripe_status = 'past_due'", false, true},
	{"unpaid", "stripe_status = 'unpaid'", false, true},
	{"paused", "stripe_status = 'paused'", false, true},
	{"incomplete", "stripe_status = 'incomplete'", false, true},
	{"of a status to come", "stripe_status = 'unheard_of'", false, true},
	{"canceled", "stripe_status = 'canceled'", false, true},
	{"not paid yet", "stripe_status = '', stripe_subscription_id = NULL, checkout = 'open'", false, true},
	{"being paid", "checkout = 'processing'", false, true},
	{"ending", "cancel_at = period_end", false, true},
	{"collected by nobody", "collection_paused = TRUE", false, true},
	{"held", "admin_hold = 'BLOCKED'", true, true},
	{"held in production", "admin_hold = 'PROD_ONLY_BLOCKED'", true, true},
	{"disputed", "money_hold = 'dispute'", true, true},
	{"ended", "ended_at = created_time, live = NULL", true, true},
	{"changing at period end", "change_kind = 'period_end', tier_id_pending = 'x', pending_policy_id = policy_id", false, true},
	{"changing now", "change_kind = 'now', tier_id_pending = 'x', pending_policy_id = policy_id", false, true},
	{"turning free", "change_kind = 'to_free', tier_id_pending = 'x', pending_policy_id = policy_id", false, true},
	{"waiting for its checkout", "change_kind = 'checkout', tier_id_pending = 'x', pending_policy_id = policy_id", true, true},
}

// wantKind is the rule, written down a second time: how the change is made, and
// false where there is no such change.
func wantKind(fromFree, toFree bool, when billing.Moment) (string, bool) {
	now := when == billing.MomentNow
	switch {
	case fromFree && toFree:
		return models.NoChange, now
	case fromFree:
		return models.ChangeByPaying, now
	case toFree:
		return models.ChangeToFree, !now
	case now:
		return models.ChangeNow, true
	}
	return models.ChangeAtEnd, true
}

// From every kind of plan to every kind, at either moment, however the subscription
// stands: either it is refused with a reason and nothing changes, or it is on its
// way in the one right manner.
func TestEveryChange(t *testing.T) {
	t.Parallel()
	tried := 0
	for _, from := range []string{"free", "fixed", "metered"} {
		c := openCounter(t, testdb.New(t))
		more := c.addPlan(t, "Payg2", "0.002", "price_payg2", "usd", "month")
		sub, _ := c.on(t, map[string]string{"free": c.a.free, "fixed": c.a.gold, "metered": c.payg}[from])
		for _, stands := range footings {
			if from == "free" && !stands.free {
				continue
			}
			for to, plan := range map[string]string{"free": c.hobby, "fixed": c.silver, "metered": more} {
				for _, when := range []billing.Moment{billing.MomentNow, billing.MomentAtPeriodEnd} {
					tried++
					c.exec(t, "UPDATE am_subscription SET "+stands.set+" WHERE subscription_id = ?", sub.ID)
					before := c.row(t, sub.UUID)
					_, err := c.change(before, plan, when)
					name := from + " (" + stands.name + ") to " + to + " " + string(when)
					c.judge(t, name, before, err, stands.refused, from == "free", to == "free", when)
					c.restore(t, sub)
				}
			}
		}
	}
	if tried < 200 {
		t.Errorf("only %d changes were tried", tried)
	}
}

func (c *counter) judge(t *testing.T, name string, before models.Subscription, err error, refused, fromFree, toFree bool, when billing.Moment) {
	t.Helper()
	after := c.row(t, before.UUID)
	kind, possible := wantKind(fromFree, toFree, when)
	switch {
	case refused || !possible:
		want := map[bool]fault.Kind{true: fault.Conflict, false: fault.Invalid}[refused]
		if fault.KindOf(err) != want || fault.Message(err) == "" || after.Version != before.Version {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	case err != nil:
		t.Errorf("%s: %v", name, err)
	case kind == models.NoChange:
		if after.TierID != "Hobby" || after.ChangeKind != kind {
			t.Errorf("%s: on %s, changing by %q", name, after.TierID, after.ChangeKind)
		}
	case after.ChangeKind != kind || after.TierID != before.TierID || after.Status != "TIER_UPDATE_PENDING" || c.flow(t, after, models.WorkflowUpdate) != models.WorkflowCreated:
		t.Errorf("%s: by %q, %s, on %s", name, after.ChangeKind, after.Status, after.TierID)
	}
}

// restore makes the row what it was, and forgets what was asked for.
func (c *counter) restore(t *testing.T, sub models.Subscription) {
	t.Helper()
	for _, table := range []string{"outbox_jobs", "am_workflows", "audit", "subscription_timeline"} {
		c.exec(t, "DELETE FROM "+table)
	}
	if _, err := c.db.NewUpdate().Model(&sub).WherePK().Exec(bg); err != nil {
		t.Fatal(err)
	}
}
