package simulate_test

import (
	"testing"

	"tollgate/billing"
	"tollgate/internal/simulate"
)

// Two tenants sell the same things; a copy of their world brings everything back.
func TestAWorldSellsAndCanBeCopied(t *testing.T) {
	t.Parallel()
	l := newLife(t)
	from, err := l.w.Copy(l.ctx)
	l.must(err)
	l.paid("Gold")
	if l.theirs().Text("status") != "active" {
		t.Errorf("%s", l.theirs().Text("status"))
	}
	l.must(l.w.Load(l.ctx, from))
	for _, s := range []*simulate.Seller{l.w.A, l.w.B} {
		wrong, err := l.w.Agree(l.ctx, l.p, s)
		l.must(err)
		page, err := l.p.Subscriptions.OfTenant(l.ctx, s.Admin, billing.ListQuery{})
		l.must(err)
		if len(wrong) > 0 || len(page.Rows) != 0 {
			t.Errorf("%s: %q, %d subscriptions", s.Tenant.Domain, wrong, len(page.Rows))
		}
	}
}
