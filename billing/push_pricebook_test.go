package billing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"

	"tollgate/accounts"
	"tollgate/billing"
)

// An outcome is what happens to one call of a pricebook.
type outcome int

const (
	fine     outcome = iota
	lostWay          // the request never arrives
	lostBack         // it is done, but the answer never arrives
	dies             // it is done, and the process dies
	refuses          // Stripe says no
)

// pricebook is a billing provider that keeps its own accounts, as Stripe would. What
// an idempotency key brought once, it brings again without doing anything.
type pricebook struct {
	billing.Engine // what the sagas must not need is nil

	t        *testing.T
	mu       sync.Mutex
	calls    []string              // every write, in order
	happens  func(n int) outcome   // for the nth write, from 1
	answers  map[string]remembered // by account and key
	accounts map[string]billing.Account
	things   map[string]*thing // by account and id
	misfits  []string          // prices that were asked for without their product or meter
	made     int
}

type remembered struct{ body, id string }

// A thing is a product, a price or a meter.
type thing struct {
	account, kind, id, name, parent string // name: lookup key or event name
	body                            string
	active                          bool
}

func newPricebook(t *testing.T) *pricebook {
	return &pricebook{t: t, answers: map[string]remembered{}, things: map[string]*thing{}, accounts: map[string]billing.Account{}}
}

var errLost = errors.New("connection reset")

// write is one write: it fails as happens says, answers a known key from memory,
// and otherwise does do.
func (b *pricebook) write(at accounts.StripeAccount, op, name, key string, body any, do func() (string, error)) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if key == "" || len(key) > 255 {
		b.t.Errorf("%s with the key %q", op, key)
	}
	b.calls = append(b.calls, op)
	out := fine
	if b.happens != nil {
		out = b.happens(len(b.calls))
	}
	switch out {
	case lostWay:
		return "", errLost
	case refuses:
		if there := b.find(at, map[string]string{"create price": "price", "ensure meter": "meter"}[op], name); there != nil {
			break // what is there already is found first
		}
		return "", &billing.Refused{Status: 400, Message: "No such luck."}
	}
	text := op + fmt.Sprintf("%+v", body)
	known, again := b.answers[b.place(at)+key]
	if again && known.body != text {
		b.t.Errorf("one key with two bodies: %s and %s", known.body, text)
	}
	if again {
		return known.id, nil
	}
	id, err := do()
	if err == nil {
		b.answers[b.place(at)+key] = remembered{text, id}
	}
	switch out {
	case lostBack:
		return "", errLost
	case dies:
		panic("killed")
	}
	return id, err
}

func (b *pricebook) place(at accounts.StripeAccount) string {
	return fmt.Sprintf("%d/%s/", at.Tenant, at.Connected)
}

func (b *pricebook) find(at accounts.StripeAccount, kind, name string) *thing {
	for _, th := range b.things {
		if th.account == b.place(at) && th.kind == kind && th.name == name {
			return th
		}
	}
	return nil
}

func (b *pricebook) add(at accounts.StripeAccount, th thing) string {
	if th.id == "" {
		b.made++
		th.id = fmt.Sprintf("%s_%d", th.kind, b.made)
	}
	th.account, th.active = b.place(at), true
	b.things[th.account+th.id] = &th
	return th.id
}

func (b *pricebook) set(at accounts.StripeAccount, id string, active bool) (string, error) {
	if th := b.things[b.place(at)+id]; th != nil {
		th.active = active
	}
	return id, nil
}

func (b *pricebook) Account(_ context.Context, at accounts.StripeAccount) (billing.Account, error) {
	a, ok := b.accounts[at.Connected]
	if !ok {
		return a, &billing.Refused{Status: 404, Message: "No such account."}
	}
	return a, nil
}

func (b *pricebook) SaveProduct(_ context.Context, at accounts.StripeAccount, key string, in billing.Product) error {
	_, err := b.write(at, "save product", in.ID, key, in, func() (string, error) {
		b.add(at, thing{kind: "product", id: in.ID, name: in.Name})
		return in.ID, nil
	})
	return err
}

func (b *pricebook) ArchiveProduct(_ context.Context, at accounts.StripeAccount, key, id string) error {
	_, err := b.write(at, "archive product", id, key, id, func() (string, error) { return b.set(at, id, false) })
	return err
}

func (b *pricebook) CreatePrice(_ context.Context, at accounts.StripeAccount, key string, in billing.PriceInput) (string, error) {
	body := fmt.Sprint(in.Product, in.Amount, in.Rate, in.Meter, in.Cycle)
	return b.write(at, "create price", in.LookupKey, key, body+in.LookupKey+in.Nickname, func() (string, error) {
		if (in.Meter == "") == in.Amount.Currency().IsZero() {
			b.t.Errorf("a price has both or neither of amount and meter: %+v", in)
		}
		if th := b.find(at, "price", in.LookupKey); th != nil {
			if th.body != body {
				b.t.Errorf("a price changed from %s to %s", th.body, body)
			}
			th.active = true
			return th.id, nil
		}
		p, m := b.things[b.place(at)+in.Product], b.things[b.place(at)+in.Meter]
		if p == nil || !p.active || in.Meter != "" && (m == nil || !m.active) {
			b.misfits = append(b.misfits, in.Product+" "+in.Meter)
			return "", &billing.Refused{Status: 400, Message: "No such product or meter."}
		}
		return b.add(at, thing{kind: "price", name: in.LookupKey, parent: in.Product, body: body}), nil
	})
}

func (b *pricebook) SetPriceActive(_ context.Context, at accounts.StripeAccount, key, id string, active bool) error {
	_, err := b.write(at, "set price", id, key, fmt.Sprint(id, active), func() (string, error) { return b.set(at, id, active) })
	return err
}

func (b *pricebook) EnsureMeter(_ context.Context, at accounts.StripeAccount, key string, in billing.MeterInput) (string, error) {
	return b.write(at, "ensure meter", in.EventName, key, in, func() (string, error) {
		if th := b.find(at, "meter", in.EventName); th != nil {
			th.active = true
			return th.id, nil
		}
		return b.add(at, thing{kind: "meter", name: in.EventName}), nil
	})
}

func (b *pricebook) DeactivateMeter(_ context.Context, at accounts.StripeAccount, key, id string) error {
	_, err := b.write(at, "stop meter", id, key, id, func() (string, error) { return b.set(at, id, false) })
	return err
}

// on lists what is active in an account, by kind and then id; off counts the rest.
func (b *pricebook) on(tenant int64, account string) (active []string, off int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, th := range b.things {
		if th.account != fmt.Sprintf("%d/%s/", tenant, account) {
			continue
		}
		if th.active {
			active = append(active, th.kind)
		} else {
			off++
		}
	}
	sort.Strings(active)
	return active, off
}

// dump is what is in the books, for messages.
func (b *pricebook) dump() string {
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(b.things)) {
		text, err := json.Marshal([]any{k, b.things[k].active, b.things[k].name})
		if err == nil {
			lines = append(lines, string(text))
		}
	}
	return strings.Join(lines, "\n")
}
