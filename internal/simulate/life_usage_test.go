package simulate_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"tollgate/billing"
	"tollgate/internal/simulate"
	"tollgate/usage"
)

// serve has the program take calls.
func (l *life) serve() {
	l.t.Helper()
	l.p.Serve(l.ctx)
	for range 10_000 {
		if l.p.Ledger.Ready() == nil || l.p.Dead() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	l.t.Fatal(l.p.Ledger.Ready())
}

// use makes a call of so many units under the life's subscription.
func (l *life) use(units int64) error {
	return l.w.Use(l.ctx, l.p, l.s, l.uuid, simulate.Use{ID: usage.NewCallID(l.now), Status: 200, Units: units})
}

// used has paid for Metered and made some calls, which no process writes down any more.
func (l *life) used(units ...int64) {
	l.t.Helper()
	l.paid("Metered")
	l.serve()
	for _, n := range units {
		l.now = l.now.Add(1300 * time.Millisecond)
		l.must(l.use(n))
	}
	l.p.Ledger.Close()
	l.mark()
}

// publish brings to Stripe what is due, also what a process that died was about to
// send: it held that for some seconds.
func (l *life) publish() error {
	for range 3 {
		if err := l.p.Publish(l.ctx); err != nil {
			return err
		}
		l.now = l.now.Add(10 * time.Second)
	}
	return nil
}

// allSent has everything sealed, sent and compared that was used, at a time at which
// nothing has an excuse any more.
func (l *life) allSent() {
	l.t.Helper()
	if made, _ := l.w.Traffic.Calls(); made == 0 {
		return
	}
	l.must(l.publish())
	l.now = l.now.Add(27 * time.Hour)
	l.must(l.publish())
}

// useErrands are all work on what is sold by the call.
func useErrands() []errand {
	return []errand{
		{"calls are written down", func(l *life) { l.paid("Metered") }, func(l *life) error {
			l.serve()
			for _, n := range []int64{1, 7} {
				if err := l.use(n); err != nil {
					return err
				}
			}
			l.p.Ledger.Close()
			return nil
		}},
		{"windows are published", func(l *life) { l.used(3, 4); l.now = l.now.Add(2 * time.Hour) }, (*life).publish},
		{"use is sent before an end", func(l *life) { l.used(3, 4) }, func(l *life) error {
			return l.p.Subscriptions.Cancel(l.ctx, l.s.Ada, l.uuid, billing.CancelNow)
		}},
		{"use is sent before another plan", func(l *life) { l.used(3, 4); l.now = l.now.Add(time.Minute) }, func(l *life) error {
			shown, err := l.p.Subscriptions.PreviewChange(l.ctx, l.s.Ada, l.uuid, l.s.Plans["Gold"], billing.MomentNow)
			if err != nil {
				return err
			}
			return l.p.Subscriptions.Change(l.ctx, l.s.Ada, l.uuid, shown.Shown())
		}},
	}
}

// seen reports whether Agree blames a rule.
func (l *life) seen(rule string) (bool, []string) {
	l.t.Helper()
	wrong, err := l.w.Agree(l.ctx, l.p, l.s)
	l.must(err)
	if rule == "" {
		return len(wrong) == 0, wrong
	}
	for _, line := range wrong {
		if rules, _, _ := strings.Cut(line, ":"); strings.Contains(rules, rule) {
			return true, wrong
		}
	}
	return false, wrong
}

// What is wrong with use is seen: in the ledger, in windows, at Stripe and on invoices.
func TestUseThatIsWrongIsSeen(t *testing.T) {
	t.Parallel()
	l := newLife(t)
	l.used(3, 4)
	l.now = l.now.Add(2 * time.Hour)
	l.must(l.publish())
	renewed := l.theirs().Time("items.data.0.current_period_end").Add(30 * time.Hour)
	for l.now.Before(renewed) {
		l.wait(6 * time.Hour)
	}
	l.hear("")
	l.allSent()
	if ok, wrong := l.seen(""); !ok {
		t.Fatalf("nothing is wrong: %q", wrong)
	}
	for query, rule := range map[string]string{
		"DELETE FROM usage_ledger": "I-U1",
		"UPDATE usage_ledger SET detail = CAST(x'01' || zeroblob(16) || substr(detail, 18) AS blob)":                                              "I-U2",
		"UPDATE usage_ledger SET quantity = quantity + 1":                                                                                         "I-U4",
		"UPDATE usage_ledger SET seq_from = seq_from + 1, seq_to = seq_to + 1 WHERE seq_from > 1":                                                 "I-U5",
		"UPDATE usage_ledger SET todo = 1, window_id = NULL":                                                                                      "I-U17",
		"UPDATE usage_ledger SET todo = NULL, window_id = NULL":                                                                                   "I-U17",
		"UPDATE usage_windows SET quantity = quantity + 1":                                                                                        "I-U7",
		"UPDATE usage_windows SET state = 'unbillable', note = ''":                                                                                "I-U17",
		"UPDATE usage_windows SET state = 'refused', problem = 'No.'":                                                                             "I-U17",
		"UPDATE usage_windows SET state = 'unknown'":                                                                                              "I-U10",
		"UPDATE usage_windows SET state = 'sending'":                                                                                              "I-U8",
		"UPDATE usage_windows SET customer_id = 'cus_other'":                                                                                      "I-U8",
		"UPDATE usage_windows SET account = 'acct_other'":                                                                                         "I-O6",
		"UPDATE usage_windows SET window_end = window_end + 3456000000":                                                                           "I-U9",
		"UPDATE usage_windows SET event_at = event_at - 31536000000":                                                                              "I-U22",
		"UPDATE usage_windows SET event_at = event_at + 3456000000":                                                                               "I-U22",
		"UPDATE usage_ledger SET quantity = quantity + 1, kind = 'correction', calls = 0, counted = 0, detail = NULL WHERE seq_from > 1 OR calls": "I-U3",
	} {
		back, forget, err := l.w.Store.Mark()
		l.must(err)
		for _, trigger := range []string{"update", "delete", "insert"} {
			_, err := l.p.DB.ExecContext(l.ctx, "DROP TRIGGER usage_ledger_"+trigger)
			l.must(err)
		}
		if _, err = l.p.DB.ExecContext(l.ctx, query); err != nil {
			t.Errorf("%s: %v", query, err)
		}
		if ok, wrong := l.seen(rule); !ok {
			t.Errorf("%s: %q, want %s", query, wrong, rule)
		}
		l.must(back())
		l.must(forget())
	}
	theirs := l.theirs()
	l.ask("POST /v1/subscriptions", url.Values{"default_payment_method": {theirs.Text("default_payment_method")}, "customer": {theirs.Text("customer")},
		"items[0][price]": {theirs.Text("items.data.0.price.id")}})
	if ok, wrong := l.seen("I-U18"); !ok {
		t.Errorf("two live items: %q", wrong)
	}
	l.stranger()
	if ok, wrong := l.seen("I-U8"); !ok {
		t.Errorf("units that we did not send: %q", wrong)
	}
}

// stranger is somebody else who reports to our meter.
func (l *life) stranger() {
	l.t.Helper()
	name := l.ask("GET /v1/billing/meters", nil).Text("data.0.event_name")
	l.ask("POST /v1/billing/meter_events", url.Values{"event_name": {name}, "payload[stripe_customer_id]": {l.theirs().Text("customer")}, "payload[value]": {"5"}})
}
