package simulate_test

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"slices"
	"sync"
	"time"

	"tollgate/billing"
	"tollgate/internal/simulate"
	"tollgate/models"
	"tollgate/sandbox"
	"tollgate/usage"
)

// second is how the actors of the other process are called.
const second = "second "

// serve has a process take calls; of begins the names of its actors.
func (m *simulation) serve(p *simulate.Program, of string) {
	p.Serve(simulate.As(m.ctx, of+"ledger"))
}

// callID draws the id of a call.
func (m *simulation) callID() (id usage.CallID) {
	binary.BigEndian.PutUint64(id[:], uint64(simNow().UnixMilli())<<16|0x7000|uint64(m.rand.IntN(0x1000)))
	binary.BigEndian.PutUint64(id[8:], m.rand.Uint64()>>2|1<<63)
	return id
}

// useOne draws a call.
func (m *simulation) useOne() simulate.Use {
	return simulate.Use{
		ID: m.callID(), Status: []int{200, 200, 200, 201, 204, 404, 500}[m.rand.IntN(7)],
		Units: []int64{0, 1, 1, 1, 1, 2, 7, 1000, 123_456}[m.rand.IntN(9)],
	}
}

// use makes calls: under one subscription or several at the same time, through one of
// the processes. other is one that need not be sold by the call.
func (m *simulation) use(ctx context.Context, p *simulate.Program, other string) error {
	of := ""
	if m.q != nil && m.rand.IntN(3) == 0 {
		p, of = m.q, second
	}
	rows, err := m.w.Metered(ctx, p, m.s)
	if err != nil {
		return err
	}
	served := slices.DeleteFunc(slices.Clone(rows), func(r models.Subscription) bool { return !p.Subscriptions.StateOf(r).ServesSome() })
	if len(served) > 0 && m.rand.IntN(8) > 0 {
		rows = served
	}
	type client struct {
		name, subscription string
		calls              []simulate.Use
	}
	var clients []client
	for i := range 1 + m.rand.IntN(4) {
		c := client{name: fmt.Sprintf("%sclient %d.%d", of, m.n, i), subscription: other}
		if len(rows) > 0 && m.rand.IntN(8) > 0 {
			c.subscription = rows[m.rand.IntN(len(rows))].UUID
		}
		for range 1 + m.rand.IntN(3) {
			c.calls = append(c.calls, m.useOne())
		}
		if c.subscription != "" {
			clients = append(clients, c)
		}
	}
	var all sync.WaitGroup
	for _, c := range clients {
		all.Go(func() {
			for _, one := range c.calls {
				err := m.w.Use(simulate.As(m.ctx, c.name), p, m.s, c.subscription, one)
				m.note("%s: %s: %d units: %v", c.name, c.subscription, one.Units, err)
				m.sums.add(fmt.Sprintf("call answered %v", err == nil))
			}
		})
	}
	all.Wait()
	return nil
}

// begin has one or two applications pay for calls before the bad weather begins.
func (m *simulation) begin() {
	for i := range m.rand.IntN(3) {
		sub, err := m.p.Subscriptions.Subscribe(m.ctx, m.s.Ada, billing.SubscribeInput{Application: m.apps[i], API: m.s.API, Policy: m.s.Plans["Metered"]})
		m.must(err)
		m.work(m.ctx, m.p)
		row, err := m.w.Row(m.ctx, m.p, m.s, sub.UUID)
		m.must(err)
		m.must(m.w.Pay(m.ctx, m.s, row.CheckoutSessionID, "tok_visa"))
		for _, n := range m.take() {
			m.must(m.w.Tell(m.ctx, m.p, n))
		}
	}
}

// miscounts is off as a rule: a period that our row of a subscription never came to
// know is not compared, so nobody is told of what Stripe miscounts there (seed 269).
var miscounts = flag.Bool("sim.miscount", false, "let Stripe count meter events late, twice or never in some lives")

// miscount draws what Stripe makes of meter events that it has accepted: in some
// lives it counts some of them late, twice, or never.
func (m *simulation) miscount() {
	if !*miscounts {
		return
	}
	f := sandbox.Fault{ID: "miscount", MeterEvent: "*", Percent: 10 + m.more.IntN(30), Seed: m.more.Uint64(), Standing: true}
	switch m.more.IntN(9) {
	case 0, 1:
		f.How, f.By = "late", []string{"5m", "40m", "3h", "1d"}[m.more.IntN(4)]
	case 2:
		f.How = "duplicate"
	case 3:
		f.How, f.Code = "reject", "meter_event_customer_not_found"
	default:
		return
	}
	m.note("Stripe counts: %+v", f)
	m.sums.add("!! meter events " + f.How)
	m.must(m.w.Stripe.Inject(f))
}

// publish does what a process does for usage, as far as it is due.
func (m *simulation) publish(ctx context.Context, p *simulate.Program) {
	if err := p.Publish(ctx); err != nil {
		m.note("publish: %v", err)
	}
}

// publishNow is an admin who asks for all usage to be sent.
func (m *simulation) publishNow(ctx context.Context, p *simulate.Program) error {
	return p.Publisher.PublishNow(ctx, m.s.Admin)
}

// recover is an admin who has windows sent again that Stripe refused.
func (m *simulation) recover(ctx context.Context, p *simulate.Program) error {
	_, err := p.Recover(ctx, m.s)
	return err
}

func (m *simulation) pack(ctx context.Context, p *simulate.Program) {
	if _, err := p.Packer.RunOnce(ctx); err != nil {
		m.note("pack: %v", err)
	}
}

// pause draws how long nothing happens: often until a period ends in which calls are
// sold, or shortly before or after.
func (m *simulation) pause() time.Duration {
	pauses := []time.Duration{0, 0, time.Second, time.Minute, 20 * time.Minute, 3 * time.Hour, 10 * time.Hour, 26 * time.Hour, 4 * 24 * time.Hour}
	d := pauses[m.rand.IntN(len(pauses))]
	if m.rand.IntN(4) > 0 {
		return d
	}
	rows, err := m.w.Metered(m.ctx, m.p, m.s)
	m.must(err)
	rows = slices.DeleteFunc(rows, func(r models.Subscription) bool { return r.PeriodEnd.IsZero() })
	if len(rows) == 0 {
		return d
	}
	around := []time.Duration{-2 * time.Hour, -6 * time.Minute, -90 * time.Second, -61 * time.Second, -30 * time.Second, -time.Second, 0,
		time.Second, 90 * time.Second, 10 * time.Minute, 50 * time.Minute, 58 * time.Minute, 70 * time.Minute}
	row := rows[m.rand.IntN(len(rows))]
	if to := row.PeriodEnd.Time().Add(around[m.rand.IntN(len(around))]).Sub(simNow()); to > 0 {
		return min(to, 8*24*time.Hour)
	}
	return d
}

// pass lets time go by. Where our processes are awake, they do meanwhile what falls
// due, as often as it does; else they are down.
func (m *simulation) pass(d time.Duration) {
	until := simNow().Add(d)
	if m.rand.Float64() >= m.awake {
		time.Sleep(d)
		_, err := m.w.Stripe.RunOnce(m.ctx)
		m.must(err)
		return
	}
	for rounds := 0; ; rounds++ {
		next, err := m.w.Stripe.RunOnce(m.ctx)
		m.must(err)
		if !simNow().Before(until) {
			return
		}
		due := m.follow()
		soon := simNow().Add(time.Second << min(rounds/8, 12)) // whoever fails again and again is not asked all the time
		at := until
		for _, t := range []time.Time{next, due} {
			if !t.IsZero() && t.Before(at) {
				at = t
			}
		}
		if at.Before(soon) && soon.Before(until) {
			at = soon
		}
		m.sums.add("awake")
		time.Sleep(at.Sub(simNow()))
	}
}

// follow has the first process do what is due, and returns when there is more to do.
func (m *simulation) follow() (due time.Time) {
	acts := map[string]func(context.Context){"follower": func(ctx context.Context) {
		next, err := m.p.Follow(ctx)
		if err != nil {
			m.note("follow: %v", err)
			next = simNow().Add(10 * time.Second)
		}
		due = next
	}}
	if mail := m.post(); len(mail) > 0 {
		acts["webhooks"] = func(ctx context.Context) { m.deliver(ctx, mail) }
	}
	m.stage.Play(m.ctx, acts)
	m.revive()
	return due
}

// tally adds up what became of usage.
func (m *simulation) tally() {
	var windows []models.UsageWindow
	m.must(m.p.DB.NewSelect().Model(&windows).Scan(m.ctx))
	for _, w := range windows {
		m.sums.add(fmt.Sprintf("window %s %s%s", w.State, w.Note, w.Problem))
	}
	var rows []models.UsageCompare
	m.must(m.p.DB.NewSelect().Model(&rows).Scan(m.ctx))
	for _, r := range rows {
		m.sums.add(fmt.Sprintf("period agrees %v, invoiced %v", r.Agrees, r.Invoiced != nil))
	}
	var drifts []models.Drift
	m.must(m.p.DB.NewSelect().Model(&drifts).Where("dr.object_type = 'usage'").Scan(m.ctx))
	for _, d := range drifts {
		m.sums.add(fmt.Sprintf("difference of %s, open %v", d.Field, d.Live != nil))
	}
}
