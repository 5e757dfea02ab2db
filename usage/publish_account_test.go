package usage_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/usage"
)

// An account that fails, refuses us or hangs delays no other, and is shown with what
// is wrong. Once it works again, everything arrives once.
func TestOneFailingAccountDelaysNoOther(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]error{
		"it answers with errors":  errors.New("500"),
		"it wants to be let rest": &usage.Busy{Message: "too many requests"},
		"it is closed to us":      &usage.Busy{Wait: 10 * time.Minute, Message: "not let in"},
		"it hangs":                nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testdb.Each(t, func(t *testing.T, db *bun.DB) {
				w := openMeters(t, db, 3, 2)
				sick, sink, release := w.accounts[1], w.tamper(), make(chan struct{})
				sink.blocks = func(_ context.Context, at accounts.StripeAccount) error {
					if at.Connected == sick.id && how == nil {
						<-release
						return errors.New("no answer")
					}
					if at.Connected == sick.id {
						return how
					}
					return nil
				}
				for _, a := range w.accounts {
					for _, s := range a.subs {
						w.calls(t, s, "Payg", w.business.Now().Add(-time.Minute), 5)
					}
				}
				if err := w.pub.PublishNow(t.Context(), w.admin); err != nil {
					t.Fatal(err)
				}
				over := make(chan error, 1)
				go func() { _, err := w.pub.RunOnce(context.Background()); over <- err }()
				soon(t, func() error {
					for _, a := range []*meterAccount{w.accounts[0], w.accounts[2]} {
						for _, s := range a.subs {
							if ws := w.windows(t, s); len(ws) != 1 || ws[0].State != models.WindowSent {
								return errors.New("the others wait")
							}
						}
					}
					return nil
				})
				close(release)
				if err := <-over; err != nil {
					t.Fatal(err)
				}
				status, err := w.pub.Status(t.Context(), w.admin)
				if err != nil || len(status.Troubles) != 1 || status.Troubles[0].Account != sick.id || status.Troubles[0].Units != 10 || status.Troubles[0].Problem == "" || status.Status != models.RunFailed {
					t.Errorf("status %+v, %v", status, err)
				}
				sink.blocks = nil
				w.passes(15 * time.Minute)
				w.publish(t)
				for _, a := range w.accounts {
					for _, s := range a.subs {
						if got := w.everything(t, s, "Payg"); got != 5 {
							t.Errorf("Stripe has %d, want 5", got)
						}
					}
				}
				if sink.most > 1 {
					t.Errorf("%d events of one customer and meter were under way at once", sink.most)
				}
			})
		})
	}
}

// A clear no leaves the window refused, with Stripe's reason, until an admin of its
// tenant has it tried again or writes it off; both are on record.
func TestARefusedWindowWaitsForAPerson(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := openMeters(t, db, 1, 2)
		a := w.accounts[0]
		w.post(t, a.id, "/v1/billing/meters/"+a.meters["Payg"]+"/deactivate")
		for _, s := range a.subs {
			w.calls(t, s, "Payg", w.business.Now().Add(-time.Minute), 9)
		}
		w.publishNow(t)
		w.passes(time.Hour)
		w.publish(t)
		one := w.windows(t, a.subs[0])[0]
		if one.State != models.WindowRefused || one.Attempts != 1 || !strings.Contains(one.Problem, "inactive") {
			t.Fatalf("refused: %+v", one)
		}
		other := accounts.Actor{Tenant: 8, Person: "eve", Roles: []accounts.Role{accounts.Admin}}
		if _, err := w.pub.TryAgain(t.Context(), other, usage.Choice{Window: one.ID}); fault.KindOf(err) != fault.NotFound {
			t.Errorf("another tenant's window: %v", err)
		}
		if n, err := w.pub.WriteOff(t.Context(), other, usage.Choice{}, "because"); n != 0 || err != nil {
			t.Errorf("another tenant's windows: %d, %v", n, err)
		}
		ada := accounts.Actor{Tenant: meterTenant, Person: "p-ada", Roles: []accounts.Role{accounts.Subscriber}}
		if _, err := w.pub.TryAgain(t.Context(), ada, usage.Choice{}); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("a subscriber: %v", err)
		}
		if _, err := w.pub.WriteOff(t.Context(), w.admin, usage.Choice{Window: one.ID}, ""); fault.KindOf(err) != fault.Invalid {
			t.Errorf("without a reason: %v", err)
		}
		if n, err := w.pub.WriteOff(t.Context(), w.admin, usage.Choice{Window: one.ID}, "a gift"); n != 1 || err != nil {
			t.Fatalf("writing off: %d, %v", n, err)
		}
		w.post(t, a.id, "/v1/billing/meters/"+a.meters["Payg"]+"/reactivate")
		if n, err := w.pub.TryAgain(t.Context(), w.admin, usage.Choice{Account: a.id}); n != 1 || err != nil {
			t.Fatalf("again: %d, %v", n, err)
		}
		w.publish(t)
		if got := w.everything(t, a.subs[0], "Payg") + w.everything(t, a.subs[1], "Payg"); got != 9 {
			t.Errorf("Stripe has %d, want 9", got)
		}
		if _, err := w.pub.TryAgain(t.Context(), w.admin, usage.Choice{Window: one.ID}); fault.KindOf(err) != fault.Conflict {
			t.Errorf("a window that was written off: %v", err)
		}
		trail, err := models.AuditPage(t.Context(), db, meterTenant, 0, "", 10)
		if err != nil || len(trail) != 3 || trail[0].Action != "usage.again" || trail[1].Action != "usage.write_off" || trail[1].Details["reason"] != "a gift" || trail[1].Details["units"] != "9" {
			t.Errorf("audit %+v, %v", trail, err)
		}
		w.sound(t)
	})
}

// What has nowhere to go is shown as refused, and goes once it has.
func TestUseWithoutAMeterIsShown(t *testing.T) {
	t.Parallel()
	w := openMeters(t, testdb.New(t), 1, 1)
	s := w.accounts[0].subs[0]
	if _, err := w.db.NewRaw("UPDATE stripe_meters SET policy_id = 3 WHERE policy_id = 1").Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.calls(t, s, "Payg", w.business.Now().Add(-time.Minute), 4)
	w.publishNow(t)
	if got := w.windows(t, s); got[0].State != models.WindowRefused || !strings.Contains(got[0].Problem, "no meter") {
		t.Fatalf("%+v", got)
	}
	if _, err := w.db.NewRaw("UPDATE stripe_meters SET policy_id = 1 WHERE policy_id = 3").Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := w.pub.TryAgain(t.Context(), w.admin, usage.Choice{}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	w.publish(t)
	if got := w.everything(t, s, "Payg"); got != 4 {
		t.Errorf("Stripe has %d, want 4", got)
	}
}

// The pace of an account is kept, and is used: calls are neither faster nor much
// slower than is allowed.
func TestThePaceOfAnAccount(t *testing.T) {
	t.Parallel()
	w := openMeters(t, testdb.New(t), 1, 30)
	sink := w.tamper()
	w.pub.Wall, w.pub.Rate = realWall(), 50
	for _, s := range w.accounts[0].subs {
		for i := range 4 {
			w.calls(t, s, "Payg", w.business.Now().Add(-time.Duration(i+1)*time.Hour), 1)
		}
	}
	w.publishNow(t)
	first, last := sink.times[0], sink.times[len(sink.times)-1]
	if took := last.Sub(first); len(sink.times) != 120 || took < 2100*time.Millisecond {
		t.Errorf("%d calls in %s, at 50 a second", len(sink.times), took)
	}
	for i := 60; i < len(sink.times); i++ {
		if span := sink.times[i].Sub(sink.times[i-60]); span < time.Second {
			t.Errorf("60 calls within %s", span)
			break
		}
	}
}
