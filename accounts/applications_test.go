package accounts_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
)

type ctx = context.Context

func TestApplicationsBelongToOnePerson(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		ada := w.person(t, w.us, "ada", accounts.Subscriber)
		bob := w.person(t, w.us, "bob", accounts.Subscriber, accounts.Admin)
		twin := w.person(t, w.them, "ada", accounts.Subscriber)
		shop, err := w.apps.Create(t.Context(), ada, accounts.ApplicationInput{Name: " Shop ", Description: "Sells"})
		must(t, err)
		if shop.Name != "Shop" || shop.ID == 0 || shop.UUID == "" {
			t.Errorf("made %+v", shop)
		}
		for _, stranger := range []accounts.Actor{bob, twin} {
			_, err := w.apps.ByUUID(t.Context(), stranger, shop.UUID)
			_, absent := w.apps.ByUUID(t.Context(), stranger, models.NewID())
			refused(t, err, fault.NotFound, "read")
			if err.Error() != absent.Error() {
				t.Errorf("foreign reads %q, absent %q", err, absent)
			}
			refused(t, w.apps.Edit(t.Context(), stranger, shop.UUID, accounts.ApplicationInput{Name: "Mine"}), fault.NotFound, "edit")
			refused(t, w.drop(t, stranger, shop), fault.NotFound, "delete")
			list, err := w.apps.List(t.Context(), stranger)
			must(t, err)
			if len(list) != 0 {
				t.Errorf("a stranger lists %d", len(list))
			}
			if _, err := w.apps.Create(t.Context(), stranger, accounts.ApplicationInput{Name: "Shop"}); err != nil {
				t.Errorf("the name is taken for strangers too: %v", err)
			}
		}
		publisher := w.person(t, w.us, "pub", accounts.Publisher)
		_, err = w.apps.Create(t.Context(), publisher, accounts.ApplicationInput{Name: "Shop"})
		refused(t, err, fault.NotFound, "create without the role")
	})
}

func TestTwoTabsMakeOneApplication(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		ada := w.person(t, w.us, "ada", accounts.Subscriber)
		made, errs := together(5, func(int) error { // the subscriber's row is made on the way
			_, err := w.apps.Create(t.Context(), ada, accounts.ApplicationInput{Name: "Shop"})
			return err
		})
		if made != 1 {
			t.Errorf("%d applications of one name: %v", made, errs)
		}
		_, err := w.apps.Create(t.Context(), ada, accounts.ApplicationInput{Name: "Shop"})
		wrongAt(t, err, "name")
		second, err := w.apps.Create(t.Context(), ada, accounts.ApplicationInput{Name: "Second"})
		must(t, err)
		wrongAt(t, w.apps.Edit(t.Context(), ada, second.UUID, accounts.ApplicationInput{Name: "Shop"}), "name")
		must(t, w.apps.Edit(t.Context(), ada, second.UUID, accounts.ApplicationInput{Name: "Store", Description: "é"}))
		must(t, w.drop(t, ada, second))
		refused(t, w.drop(t, ada, second), fault.NotFound, "delete twice")
		third, err := w.apps.Create(t.Context(), ada, accounts.ApplicationInput{Name: "Store"}) // the name is free again
		must(t, err)
		list, err := w.apps.List(t.Context(), ada)
		must(t, err)
		if len(list) != 2 || list[1].UUID != third.UUID {
			t.Errorf("the list is %+v", list)
		}
		if deeds := w.deeds(t, w.us); !slices.Contains(deeds, "application.delete") {
			t.Errorf("the audit has %v", deeds)
		}
	})
}

func TestASubscribedApplicationStays(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		ada := w.person(t, w.us, "ada", accounts.Subscriber, accounts.Publisher)
		shop, err := w.apps.Create(t.Context(), ada, accounts.ApplicationInput{Name: "Shop"})
		must(t, err)
		sub := w.subscribe(t, ada, shop, "Weather", "")
		err = w.drop(t, ada, shop)
		refused(t, err, fault.Conflict, "delete while subscribed")
		if !strings.Contains(err.Error(), "Shop is subscribed to Weather") {
			t.Errorf("the sentence is %q", err)
		}
		_, err = db.Exec("UPDATE am_subscription SET live = NULL WHERE subscription_id = ?", sub)
		must(t, err)
		must(t, w.drop(t, ada, shop))
		err = models.InTx(t.Context(), db, func(ctx ctx, tx bun.Tx) error {
			return models.HoldApplication(ctx, tx, shop.TenantID, shop.ID)
		})
		refused(t, err, fault.NotFound, "hold a deleted one")
	})
}

// subscribe makes an API of who's with a subscription of app, paid into account,
// and returns the subscription's number.
func (w *world) subscribe(t *testing.T, who accounts.Actor, app models.Application, api, account string) int64 {
	t.Helper()
	one, now := int64(1), models.At(w.wall.Now())
	a := models.API{
		UUID: models.NewID(), Provider: who.Username, Name: api, APIVersion: "v1", Context: strings.ToLower(api), Type: models.TypeAPI,
		Organization: who.Domain, Status: models.APIPublished, TenantID: who.Tenant, OwnerID: who.Person,
		Monetization: models.MonetizationOff, Live: &one,
	}
	must(t, models.InsertAPI(t.Context(), w.db, &a))
	_, err := w.db.Exec(`INSERT INTO am_policy_subscription (name, display_name, tenant_id, description, quota_type, quota, unit_time, time_unit,
		rate_limit_count, is_deployed, custom_attributes, stop_on_quota_reach, billing_plan, uuid, max_complexity, max_depth, connections_count,
		permission_roles, created_at, updated_at, live, version)
		VALUES ('Free', 'Free', ?, '', 'requestCount', 1, 1, 'min', 0, ?, '', ?, 'FREE', ?, 0, 0, 0, '', 1, 1, 1, 0)`,
		who.Tenant, true, true, models.NewID())
	must(t, err)
	var policy int64
	must(t, w.db.NewRaw("SELECT MAX(policy_id) FROM am_policy_subscription").Scan(t.Context(), &policy))
	s := models.Subscription{
		TierID: "Free", APIID: a.ID, ApplicationID: app.ID, Status: "UNBLOCKED", CreateState: "SUBSCRIBE", CreatedTime: now,
		UpdatedTime: now, UUID: models.NewID(), TenantID: who.Tenant, PolicyID: policy, Checkout: "none", Account: account, Live: &one,
	}
	must(t, models.InTx(t.Context(), w.db, func(ctx context.Context, tx bun.Tx) error { return models.InsertSubscription(ctx, tx, &s) }))
	return s.ID
}

func link(t *testing.T, w *world, who accounts.Actor, account string) (models.ConnectedAccount, error) {
	t.Helper()
	var row models.ConnectedAccount
	err := models.InTx(t.Context(), w.db, func(ctx ctx, tx bun.Tx) (err error) {
		row, err = w.linked.Link(ctx, tx, who, "acct_P", accounts.AccountValues{
			StripeAccount: account, Name: "Northwind", Country: "US", DefaultCurrency: "usd", Due: []string{"external_account"},
		})
		return err
	})
	return row, err
}

func TestAConnectedAccountHasOneOwner(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		ada := w.person(t, w.us, "ada", accounts.Publisher)
		bob := w.person(t, w.us, "bob", accounts.Publisher)
		twin := w.person(t, w.them, "ada", accounts.Publisher)
		row, err := link(t, w, ada, "acct_1")
		must(t, err)
		again, err := link(t, w, ada, "acct_1")
		must(t, err)
		if again.ID != row.ID {
			t.Errorf("linking again made another row")
		}
		for _, other := range []accounts.Actor{bob, twin} {
			_, err := link(t, w, other, "acct_1")
			wrongAt(t, err, accounts.ConnectedAccountKey)
			_, err = w.linked.ByID(t.Context(), other, row.ID)
			refused(t, err, fault.NotFound, "read")
			refused(t, w.linked.Release(t.Context(), other, row.ID), fault.NotFound, "release")
		}
		if _, err := link(t, w, ada, "acct_A"); err != nil { // another id: Stripe's ids differ by case
			t.Error(err)
		}
		if _, err := link(t, w, bob, "acct_a"); err != nil {
			t.Error(err)
		}
		people := []accounts.Actor{ada, bob, twin}
		linked, errs := together(3, func(i int) error {
			_, err := link(t, w, people[i], "acct_raced")
			return err
		})
		if linked != 1 {
			t.Errorf("%d people hold one account: %v", linked, errs)
		}
		must(t, w.linked.Release(t.Context(), ada, row.ID))
		if _, err := link(t, w, bob, "acct_1"); err != nil {
			t.Errorf("a released account stays taken: %v", err)
		}
	})
}

func TestAConnectedAccountIsRefreshed(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		ada := w.person(t, w.us, "ada", accounts.Publisher)
		row, err := link(t, w, ada, "acct_1")
		must(t, err)
		v := accounts.AccountValues{StripeAccount: "acct_1", Name: "Northwind", Country: "US", DefaultCurrency: "usd", ChargesEnabled: true}
		for _, want := range []bool{true, false} {
			fresh, err := w.linked.Refresh(t.Context(), ada.Tenant, v)
			must(t, err)
			if fresh != want {
				t.Errorf("fresh = %v, want %v", fresh, want)
			}
		}
		got, err := w.linked.ByID(t.Context(), ada, row.ID)
		must(t, err)
		if !got.ChargesEnabled || len(got.Due) != 0 {
			t.Errorf("the row is %+v", got)
		}
		_, err = w.linked.Refresh(t.Context(), w.them.Tenant, v)
		refused(t, err, fault.NotFound, "another tenant's")
		mine, err := w.linked.Mine(t.Context(), ada)
		must(t, err)
		all, err := w.linked.OfTenant(t.Context(), w.us)
		must(t, err)
		if len(mine) != 1 || len(all) != 1 || all[0].OwnerName != "The ada" || all[0].StripeAccount != "acct_1" {
			t.Errorf("%d mine, %d of the tenant", len(mine), len(all))
		}
	})
}

func TestAnAccountThatIsPaidStays(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		ada := w.person(t, w.us, "ada", accounts.Publisher, accounts.Subscriber)
		row, err := link(t, w, ada, "acct_1")
		must(t, err)
		app, err := w.apps.Create(t.Context(), ada, accounts.ApplicationInput{Name: "Shop"})
		must(t, err)
		w.subscribe(t, ada, app, "Weather", "acct_1")
		err = w.linked.Release(t.Context(), ada, row.ID)
		refused(t, err, fault.Conflict, "release")
		if !strings.Contains(err.Error(), "Weather") {
			t.Errorf("the sentence is %q", err)
		}
	})
}

func TestTheAuditHasPages(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		for _, name := range []string{"a", "b", "c", "d", "e"} { // at one instant
			_, err := w.people.Create(t.Context(), w.us, accounts.PersonInput{Username: name, DisplayName: name, Roles: []accounts.Role{accounts.Admin}})
			must(t, err)
		}
		var seen []string
		after := ""
		for range 9 {
			page, err := w.audit.Page(t.Context(), w.us, after, 2)
			must(t, err)
			for _, row := range page.Rows {
				seen = append(seen, row.ObjectName)
			}
			if after = page.After; after == "" {
				break
			}
		}
		slices.Sort(seen)
		if strings.Join(seen, "") != "abcde" {
			t.Errorf("the pages show %v", seen)
		}
		if page, err := w.audit.Page(t.Context(), w.us, "nonsense", 2); err != nil || len(page.Rows) != 2 {
			t.Errorf("a place that is none: %d rows, %v", len(page.Rows), err)
		}
	})
}

// drop deletes an application without having been shown anything.
func (w *world) drop(t *testing.T, who accounts.Actor, app models.Application) error {
	t.Helper()
	_, err := w.apps.Delete(t.Context(), who, app.UUID, accounts.Consent{})
	return err
}
