// Package catalog is what is for sale: APIs and API products, business plans
// (subscription policies), price versions, and which API offers which plan. It
// keeps our side only; billing makes Stripe follow.
package catalog

import (
	"context"
	"strings"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/models"
)

// A Follower is told of changes that the billing provider must follow, inside the
// transaction that makes them. It stages the work and returns the job that will
// do it, "" when there is nothing to do.
type Follower interface {
	// PlanSaved follows a commercial plan that was made or edited. price is its new
	// price version, nil when the price is the old one.
	PlanSaved(ctx context.Context, tx bun.Tx, p models.Policy, price *models.PriceVersion) (job string, err error)
	// PlanWithdrawn follows a plan that is not sold any more: deleted, or made free.
	PlanWithdrawn(ctx context.Context, tx bun.Tx, p models.Policy) (job string, err error)
	// APIChanged follows an API that was renamed or deleted, or offers other plans.
	APIChanged(ctx context.Context, tx bun.Tx, a models.API) (job string, err error)
}

// An Ender ends subscriptions, inside the transaction that takes away what they
// are to. It returns the ending that shows how far that is, "" when nothing was
// subscribed. It is *accounts.Unconfirmed when the subscriptions were not shown, or
// others than those that were shown would end.
type Ender interface {
	// EndAPI ends every subscription to an API of the actor's.
	EndAPI(ctx context.Context, tx bun.Tx, who accounts.Actor, a models.API, c accounts.Consent) (ending string, err error)
	// EndPlan ends every subscription with a plan.
	EndPlan(ctx context.Context, tx bun.Tx, who accounts.Actor, p models.Policy, c accounts.Consent) (ending string, err error)
	// EndOffers ends the subscriptions to an API of the actor's with some plans, or
	// lets them go on (KeepThem). They have to be shown in either case.
	EndOffers(ctx context.Context, tx bun.Tx, who accounts.Actor, a models.API, plans []models.Policy, c accounts.Consent) (ending string, err error)
}

// KeepThem is how subscriptions are not ended when what they were bought as leaves
// sale: they go on at their price.
const KeepThem = "keep"

// A Service is the catalogue.
type Service struct {
	DB     *bun.DB
	Wall   clock.Wall
	Follow Follower
	Ends   Ender // nil: nothing is taken away that somebody is subscribed to
	Demo   bool  // whether there are upstreams of the scheme demo:
}

// Saved says what a change came to: the object, its new version, the work at the
// billing provider that was staged, and the ending of the subscriptions that were
// to it; both are "" when there is none.
type Saved struct {
	UUID    string
	Version int64
	Job     string
	Ending  string
}

// tx runs fn in one transaction, and turns a unique key that is taken after all
// (somebody was faster) into taken.
func (s *Service) tx(ctx context.Context, taken error, fn func(ctx context.Context, tx bun.Tx) error) error {
	err := models.InTx(ctx, s.DB, fn)
	if models.Taken(err) {
		return taken
	}
	return err
}

// did writes the audit row of what who does.
func (s *Service) did(ctx context.Context, tx bun.Tx, who accounts.Actor, action string, what accounts.Object, details map[string]string) error {
	return models.InsertAudit(ctx, tx, who.Did(s.Wall.Now(), action, what, details))
}

// runs refuses whoever does not run the tenant.
func runs(who accounts.Actor) error {
	if !who.Runs() {
		return fault.New(fault.Forbidden, "Only an admin can do that.")
	}
	return nil
}

// publishes refuses whoever does not sell APIs.
func publishes(who accounts.Actor) error {
	if !who.Is(accounts.Publisher) {
		return fault.New(fault.Forbidden, "Only a publisher can do that.")
	}
	return nil
}

// edited refuses a change that was made on an older version of the object.
func edited(version, read int64, what string) error {
	if version == read {
		return nil
	}
	return fault.New(fault.Conflict, "Somebody else saved "+what+" while you were editing. Nothing of yours is saved yet: look at their version, then save again.")
}

// oneLine takes the spaces off the ends of s, and line breaks and doubled spaces out of it.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
