//go:build unix

package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/usage"
)

var (
	chaosRounds = flag.Int("chaos.rounds", 60, "how often something is killed")
	chaosEngine = flag.String("chaos.engine", "sqlite", "sqlite, postgres or mysql")
	chaosSeed   = flag.Uint64("chaos.seed", 1, "decides what is killed and when")
)

// Under load, whatever is killed whenever: a call that a client saw succeed is in
// the ledger, a call in the ledger was answered by the upstream so that it counts,
// the two differ by at most what was on its way at the kills, and Stripe has exactly
// the units of the ledger.
func TestCallsAreCountedOnceWhateverIsKilled(t *testing.T) {
	t.Parallel()
	f := muster(t, build(t), *chaosEngine)
	u := newHonestUpstream(t)
	shop := f.openShop(u.URL)
	crowd := gather(f.gateway+"/chaos/v1/n", shop.key)
	luck := rand.New(rand.NewPCG(*chaosSeed, 0))
	onTheirWay := 0
	for round := range *chaosRounds {
		time.Sleep(time.Duration(100+luck.IntN(400)) * time.Millisecond)
		victims := f.victims()
		victim := victims[luck.IntN(len(victims))]
		if victim != "sandbox" && victim != "portal" && victim != "worker" { // those carry no calls
			onTheirWay += callers
		}
		f.kill(victim)
		time.Sleep(time.Duration(luck.IntN(150)) * time.Millisecond)
		f.startAll()
		if round%20 == 19 {
			t.Logf("%d kills, %d calls seen", round+1, crowd.count())
		}
	}
	time.Sleep(time.Second)
	seen := crowd.disperse()
	f.startAll()
	f.judge(books{seen: seen, answered: u.answered(), onTheirWay: onTheirWay})
}

// Books are what each side knows of the same calls.
type books struct {
	seen, answered map[string]bool
	onTheirWay     int // at most so many calls can have been cut off
}

// judge compares the books with the ledger, and the ledger with Stripe.
func (f *fleet) judge(b books) {
	f.t.Helper()
	db, err := models.Open(f.database())
	if err != nil {
		f.t.Fatal(err)
	}
	defer db.Close()
	sub := f.subscription(db)
	ledger := f.counted(db, sub)
	for id := range b.seen {
		if !ledger[id] {
			f.t.Errorf("call %s was seen to succeed and is not in the ledger", id)
		}
	}
	for id := range ledger {
		if !b.answered[id] {
			f.t.Errorf("call %s is billed, and the upstream did not answer it so", id)
		}
	}
	if n := len(ledger) - len(b.seen); n > b.onTheirWay {
		f.t.Errorf("%d calls are billed that nobody saw succeed; %d can have been cut off", n, b.onTheirWay)
	}
	problems, err := usage.CheckLedger(f.t.Context(), db)
	if err != nil || len(problems) > 0 {
		f.t.Errorf("the ledger: %v %v", problems, err)
	}
	f.t.Logf("%d calls seen, %d in the ledger, %d answered", len(b.seen), len(ledger), len(b.answered))
	f.atStripe(db, sub, int64(len(ledger)))
}

// database is where the fleet's is.
func (f *fleet) database() string {
	if f.server != nil {
		return f.server.url
	}
	return "sqlite://" + f.env["TOLLGATE_DATA"] + "/tollgate.db"
}

// subscription is the one that is called.
func (f *fleet) subscription(db *bun.DB) models.Subscription {
	f.t.Helper()
	var sub models.Subscription
	err := db.NewSelect().Model(&sub).Join("JOIN am_api AS api ON api.api_id = sub.api_id").Where("api.context = 'chaos'").Scan(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return sub
}

// counted are the calls that the ledger bills.
func (f *fleet) counted(db *bun.DB, sub models.Subscription) map[string]bool {
	f.t.Helper()
	out := map[string]bool{}
	calls := (&usage.Reports{DB: db}).AllCalls(f.t.Context(), usage.CallQuery{Tenant: sub.TenantID, Subscription: sub.ID, Outcome: usage.Counted})
	for c, err := range calls {
		if err != nil {
			f.t.Fatal(err)
		}
		id := c.ID.String()
		if out[id] {
			f.t.Errorf("call %s is in the ledger twice", id)
		}
		out[id] = true
	}
	return out
}

// atStripe publishes everything and waits until Stripe's total is want.
func (f *fleet) atStripe(db *bun.DB, sub models.Subscription, want int64) {
	f.t.Helper()
	var customer, meter string
	ctx := f.t.Context()
	must(f.t, db.NewSelect().Model((*models.SharedCustomer)(nil)).Column("shared_customer_id").
		Where("application_id = ? AND account = ?", sub.ApplicationID, sub.Account).Scan(ctx, &customer))
	must(f.t, db.NewSelect().Model((*models.StripeMeter)(nil)).Column("meter_id").
		Where("api_id = ? AND policy_id = ? AND account = ?", sub.APIID, sub.PolicyID, sub.Account).Scan(ctx, &meter))
	wall := clock.NewWall(time.Now)
	publisher := &usage.Publisher{DB: db, Wall: wall, Business: clock.NewBusiness(wall)}
	deadline := time.Now().Add(time.Minute)
	for {
		if err := publisher.PublishNow(ctx, accounts.System(sub.TenantID, "")); err != nil {
			if fault.KindOf(err) != fault.Conflict { // one that was asked for is still running
				f.t.Fatal(err)
			}
		}
		got, err := f.total(ctx, sub.Account, meter, customer)
		if err == nil && got == want {
			return
		}
		if time.Now().After(deadline) || got > want {
			f.t.Fatalf("Stripe has %d units and the ledger %d (%v)", got, want, err)
		}
		time.Sleep(300 * time.Millisecond)
	}
}

// total is what Stripe has counted of a customer today.
func (f *fleet) total(ctx context.Context, account, meter, customer string) (int64, error) {
	now := time.Now().UTC().Truncate(time.Minute)
	q := url.Values{"customer": {customer}, "start_time": {strconv.FormatInt(now.Add(-24*time.Hour).Unix(), 10)}, "end_time": {strconv.FormatInt(now.Add(time.Minute).Unix(), 10)}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.sandbox+"/v1/billing/meters/"+meter+"/event_summaries?"+q.Encode(), nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+crashKey)
	r.Header.Set("Stripe-Account", account)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer a.Body.Close()
	var list struct {
		Data []struct {
			Value json.Number `json:"aggregated_value"`
		}
	}
	if err := json.NewDecoder(a.Body).Decode(&list); err != nil || a.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s %w", a.Status, err)
	}
	var sum int64
	for _, s := range list.Data {
		v, err := strconv.ParseFloat(s.Value.String(), 64) // as Stripe writes it; whole
		if err != nil {
			return 0, err
		}
		sum += int64(v)
	}
	return sum, nil
}
