package simulate

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"tollgate/sandbox"
)

// A Tale is what happened at Stripe, step by step, and the signed events that tell
// of it. It is lived through once; then its events are told in any order to a
// program that knows only how it began.
//
// An event arrives once it has happened and whatever else has happened by then: so
// Stripe is as far in the tale as the last step of those that were told.
type Tale struct {
	World  *World
	Seller *Seller
	Events []Told
	Now    func(time.Time) // moves the clock of the World

	steps []moment
	seen  map[string]bool // events, by endpoint and id: Stripe forgets them after a month
	back  func() error
	real  string // the state that Stripe is really in
	names int
	snaps map[string]sandbox.Snapshot
}

// Told is one event, and the step in which it happened.
type Told struct {
	sandbox.Webhook
	Step int
}

// moment is Stripe after a step.
type moment struct {
	name string
	at   time.Time
}

// Live makes a tale of steps, which happen one after the other to w. After each
// the program has taken every event there is and done what they ask for, so that
// what it does at Stripe is part of the tale. What it wrote is forgotten in the end.
func (w *World) Live(ctx context.Context, p *Program, s *Seller, after string, move func(time.Time), steps []func() error) (*Tale, error) {
	t := &Tale{World: w, Seller: s, Now: move, snaps: map[string]sandbox.Snapshot{}, seen: map[string]bool{}}
	old, err := w.Webhooks(ctx, s, "")
	if err != nil {
		return nil, err
	}
	news, err := w.Webhooks(ctx, s, after)
	if err != nil {
		return nil, err
	}
	for _, n := range old[:len(old)-len(news)] {
		t.seen[n.Endpoint+n.Event] = true
	}
	back, _, err := w.Store.Mark()
	if err != nil {
		return nil, err
	}
	t.back = back
	for i, step := range append([]func() error{func() error { return nil }}, steps...) {
		if err := step(); err != nil {
			return nil, fmt.Errorf("step %d: %w", i, err)
		}
		if err := t.hear(ctx, p, i); err != nil {
			return nil, fmt.Errorf("after step %d: %w", i, err)
		}
		name := "step " + strconv.Itoa(i)
		if t.snaps[name], err = w.Stripe.Snapshot(ctx); err != nil {
			return nil, err
		}
		t.steps = append(t.steps, moment{name, w.Now()})
	}
	w.Line.Remember(func(write bool) error { return t.become(ctx, write) })
	return t, t.back()
}

// hear tells p what happened in a step, until nothing more happens because of it.
func (t *Tale) hear(ctx context.Context, p *Program, step int) error {
	for {
		all, err := t.World.Webhooks(ctx, t.Seller, "")
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(n sandbox.Webhook) bool { return t.seen[n.Endpoint+n.Event] })
		if len(all) == 0 {
			return nil
		}
		for _, n := range all {
			t.seen[n.Endpoint+n.Event] = true
			t.Events = append(t.Events, Told{n, step})
			if err := t.World.Tell(ctx, p, n); err != nil {
				return err
			}
		}
	}
}

// Tell delivers a webhook to p, properly signed now, and lets p do what it asks for.
func (w *World) Tell(ctx context.Context, p *Program, n sandbox.Webhook) error {
	if err := w.Deliver(ctx, p, n); err != nil {
		return err
	}
	_, err := p.Runner.RunOnce(ctx)
	return err
}

// Deliver delivers a webhook to p, properly signed now.
func (w *World) Deliver(ctx context.Context, p *Program, n sandbox.Webhook) error {
	request, err := n.Request(ctx, w.Now())
	if err != nil {
		return err
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return err
	}
	return p.Take(ctx, request, body)
}

// Keep keeps the events of types, in the order in which they happened, and drops
// the others. A type that is named n times keeps its last n events.
func (t *Tale) Keep(types ...string) error {
	var kept []Told
	for i := len(t.Events) - 1; i >= 0; i-- {
		if n := slices.Index(types, t.Events[i].Type); n >= 0 {
			types = slices.Delete(types, n, n+1)
			kept = append(kept, t.Events[i])
		}
	}
	slices.Reverse(kept)
	t.Events = kept
	if len(types) > 0 {
		return fmt.Errorf("simulate: no such events: %q", types)
	}
	return nil
}

// become makes Stripe really be in the state that the line says it is in.
func (t *Tale) become(ctx context.Context, write bool) error {
	state := t.World.Line.known.state
	was := t.real
	if t.real = state; write {
		t.real = "" // as soon as it is written
	}
	if was == state {
		return nil
	}
	return t.World.Stripe.Restore(ctx, t.snaps[state])
}

// A Walk goes through orders of a tale's events as through a tree: what orders
// begin with alike is lived through once. The database goes back by savepoints,
// Stripe by its snapshots.
type Walk struct {
	*Tale
	Program *Program
	// Enter reports whether to go into orders that begin with prefix; nil: all.
	Enter func(prefix []int) bool
	// Check is called at the end of every order, Lost where one event is missing
	// and the tale is over.
	Check, Lost func(ctx context.Context, order []int) error

	Told int // deliveries so far
}

// Run walks.
func (k *Walk) Run(ctx context.Context) error {
	k.World.Line.At(k.steps[0].name)
	return k.visit(ctx, nil, 0)
}

func (k *Walk) visit(ctx context.Context, prefix []int, step int) error {
	for i := range k.Events {
		next := append(slices.Clone(prefix), i)
		if slices.Contains(prefix, i) || k.Enter != nil && !k.Enter(next) {
			continue
		}
		err := k.aside(func() error {
			step, err := k.tell(ctx, i, step)
			if err != nil {
				return fmt.Errorf("order %v: %w", next, err)
			}
			return k.arrived(ctx, next, step)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *Walk) arrived(ctx context.Context, order []int, step int) error {
	switch len(k.Events) - len(order) {
	case 0:
		return k.Check(ctx, order)
	case 1:
		if k.Lost == nil {
			break
		}
		err := k.aside(func() error {
			k.reach(len(k.steps) - 1)
			return k.Lost(ctx, order)
		})
		if err != nil {
			return err
		}
	}
	return k.visit(ctx, order, step)
}

// tell tells event i when the tale has come to step, and returns how far it is then.
func (k *Walk) tell(ctx context.Context, i, step int) (int, error) {
	if k.Events[i].Step > step {
		step = k.Events[i].Step
		k.reach(step)
	}
	k.Told++
	if err := k.World.Tell(ctx, k.Program, k.Events[i].Webhook); err != nil {
		return step, err
	}
	return step, k.settle(ctx)
}

// reach lets the tale go on to a step.
func (k *Walk) reach(step int) {
	k.Now(k.steps[step].at)
	k.World.Line.At(k.steps[step].name)
}

// written names the nth state of Stripe that came about by a write of ours.
func written(n int) string { return "written " + strconv.Itoa(n) }

// settle gives Stripe's state a name if something was written there.
func (k *Walk) settle(ctx context.Context) error {
	if !k.World.Line.Dirty() {
		return nil
	}
	k.names++
	name := written(k.names)
	taken, err := k.World.Stripe.Snapshot(ctx)
	if err != nil {
		return err
	}
	k.snaps[name], k.real = taken, name
	k.World.Line.At(name)
	return nil
}

// aside does something and takes it all back.
func (k *Walk) aside(do func() error) error {
	back, forget, err := k.World.Store.Mark()
	if err != nil {
		return err
	}
	now, state, names := k.World.Now(), k.World.Line.State(), k.names
	if err := do(); err != nil {
		return err
	}
	for ; k.names > names; k.names-- {
		name := written(k.names)
		delete(k.snaps, name)
		delete(k.World.readings, name)
		k.World.Line.Forget(name)
		if k.real == name {
			k.real = ""
		}
	}
	k.Now(now)
	k.World.Line.At(state)
	if err := back(); err != nil {
		return err
	}
	return forget()
}
