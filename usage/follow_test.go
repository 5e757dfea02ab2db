package usage_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/usage"
)

// follows adds comparisons of each of a world's subscriptions: of two periods each,
// the later one of the first subscription differs.
func (w *ledgerWorld) follows(t *testing.T) {
	t.Helper()
	for i, sub := range w.subs {
		for month := time.October; month <= time.November; month++ {
			start := models.At(time.Date(2026, month, 1, 0, 0, 0, 0, time.UTC))
			row := models.UsageCompare{SubscriptionID: sub, PolicyID: w.policies[0], PeriodStart: start, PeriodEnd: start + 30*86_400_000, TenantID: w.tenant, Account: "acct_1",
				StripeSubscriptionID: "sub_1", Gateway: 9, Ledger: 9, Sent: 9, Stripe: new(int64(9)), Agrees: true, ComparedAt: start}
			if i == 0 && month == time.November {
				*row.Stripe, row.Agrees = 7, false
			}
			if err := models.EnsureUsageCompare(t.Context(), w.db, row); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (w *ledgerWorld) owner(t *testing.T) accounts.Actor {
	t.Helper()
	a, err := models.APIByID(t.Context(), w.db, w.tenant, w.api)
	if err != nil {
		t.Fatal(err)
	}
	return accounts.Actor{Tenant: w.tenant, Domain: "acme.example", Person: a.OwnerID, Name: "Ada", Roles: []accounts.Role{accounts.Publisher}}
}

func TestUnitsAreFollowedPageByPage(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := newLedgerWorld(t, db, 3)
		w.follows(t)
		c := &usage.Comparer{Publisher: &usage.Publisher{DB: db, Wall: w.wall, Business: w.business}}
		admin := accounts.Actor{Tenant: w.tenant, Person: models.NewID(), Roles: []accounts.Role{accounts.Admin}}
		seller := w.owner(t)
		for who, q := range map[*accounts.Actor]usage.FollowQuery{&admin: {Limit: 4}, &seller: {Own: true, Limit: 4}} {
			seen, pages := map[string]bool{}, 0
			var last models.Instant
			for q.After != "" || pages == 0 {
				p, err := c.Follow(t.Context(), *who, q)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range p.Rows {
					key := f.SubscriptionUUID + f.PeriodStart.Time().String()
					if seen[key] || last != 0 && f.PeriodStart > last || f.PlanName != "Plan" || f.Subscriber != "Ada" {
						t.Errorf("out of order, twice or without its names: %+v", f)
					}
					seen[key], last = true, f.PeriodStart
				}
				q.After = p.Next
				pages++
			}
			if len(seen) != 6 || pages != 2 {
				t.Errorf("%d periods on %d pages", len(seen), pages)
			}
		}
		differ, err := c.Follow(t.Context(), admin, usage.FollowQuery{Disagree: true})
		if err != nil || len(differ.Rows) != 1 || len(differ.Rows[0].Differs) != 1 || differ.Rows[0].Differs[0] != "Stripe counts 2 units fewer than were sent." {
			t.Errorf("what differs: %+v, %v", differ, err)
		}
		stranger := accounts.Actor{Tenant: w.tenant, Person: models.NewID(), Roles: []accounts.Role{accounts.Publisher}}
		if p, err := c.Follow(t.Context(), stranger, usage.FollowQuery{Own: true}); err != nil || len(p.Rows) != 0 {
			t.Errorf("another publisher sees %+v, %v", p, err)
		}
		for name, who := range map[string]accounts.Actor{"a publisher as an admin": seller, "nobody": {}} {
			if _, err := c.Follow(t.Context(), who, usage.FollowQuery{}); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestOnePeriodIsMadeOfItsWindows(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := newLedgerWorld(t, db, 2)
		w.follows(t)
		c := &usage.Comparer{Publisher: &usage.Publisher{DB: db, Wall: w.wall, Business: w.business}}
		admin := accounts.Actor{Tenant: w.tenant, Person: models.NewID(), Roles: []accounts.Role{accounts.Admin}}
		sub, err := models.SubscriptionByNumber(t.Context(), db, w.tenant, w.subs[0])
		if err != nil {
			t.Fatal(err)
		}
		for i, at := range []time.Time{time.Date(2026, 11, 5, 10, 0, 0, 0, time.UTC), time.Date(2026, 10, 5, 10, 0, 0, 0, time.UTC)} {
			err := models.InsertWindow(t.Context(), db, models.UsageWindow{ID: models.NewID(), TenantID: w.tenant, SubscriptionID: sub.ID, PolicyID: w.policies[0], APIID: w.api, Account: "acct_1",
				Start: models.At(at), End: models.At(at.Add(time.Hour)), Quantity: 9, Identifier: string(rune('a' + i)), EventAt: models.At(at.Add(59 * time.Minute)), State: models.WindowSent, SealedAt: 1, NextTryAt: 1})
			if err != nil {
				t.Fatal(err)
			}
		}
		one, err := c.FollowOne(t.Context(), admin, false, sub.UUID, "", "")
		if err != nil || one.Now == nil || one.Now.PeriodStart.Time().Month() != time.November || len(one.Periods) != 2 || len(one.Windows) != 1 || one.Windows[0].Identifier != "a" {
			t.Fatalf("the newest period is %+v, %v", one, err)
		}
		earlier := one.Periods[1]
		one, err = c.FollowOne(t.Context(), admin, false, sub.UUID, earlier.PlanUUID, strconv.FormatInt(int64(earlier.PeriodStart), 10))
		if err != nil || one.Now == nil || len(one.Windows) != 1 || one.Windows[0].Identifier != "b" {
			t.Errorf("the period before is %+v, %v", one, err)
		}
		if _, err = c.FollowOne(t.Context(), admin, false, sub.UUID, earlier.PlanUUID, "1"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a period that never was: %v", err)
		}
		list, err := c.Publisher.ListWindows(t.Context(), admin, []string{models.WindowSent}, "acct_1", "", 1)
		if err != nil || len(list.Rows) != 1 || list.Next == "" || list.Rows[0].Subscriber != "Ada" {
			t.Errorf("the windows are %+v, %v", list, err)
		}
		list, err = c.Publisher.ListWindows(t.Context(), admin, nil, "", list.Next, 5)
		if err != nil || len(list.Rows) != 1 || list.Next != "" {
			t.Errorf("the last page is %+v, %v", list, err)
		}
		for name, who := range map[string]accounts.Actor{"another tenant's admin": {Tenant: 8, Person: "x", Roles: []accounts.Role{accounts.Admin}}, "a publisher": w.owner(t)} {
			if _, err := c.FollowOne(t.Context(), who, false, sub.UUID, "", ""); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
