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

// A Service is the catalogue.
type Service struct {
	DB     *bun.DB
	Wall   clock.Wall
	Follow Follower
	Demo   bool // whether there are upstreams of the scheme demo:
}

// Saved says what a change came to: the object, its new version and the work at
// the billing provider that was staged, "" when there is none.
type Saved struct {
	UUID    string
	Version int64
	Job     string
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
