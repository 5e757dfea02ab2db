package simulate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"tollgate/access"
	"tollgate/models"
	"tollgate/usage"
)

// The times of a program's ledger. Nothing in a bubble may wake up often for nothing.
const (
	ledgerBeat     = 6 * time.Hour
	ledgerPatience = 100 * time.Millisecond
)

// count makes what counts usage, as main does.
func (p *Program) count(w *World) {
	p.Publisher = &usage.Publisher{DB: p.DB, Sink: p.Engine, Wall: p.wall, Business: p.business, Log: w.Log, Installation: p.Installation}
	p.Subscriptions.Usage = &usage.Flusher{Publisher: p.Publisher}
	p.Comparer = &usage.Comparer{Publisher: p.Publisher, Invoices: p.Subscriptions}
	p.Packer = &usage.Packer{DB: p.DB, Wall: p.wall, Business: p.business, Log: w.Log}
}

// Serve begins to take calls, by an actor called ledger. It returns at once.
func (p *Program) Serve(ctx context.Context) {
	p.Ledger = usage.NewLedger(usage.LedgerOptions{DB: p.DB, Wall: p.wall, Business: p.business, Kind: usage.KindGateway, Name: "simulated",
		Patience: ledgerPatience, Beat: ledgerBeat})
	run, crash := context.WithCancel(As(context.WithoutCancel(ctx), "ledger"))
	p.crash, p.ended = crash, make(chan struct{})
	go func() {
		defer close(p.ended)
		_ = p.Ledger.Run(run) // what it could not leave in order is what Agree looks at
	}()
}

// Kill ends the program: nothing it still does has any effect.
func (p *Program) Kill() {
	p.Handle.Kill()
	if p.crash != nil {
		p.crash()
	}
}

// Stop ends the program in an orderly way, unless it was killed.
func (p *Program) Stop() error {
	if p.Ledger != nil {
		p.Ledger.Close()
		<-p.ended
		p.crash()
	}
	return p.Close()
}

// Publish brings to Stripe what was used, as far as that is due, and compares it.
func (p *Program) Publish(ctx context.Context) error {
	if _, err := p.Publisher.RunOnce(ctx); err != nil {
		return err
	}
	_, err := p.Comparer.RunOnce(ctx)
	return err
}

// Follow does everything that is due now, as main does wherever time is moved, and
// returns when there is something to do again: when something changes by time alone,
// or what could not be done now is tried again. Zero: nothing is planned.
func (p *Program) Follow(ctx context.Context) (next time.Time, err error) {
	if _, err := p.Runner.RunOnce(ctx); err != nil {
		return next, err
	}
	if _, err := p.Heal(ctx); err != nil {
		return next, err
	}
	if err := p.Publish(ctx); err != nil {
		return next, err
	}
	if _, err := p.Runner.RunOnce(ctx); err != nil {
		return next, err
	}
	if next, err = p.Subscriptions.NextDue(ctx); err != nil {
		return next, err
	}
	for _, when := range []func() (time.Time, error){
		func() (time.Time, error) { return p.Publisher.NextDue(ctx) },
		func() (time.Time, error) { at, err := models.NextJobAt(ctx, p.DB); return at.Time(), err },
		func() (time.Time, error) { at, err := models.NextWindowAt(ctx, p.DB); return at.Time(), err },
	} {
		at, err := when()
		if err != nil {
			return next, err
		}
		if next.IsZero() || !at.IsZero() && at.Before(next) {
			next = at
		}
	}
	return next, nil
}

// A Traffic is the calls that clients made, as they know of them.
type Traffic struct {
	mu   sync.Mutex
	made map[usage.CallID]Made
}

// A Made is one call.
type Made struct {
	usage.Call
	Answered bool // the client has the upstream's answer
}

func (t *Traffic) put(m Made) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.made[m.ID] = m
}

func (t *Traffic) copy() map[usage.CallID]Made {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.made)
}

func (t *Traffic) load(made map[usage.CallID]Made) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.made = maps.Clone(made)
}

// Calls returns how many calls were made, and how many of them were answered.
func (t *Traffic) Calls() (made, answered int) {
	for _, m := range t.copy() {
		if made++; m.Answered {
			answered++
		}
	}
	return made, answered
}

// errRefused is the answer to a call that the gateway does not let through.
var errRefused = errors.New("simulate: the gateway refuses the call")

// A Use is what a call is like.
type Use struct {
	ID     usage.CallID
	Status int // as the upstream answers; 2xx counts
	Units  int64
}

// Use makes a call under a subscription. The gateway looks at the subscription, asks
// the upstream, writes the call down and only then answers.
func (w *World) Use(ctx context.Context, p *Program, s *Seller, uuid string, u Use) error {
	if err := p.Ledger.Ready(); err != nil {
		return err
	}
	row, err := w.Row(ctx, p, s, uuid)
	if err != nil {
		return err
	}
	seen, err := models.CallerSubscriptionOf(ctx, p.DB, row.ApplicationID, row.APIID)
	if err != nil {
		return err
	}
	if state := p.Subscriptions.StateOf(seen.Subscription); !state.Serves(access.Production) {
		return fmt.Errorf("%w: %s", errRefused, state.Label)
	}
	m := Made{Call: usage.Call{
		ID: u.ID, Tenant: seen.TenantID, Subscription: seen.ID, API: seen.APIID, Policy: seen.PolicyID,
		Metered: seen.PriceModel == models.DynamicRate, Status: u.Status, Counted: u.Status/100 == 2, Units: u.Units, Took: time.Millisecond,
	}}
	w.Traffic.put(m)
	if err := p.Ledger.Record(ctx, m.Call); err != nil {
		return err
	}
	m.Answered = true
	w.Traffic.put(m)
	return nil
}

// Metered are the ids of the seller's living subscriptions that are sold by the call,
// and when their periods end.
func (w *World) Metered(ctx context.Context, p *Program, s *Seller) ([]models.Subscription, error) {
	var rows []models.Subscription
	err := p.DB.NewSelect().Model(&rows).Join("JOIN price_versions AS pv ON pv.id = sub.price_version_id").
		Where("sub.tenant_id = ? AND sub.live = 1 AND pv.model = ?", s.Tenant.ID, models.DynamicRate).OrderExpr("sub.subscription_id").Scan(ctx)
	return rows, err
}

// Recover has windows sent again that Stripe refused, as an admin does who has seen
// why; it returns how many.
func (p *Program) Recover(ctx context.Context, s *Seller) (int, error) {
	return p.Publisher.TryAgain(ctx, s.Admin, usage.Choice{})
}
