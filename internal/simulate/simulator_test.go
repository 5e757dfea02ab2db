package simulate_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/internal/simulate"
	"tollgate/models"
	"tollgate/sandbox"
)

var (
	oneSeed = flag.Int64("sim.seed", -1, "live through this seed only, and tell every step")
	seeds   = flag.Int("sim.seeds", 0, "how many seeds to live through; 0: 300 where CI is set, else 20")
	from    = flag.Int("sim.from", 1, "the first of them")
)

// regressions are seeds that failed once.
var regressions = []uint64{54}

// A simulation is thirty days of people, Stripe and bad weather.
type simulation struct {
	t     *testing.T
	ctx   context.Context
	rand  *rand.Rand
	w     *simulate.World
	stage *simulate.Stage
	p     *simulate.Program // the one that people's browsers reach
	q     *simulate.Program // another worker, nil for none
	all   []*simulate.Program
	s     *simulate.Seller
	apps  []string

	seen    map[string]bool // webhooks that were taken from Stripe
	last    string          // the last of them
	late    []sandbox.Webhook
	dropped int
	drop    float64 // of webhooks
	double  float64
	delay   float64
	skew    time.Duration // of our wall clock
	steps   []string
	n       int
	sums    *sums
}

// sums are what happened in all simulations together.
type sums struct {
	mu    sync.Mutex
	count map[string]int
}

func (s *sums) add(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count[what]++
}

// epoch is when simulations begin; bubbles begin in the year 2000.
var epoch = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

func simNow() time.Time { return epoch.Add(time.Since(bubbleEpoch)) }

var bubbleEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// opening makes a world in which two tenants sell, the same every time when no other
// test ran before. None may run meanwhile.
func opening(t *testing.T) (c simulate.Copy) {
	t.Helper()
	uuid.SetRand(seeded(1))
	defer uuid.SetRand(nil)
	synctest.Test(t, func(t *testing.T) {
		w, err := simulate.Open(t.Context(), simulate.Options{Now: simNow, Rand: seeded(0), Cycle: cycle})
		if err != nil {
			t.Fatal(err)
		}
		if c, err = w.Copy(t.Context()); err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	return c
}

func (m *simulation) open(from simulate.Copy) {
	var err error
	m.w, err = simulate.Empty(m.ctx, simulate.Options{Now: simNow, Rand: seeded(m.rand.Uint64())})
	m.must(err)
	m.must(m.w.Load(m.ctx, from))
	m.w.Chance = rand.New(rand.NewPCG(m.rand.Uint64(), 3)).Float64 //nolint:gosec // repeatable on purpose
	m.s = m.w.A
	m.apps = slices.Clone(m.s.Applications)
	m.boot()
}

func seeded(seed uint64) *rand.ChaCha8 {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	return rand.NewChaCha8(key)
}

func (m *simulation) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatalf("%v\n%s", err, m.story())
	}
}

func (m *simulation) note(format string, args ...any) {
	line := fmt.Sprintf("%s  %s", simNow().Format("01-02 15:04:05"), fmt.Sprintf(format, args...))
	if m.steps = append(m.steps, line); *oneSeed >= 0 {
		m.t.Log(line)
	}
}

// story is the last steps.
func (m *simulation) story() string {
	if *oneSeed >= 0 {
		return ""
	}
	return strings.Join(m.steps[max(0, len(m.steps)-60):], "\n")
}

func (m *simulation) boot() {
	p, err := m.w.Boot(m.ctx)
	m.must(err)
	m.p, m.all = p, append(m.all, p)
}

// kill ends the program an actor works for, and starts another.
func (m *simulation) kill(name string) {
	if name == "second worker" {
		m.q.Kill()
		return
	}
	m.p.Kill()
}

// revive starts programs in the place of those that were killed.
func (m *simulation) revive() {
	if m.p.Dead() {
		m.note("a new program starts")
		m.boot()
	}
	if m.q != nil && m.q.Dead() {
		m.q = nil
	}
}

// cycle is how often people pay: four times in a simulation.
const cycle = "week"

// days is how long a simulation lasts, in the time of its people.
const days = 30

func (m *simulation) run(from simulate.Copy) {
	m.open(from)
	defer m.close()
	m.seen = map[string]bool{}
	m.take() // what happened before is not told
	m.weather()
	m.stage = &simulate.Stage{Rand: m.rand, Weather: m.stage.Weather, Kill: m.kill, Log: func(line string) {
		m.note("      %s", line)
		if _, what, ok := strings.Cut(line, "!! "); ok {
			m.sums.add("!! " + strings.Join(strings.Fields(what)[:2], " "))
		}
	}}
	m.stage.Direct(m.w)
	twin, err := m.digest(m.w.B)
	m.must(err)
	until := simNow().AddDate(0, 0, days)
	for simNow().Before(until) {
		m.step()
	}
	m.fair()
	m.settle()
	m.check()
	if after, err := m.digest(m.w.B); err != nil || after != twin {
		m.t.Errorf("I-S4: the twin's subscriptions changed: %v", err)
	}
}

func (m *simulation) close() {
	for _, p := range m.all {
		if err := p.Stop(); err != nil {
			m.t.Error(err)
		}
	}
	if err := m.w.Close(); err != nil {
		m.t.Error(err)
	}
}

// weather draws what goes wrong and how often.
func (m *simulation) weather() {
	often := func(most float64) float64 {
		if m.rand.IntN(3) == 0 {
			return 0
		}
		return m.rand.Float64() * most
	}
	m.stage = &simulate.Stage{Weather: simulate.Weather{Store: often(0.01), Stripe: often(0.15), Crash: often(0.004), Freeze: often(0.002)}}
	m.drop, m.double, m.delay = often(0.4), often(0.3), often(0.5)
	m.note("weather %+v, webhooks dropped %.2f doubled %.2f late %.2f", m.stage.Weather, m.drop, m.double, m.delay)
}

// step lets some time go by, and a few things happen at once.
func (m *simulation) step() {
	pauses := []time.Duration{0, 0, time.Second, time.Minute, 20 * time.Minute, 3 * time.Hour, 10 * time.Hour, 26 * time.Hour, 4 * 24 * time.Hour}
	time.Sleep(pauses[m.rand.IntN(len(pauses))])
	_, err := m.w.Stripe.RunOnce(m.ctx)
	m.must(err)
	acts := map[string]func(context.Context){}
	for range 1 + m.rand.IntN(3) {
		name, act := m.act()
		if act != nil {
			acts[name] = act
		}
	}
	if mail := m.post(); len(mail) > 0 {
		acts["webhooks"] = func(ctx context.Context) { m.deliver(ctx, mail) }
	}
	if m.rand.IntN(3) > 0 {
		acts["worker"] = func(ctx context.Context) { m.work(ctx, m.p) }
	}
	if m.q == nil && m.rand.IntN(10) == 0 {
		q, err := m.w.Boot(m.ctx)
		m.must(err)
		m.q, m.all = q, append(m.all, q)
	}
	if m.q != nil && m.rand.IntN(2) == 0 {
		acts["second worker"] = func(ctx context.Context) { m.work(ctx, m.q) }
	}
	if m.rand.IntN(8) == 0 {
		acts["healer"] = func(ctx context.Context) { m.heal(ctx, m.p) }
	}
	m.stage.Play(m.ctx, acts)
	m.revive()
}

func (m *simulation) work(ctx context.Context, p *simulate.Program) {
	if _, err := p.Runner.RunOnce(ctx); err != nil {
		m.note("work: %v", err)
	}
}

func (m *simulation) heal(ctx context.Context, p *simulate.Program) {
	if _, err := p.Heal(ctx); err != nil {
		m.note("heal: %v", err)
	}
}

// take takes the new webhooks from Stripe.
func (m *simulation) take() (fresh []sandbox.Webhook) {
	all, err := m.w.Stripe.Webhooks(m.ctx, sandbox.WebhookQuery{After: m.last})
	if err != nil { // Stripe forgets events after a month
		all, err = m.w.Stripe.Webhooks(m.ctx, sandbox.WebhookQuery{})
	}
	m.must(err)
	for _, n := range all {
		if id := n.Endpoint + n.Event; !m.seen[id] {
			m.seen[id], m.last = true, n.Event
			fresh = append(fresh, n)
		}
	}
	return fresh
}

// post is what arrives now: new and late webhooks, some twice, in some order.
func (m *simulation) post() (now []sandbox.Webhook) {
	all := append(m.late, m.take()...)
	m.late = nil
	for _, n := range all {
		switch {
		case m.rand.Float64() < m.drop:
			m.dropped++
			m.note("lost: %s %s", n.Type, n.Event)
			m.sums.add("lost webhook")
		case m.rand.Float64() < m.delay:
			m.late = append(m.late, n)
		default:
			now = append(now, n)
			if m.rand.Float64() < m.double {
				now = append(now, n)
			}
		}
	}
	m.rand.Shuffle(len(now), func(i, j int) { now[i], now[j] = now[j], now[i] })
	return now
}

func (m *simulation) deliver(ctx context.Context, mail []sandbox.Webhook) {
	for i, n := range mail {
		if i%7 == 3 {
			m.forge(ctx, n)
		}
		err := m.w.Deliver(ctx, m.p, n)
		m.note("told: %s %s: %v", n.Type, n.Event, err)
		m.sums.add("told " + n.Type)
		if err != nil {
			m.late = append(m.late, n) // Stripe sends it again
		}
	}
}

// forge tells n with a signature that is not Stripe's, or too old.
func (m *simulation) forge(ctx context.Context, n sandbox.Webhook) {
	old := simNow().Add(-301 * time.Second)
	for _, signature := range []string{n.Signature(old), strings.Replace(n.Signature(simNow()), "v1=", "v1=0", 1), ""} {
		if err := m.p.Inbox.Receive(ctx, m.s.Tenant.Domain, n.Body, signature); err == nil {
			m.t.Errorf("I-S2: a forged delivery was taken")
		}
	}
}

// act draws something that somebody does.
func (m *simulation) act() (string, func(context.Context)) {
	m.n++
	who := fmt.Sprintf("browser %d", m.n)
	sub := m.any()
	acts := []struct {
		name   string
		weight int
		do     func(ctx context.Context, p *simulate.Program) error
	}{
		{"subscribe", 12, m.subscribe},
		{"pay", 14, m.pay},
		{"cancel at period end", 3, m.on(sub, func(ctx context.Context, p *simulate.Program, uuid string) error {
			return p.Subscriptions.Cancel(ctx, m.s.Ada, uuid, billing.CancelAtPeriodEnd)
		})},
		{"cancel now", 2, m.on(sub, func(ctx context.Context, p *simulate.Program, uuid string) error {
			return p.Subscriptions.Cancel(ctx, m.s.Ada, uuid, billing.CancelNow)
		})},
		{"resume", 3, m.on(sub, func(ctx context.Context, p *simulate.Program, uuid string) error {
			return p.Subscriptions.Resume(ctx, m.s.Ada, uuid)
		})},
		{"start again", 3, m.on(sub, func(ctx context.Context, p *simulate.Program, uuid string) error {
			_, err := p.Subscriptions.StartAgain(ctx, m.s.Ada, uuid)
			return err
		})},
		{"refresh", 2, m.on(sub, func(ctx context.Context, p *simulate.Program, uuid string) error {
			return p.Subscriptions.Refresh(ctx, m.s.Ada, uuid)
		})},
		{"block", 2, m.on(sub, m.hold(access.HoldAll))},
		{"block production", 1, m.on(sub, m.hold(access.HoldProduction))},
		{"unblock", 3, m.on(sub, m.hold(access.NoHold))},
		{"change plan", 6, m.on(sub, m.change)},
		{"undo the change", 2, m.on(sub, func(ctx context.Context, p *simulate.Program, uuid string) error {
			return p.Subscriptions.UndoChange(ctx, m.s.Ada, uuid)
		})},
		{"edit a price", 2, m.edit},
		{"monetization off", 1, m.monetize(false)},
		{"monetization on", 3, m.monetize(true)},
		{"at Stripe", 10, m.atStripe},
		{"end it as the publisher", 2, m.on(sub, m.endOne)},
		{"end the sale", 1, m.endSale},
		{"delete an application", 1, m.deleteApplication},
	}
	total := 0
	for _, a := range acts {
		total += a.weight
	}
	for n := m.rand.IntN(total); ; {
		if n -= acts[0].weight; n >= 0 {
			acts = acts[1:]
			continue
		}
		a, p := acts[0], m.p
		return who, func(ctx context.Context) {
			err := a.do(ctx, p)
			m.note("%s: %s: %v", who, a.name, err)
			if err == nil {
				m.sums.add(a.name)
			}
		}
	}
}

// any is one of the subscriptions there are, "" for none.
func (m *simulation) any() string {
	var rows []models.Subscription
	err := m.p.DB.NewSelect().Model(&rows).Where("sub.tenant_id = ?", m.s.Tenant.ID).OrderExpr("sub.subscription_id DESC").Limit(8).Scan(m.ctx)
	m.must(err)
	if m.rand.IntN(5) > 0 { // mostly one that lives
		rows = slices.DeleteFunc(rows, func(r models.Subscription) bool { return r.Live == nil })
	}
	if len(rows) == 0 {
		return ""
	}
	return rows[m.rand.IntN(len(rows))].UUID
}

func (m *simulation) on(uuid string, do func(context.Context, *simulate.Program, string) error) func(context.Context, *simulate.Program) error {
	return func(ctx context.Context, p *simulate.Program) error {
		if uuid == "" {
			return nil
		}
		return do(ctx, p, uuid)
	}
}

func (m *simulation) hold(h access.Hold) func(context.Context, *simulate.Program, string) error {
	return func(ctx context.Context, p *simulate.Program, uuid string) error {
		return p.Subscriptions.Hold(ctx, m.s.Publisher, uuid, h)
	}
}

func (m *simulation) subscribe(ctx context.Context, p *simulate.Program) error {
	plan := []string{"Gold", "Gold", "Silver", "Metered", "Free"}[m.rand.IntN(5)]
	_, err := p.Subscriptions.Subscribe(ctx, m.s.Ada, billing.SubscribeInput{
		Application: m.apps[m.rand.IntN(len(m.apps))], API: m.s.API, Policy: m.s.Plans[plan],
	})
	return err
}

func (m *simulation) change(ctx context.Context, p *simulate.Program, uuid string) error {
	plan := []string{"Gold", "Silver", "Free", "Metered"}[m.rand.IntN(4)]
	when := []billing.Moment{billing.MomentNow, billing.MomentAtPeriodEnd}[m.rand.IntN(2)]
	shown, err := p.Subscriptions.PreviewChange(ctx, m.s.Ada, uuid, m.s.Plans[plan], when)
	if err != nil {
		return err
	}
	return p.Subscriptions.Change(ctx, m.s.Ada, uuid, shown.Shown())
}

func (m *simulation) edit(ctx context.Context, p *simulate.Program) error {
	row, err := p.Catalog.Plan(ctx, m.s.Admin, m.s.Plans["Gold"])
	if err != nil {
		return err
	}
	_, err = p.Catalog.EditPlan(ctx, m.s.Admin, m.s.Plans["Gold"], row.Policy.Version, catalog.PlanInput{
		Name: "Gold", BillingPlan: models.PlanCommercial, Model: models.FixedRate, Price: fmt.Sprintf("%d.00", 20+m.rand.IntN(40)), Currency: "usd", Cycle: cycle, RateLimit: "100",
	})
	return err
}

func (m *simulation) monetize(on bool) func(context.Context, *simulate.Program) error {
	return func(ctx context.Context, p *simulate.Program) error {
		in := billing.MonetizeInput{Enabled: on}
		if on {
			in.Properties = map[string]string{billing.ConnectedAccountKey: m.s.Account}
		}
		_, err := p.Sales.Monetize(ctx, m.s.Publisher, m.s.API, in)
		return err
	}
}

// pay pays one of the checkouts that are open, with some card.
func (m *simulation) pay(ctx context.Context, _ *simulate.Program) error {
	open, err := m.w.Ask(m.ctx, m.s, m.s.Account, "GET /v1/checkout/sessions", url.Values{"status": {"open"}})
	if err != nil || len(open.List("data")) == 0 {
		return err
	}
	all := open.List("data")
	card := []string{"tok_visa", "tok_visa", "tok_visa", "tok_chargeDeclined", "tok_chargeCustomerFail", "tok_threeDSecure2Required"}[m.rand.IntN(6)]
	return m.w.Pay(m.ctx, m.s, all[m.rand.IntN(len(all))].Text("id"), card)
}

// atStripe does what a customer or the publisher does on Stripe's own pages.
func (m *simulation) atStripe(_ context.Context, _ *simulate.Program) error {
	ctx := m.ctx
	all, err := m.w.Ask(ctx, m.s, m.s.Account, "GET /v1/subscriptions", nil)
	if err != nil || len(all.List("data")) == 0 {
		return err
	}
	subs := all.List("data")
	id := subs[m.rand.IntN(len(subs))].Text("id")
	ask := func(what string, form url.Values) error {
		m.note("at Stripe: %s %v", what, form)
		_, err := m.w.Ask(ctx, m.s, m.s.Account, what, form)
		return err
	}
	switch m.rand.IntN(9) {
	case 0:
		return ask("POST /v1/subscriptions/"+id, url.Values{"cancel_at_period_end": {"true"}})
	case 1:
		return ask("POST /v1/subscriptions/"+id, url.Values{"cancel_at_period_end": {"false"}})
	case 2:
		if m.rand.IntN(2) == 0 {
			return ask("DELETE /v1/subscriptions/"+id, nil)
		}
		return m.w.PayOpen(ctx, m.s, id)
	case 3, 4:
		return m.w.SetCard(ctx, m.s, id, "chargeCustomerFail")
	case 5, 6:
		if err := m.w.SetCard(ctx, m.s, id, "visa"); err != nil {
			return err
		}
		return m.w.PayOpen(ctx, m.s, id)
	case 7:
		return m.stray(ctx, id)
	}
	return m.w.PayOpen(ctx, m.s, id)
}

// stray pays a session that we know nothing of, for a wish that was paid already.
func (m *simulation) stray(ctx context.Context, id string) error {
	sub, err := m.w.Ask(ctx, m.s, m.s.Account, "GET /v1/subscriptions/"+id, nil)
	if err != nil {
		return err
	}
	item := "line_items[0][quantity]"
	if sub.Text("items.data.0.price.recurring.usage_type") == "metered" {
		item = "line_items[0][price]"
	}
	form := url.Values{
		"mode": {"subscription"}, "customer": {sub.Text("customer")}, item: {"1"}, "success_url": {simulate.PortalHost},
		"metadata[subscription]": {sub.Text("metadata.subscription")}, "metadata[installation]": {sub.Text("metadata.installation")},
		"subscription_data[metadata][subscription]": {sub.Text("metadata.subscription")}, "subscription_data[metadata][installation]": {sub.Text("metadata.installation")},
	}
	form.Set("line_items[0][price]", sub.Text("items.data.0.price.id"))
	session, err := m.w.Ask(ctx, m.s, m.s.Account, "POST /v1/checkout/sessions", form)
	if err != nil {
		return err
	}
	m.note("at Stripe: a second session of %s", id)
	return m.w.Pay(ctx, m.s, session.Text("id"), "tok_visa")
}

// fair ends the faults.
func (m *simulation) fair() {
	m.note("the weather is fair from here on")
	m.revive()
	m.stage.Weather, m.drop, m.double, m.delay = simulate.Weather{}, 0, 0, 0
	m.w.Store.Hook, m.w.Line.Hook = nil, nil
}

// settle lets everything come to an end that is under way.
func (m *simulation) settle() {
	for range 12 {
		m.deliver(m.ctx, m.post())
		for range 3 {
			m.work(m.ctx, m.p)
			time.Sleep(3 * time.Minute)
		}
		m.heal(m.ctx, m.p)
		m.work(m.ctx, m.p)
	}
}

func (m *simulation) check() {
	for _, s := range []*simulate.Seller{m.w.A, m.w.B} {
		wrong, err := m.w.Agree(m.ctx, m.p, s)
		m.must(err)
		for _, line := range wrong {
			m.t.Error(line)
		}
	}
	var rows []models.Subscription
	m.must(m.p.DB.NewSelect().Model(&rows).Scan(m.ctx))
	for _, r := range rows {
		m.sums.add(fmt.Sprint("ends ", r.Status, " live ", r.Live != nil))
	}
	if m.t.Failed() {
		m.t.Log(m.story())
	}
}

// digest is a seller's subscriptions in short.
func (m *simulation) digest(s *simulate.Seller) (string, error) {
	var rows []models.Subscription
	err := m.p.DB.NewSelect().Model(&rows).Where("sub.tenant_id = ?", s.Tenant.ID).OrderExpr("sub.subscription_id").Scan(m.ctx)
	return fmt.Sprint(rows), err
}

// Whatever people do, and whatever goes wrong meanwhile, in the end we and Stripe
// agree. Go on with one seed: go test ./internal/simulate -run Simulator -sim.seed=N
func TestSimulator(t *testing.T) {
	world := opening(t)
	t.Parallel()
	var list []uint64
	switch n := *seeds; {
	case *oneSeed >= 0:
		list = []uint64{uint64(*oneSeed)}
	default:
		list = append(list, regressions...)
		if n == 0 {
			if n = 20; os.Getenv("CI") != "" {
				n = 300
			}
		}
		for i := range n {
			list = append(list, uint64(*from+i))
		}
	}
	all := &sums{count: map[string]int{}}
	t.Run("lives", func(t *testing.T) {
		for _, seed := range list {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					m := &simulation{t: t, ctx: t.Context(), rand: rand.New(rand.NewPCG(seed, 7)), sums: all} //nolint:gosec // repeatable on purpose
					m.run(world)
				})
			})
		}
	})
	var lines []string
	for what, n := range all.count {
		lines = append(lines, fmt.Sprintf("%7d %s", n, what))
	}
	slices.Sort(lines)
	t.Logf("%d seeds:\n%s", len(list), strings.Join(lines, "\n"))
}

// consent is what somebody agrees to who has seen what would end.
func (m *simulation) consent(ctx context.Context, p *simulate.Program, who accounts.Actor, t billing.EndTarget) (accounts.Consent, error) {
	how := []string{"now", "refund", "period-end"}[m.rand.IntN(3)]
	shown, err := p.Ends.Preview(ctx, who, t, 0)
	return accounts.ConsentOf(shown.Seen, how, "Ended."), err
}

func (m *simulation) endOne(ctx context.Context, p *simulate.Program, uuid string) error {
	c, err := m.consent(ctx, p, m.s.Publisher, billing.EndTarget{Kind: models.EndOfSubscription, ID: uuid, As: accounts.Publisher})
	if err != nil {
		return err
	}
	_, err = p.Ends.EndOne(ctx, m.s.Publisher, uuid, accounts.Publisher, c)
	return err
}

func (m *simulation) endSale(ctx context.Context, p *simulate.Program) error {
	c, err := m.consent(ctx, p, m.s.Publisher, billing.EndTarget{Kind: models.EndOfSale, ID: m.s.API})
	if err != nil {
		return err
	}
	_, _, err = p.Ends.EndSale(ctx, m.s.Publisher, m.s.API, c)
	return err
}

// deleteApplication takes an application away, and makes another.
func (m *simulation) deleteApplication(ctx context.Context, p *simulate.Program) error {
	i := m.rand.IntN(len(m.apps))
	c, err := m.consent(ctx, p, m.s.Ada, billing.EndTarget{Kind: models.EndOfApplication, ID: m.apps[i]})
	if err != nil {
		return err
	}
	if c.How == models.EndsWithPeriods {
		c.How = models.EndsNow
	}
	c.Refund = false
	if _, err = p.Applications.Delete(ctx, m.s.Ada, m.apps[i], c); err != nil {
		return err
	}
	made, err := p.Applications.Create(ctx, m.s.Ada, accounts.ApplicationInput{Name: fmt.Sprint("App ", m.n)})
	if err == nil {
		m.apps[i] = made.UUID
	}
	return err
}
