package catalog

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
)

// nameTaken is the answer to a second plan of one name.
func nameTaken() error {
	return fault.Fields{"name": "There is a plan of this name already."}.Err()
}

// CreatePlan makes a business plan.
func (s *Service) CreatePlan(ctx context.Context, who accounts.Actor, in PlanInput) (Saved, error) {
	t, err := in.read()
	if err := firstOf(runs(who), err); err != nil {
		return Saved{}, err
	}
	var saved Saved
	err = s.tx(ctx, nameTaken(), func(ctx context.Context, tx bun.Tx) error {
		if err := freeName(ctx, tx, who.Tenant, 0, t.policy.DisplayName); err != nil {
			return err
		}
		p, now := t.policy, models.At(s.Wall.Now())
		p.TenantID, p.UUID, p.Name = who.Tenant, models.NewID(), policyName(p.DisplayName)
		p.CreatedAt, p.UpdatedAt = now, now
		setPrice(&p, t.price)
		if err := models.InsertPolicy(ctx, tx, &p); err != nil {
			return err
		}
		saved = Saved{UUID: p.UUID, Version: p.Version}
		if err := s.followPlan(ctx, tx, who, p, t.price, 1, &saved); err != nil {
			return err
		}
		return s.did(ctx, tx, who, "plan.create", planObject(p), map[string]string{"price": t.price.String()})
	})
	return saved, err
}

// EditPlan changes a business plan that was read as version. Another price is a new
// price version, for new subscribers only. Saving without a change tries a price
// that Stripe refused again.
func (s *Service) EditPlan(ctx context.Context, who accounts.Actor, uuid string, version int64, in PlanInput) (Saved, error) {
	t, err := in.read()
	if err := firstOf(runs(who), err); err != nil {
		return Saved{}, err
	}
	var saved Saved
	err = s.tx(ctx, nameTaken(), func(ctx context.Context, tx bun.Tx) error {
		old, err := models.PolicyByUUID(ctx, tx, who.Tenant, uuid)
		if err != nil {
			return err
		}
		if err := firstOf(edited(version, old.Version, "this plan"), freeName(ctx, tx, who.Tenant, old.ID, t.policy.DisplayName)); err != nil {
			return err
		}
		saved, err = s.edit(ctx, tx, who, old, t)
		return err
	})
	return saved, err
}

// edit makes old what t says.
func (s *Service) edit(ctx context.Context, tx bun.Tx, who accounts.Actor, old models.Policy, t terms) (Saved, error) {
	p := t.policy
	p.ID, p.UUID, p.Name, p.TenantID, p.Live, p.Version = old.ID, old.UUID, old.Name, old.TenantID, old.Live, old.Version
	p.CreatedAt, p.UpdatedAt = old.CreatedAt, old.UpdatedAt
	setPrice(&p, t.price)
	saved := Saved{UUID: p.UUID, Version: p.Version}
	newest, number, err := newestPrice(ctx, tx, p.ID)
	if err != nil {
		return saved, err
	}
	priced := !t.price.IsFree() && (old.BillingPlan == models.PlanFree || !t.price.same(newest))
	if !equal(old, p) || priced {
		p.UpdatedAt = models.At(s.Wall.Now())
		if err := models.SavePolicy(ctx, tx, &p); err != nil {
			return saved, err
		}
		saved.Version = p.Version
		details := changes(old, p, newest, t.price)
		if err := s.did(ctx, tx, who, "plan.edit", planObject(p), details); err != nil {
			return saved, err
		}
	}
	switch {
	case priced:
		err = s.followPlan(ctx, tx, who, p, t.price, number+1, &saved)
	case p.BillingPlan == models.PlanCommercial:
		saved.Job, err = s.Follow.PlanSaved(ctx, tx, p, nil)
	case old.BillingPlan == models.PlanCommercial:
		saved.Job, err = s.Follow.PlanWithdrawn(ctx, tx, p)
	}
	return saved, err
}

// followPlan writes a new price version, if there is a price, and stages its push.
func (s *Service) followPlan(ctx context.Context, tx bun.Tx, who accounts.Actor, p models.Policy, price Price, number int, saved *Saved) error {
	if price.IsFree() {
		return nil
	}
	v := price.row(p, number)
	v.CreatedBy, v.CreatedAt = who.Username, models.At(s.Wall.Now())
	if err := models.InsertPriceVersion(ctx, tx, v); err != nil {
		return err
	}
	job, err := s.Follow.PlanSaved(ctx, tx, p, &v)
	saved.Job = job
	return err
}

// DeletePlan removes a business plan that was read as version and takes it out of
// sale everywhere. It ends the subscriptions that have it if the actor has agreed
// to that.
func (s *Service) DeletePlan(ctx context.Context, who accounts.Actor, uuid string, version int64, c accounts.Consent) (Saved, error) {
	if err := runs(who); err != nil {
		return Saved{}, err
	}
	saved := Saved{UUID: uuid}
	err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		p, err := models.PolicyByUUID(ctx, tx, who.Tenant, uuid)
		if err != nil {
			return err
		}
		if err := firstOf(models.HoldPolicy(ctx, tx, p.ID), edited(version, p.Version, "this plan")); err != nil {
			return err
		}
		if saved.Ending, err = s.endPlan(ctx, tx, who, p, c); err != nil {
			return err
		}
		p.Live, p.UpdatedAt = nil, models.At(s.Wall.Now())
		if err := firstOf(models.SavePolicy(ctx, tx, &p), models.DeleteOffersOf(ctx, tx, p.ID)); err != nil {
			return err
		}
		if saved.Job, err = s.Follow.PlanWithdrawn(ctx, tx, p); err != nil {
			return err
		}
		return s.did(ctx, tx, who, "plan.delete", planObject(p), nil)
	})
	return saved, err
}

// endPlan ends the subscriptions that have p, or refuses while there are any.
func (s *Service) endPlan(ctx context.Context, tx bun.Tx, who accounts.Actor, p models.Policy, c accounts.Consent) (string, error) {
	if s.Ends != nil {
		return s.Ends.EndPlan(ctx, tx, who, p, c)
	}
	if err := nobodyComes(ctx, tx, p); err != nil {
		return "", err
	}
	heads, err := models.Headcounts(ctx, tx, p.TenantID, "policy_id", p.ID)
	if err != nil {
		return "", err
	}
	if n := total(heads); n > 0 {
		return "", fault.New(fault.Conflict, fmt.Sprintf("%s is in use: %s. It can be deleted once nobody has it.", p.DisplayName, subscriptions(n)))
	}
	return "", nil
}

// nobodyComes refuses while subscriptions are to change to p: Stripe would give them
// a plan that is gone.
func nobodyComes(ctx context.Context, tx bun.Tx, p models.Policy) error {
	coming, err := models.ChangingTo(ctx, tx, p.TenantID, "pending_policy_id", p.ID)
	if n := total(coming); err == nil && n > 0 {
		err = fault.New(fault.Conflict, fmt.Sprintf("%s cannot be deleted yet: %s will change to it.", p.DisplayName, subscriptions(n)))
	}
	return err
}

// freeName refuses a name that another plan has, whatever its case.
func freeName(ctx context.Context, tx bun.Tx, tenant models.TenantID, self int64, name string) error {
	all, err := models.Policies(ctx, tx, tenant)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.ID != self && (strings.EqualFold(p.DisplayName, name) || self == 0 && p.Name == policyName(name)) {
			return nameTaken()
		}
	}
	return nil
}

// newestPrice returns the newest price version of a policy and its number; the
// zero Price and 0 when it never had one.
func newestPrice(ctx context.Context, db bun.IDB, policy int64) (Price, int, error) {
	vs, err := models.PriceVersionsOf(ctx, db, policy)
	if err != nil || len(vs) == 0 {
		return Price{}, 0, err
	}
	p, err := PriceOf(vs[0])
	return p, vs[0].Number, err
}

// setPrice repeats price in the columns where WSO2 keeps it.
func setPrice(p *models.Policy, price Price) {
	p.MonetizationPlan, p.BillingCycle, p.Currency, p.FixedRate, p.PricePerRequest = "", "", "", "", ""
	if price.IsFree() {
		return
	}
	p.MonetizationPlan, p.BillingCycle, p.Currency = price.Model, price.Cycle, price.Currency().Code()
	if price.Metered() {
		p.PricePerRequest = price.Rate.Decimal()
	} else {
		p.FixedRate = price.Amount.Decimal()
	}
}

// equal reports whether a and b say the same to people.
func equal(a, b models.Policy) bool {
	lists := slices.Equal(a.PermissionRoles, b.PermissionRoles) && maps.Equal(a.CustomAttributes, b.CustomAttributes)
	a.PermissionRoles, a.CustomAttributes, a.Version, a.UpdatedAt, a.Live = nil, nil, 0, 0, nil
	b.PermissionRoles, b.CustomAttributes, b.Version, b.UpdatedAt, b.Live = nil, nil, 0, 0, nil
	return lists && reflect.DeepEqual(a, b)
}

// changes names what an edit changed, for the audit.
func changes(old, now models.Policy, before, price Price) map[string]string {
	details := map[string]string{}
	if old.DisplayName != now.DisplayName {
		details["name"] = old.DisplayName + " → " + now.DisplayName
	}
	if old.BillingPlan == models.PlanFree {
		before = Price{}
	}
	if before.String() != price.String() {
		details["price"] = before.String() + " → " + price.String()
	}
	if !reflect.DeepEqual(old.GraceHours, now.GraceHours) {
		details["grace_hours"] = hours(old.GraceHours) + " → " + hours(now.GraceHours)
	}
	if len(details) == 0 {
		details["changed"] = "limits or description"
	}
	return details
}

// hours says a number of hours that may not be set.
func hours(n *int) string {
	if n == nil {
		return "as the tenant says"
	}
	return strconv.Itoa(*n)
}

func planObject(p models.Policy) accounts.Object {
	return accounts.Object{Type: "plan", ID: p.UUID, Name: p.DisplayName}
}

// firstOf returns the first error that is one. All are computed: use it where
// each is cheap and harmless when an earlier one failed.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// total counts heads.
func total(heads []models.Headcount) int64 {
	var n int64
	for _, h := range heads {
		n += h.Count
	}
	return n
}

// subscriptions says n subscriptions in words.
func subscriptions(n int64) string {
	if n == 1 {
		return "1 subscription"
	}
	return fmt.Sprintf("%d subscriptions", n)
}
