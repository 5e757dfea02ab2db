package billing

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/models"
)

// EndSale stops new sales of one of the actor's APIs, and ends what is paid for it
// as the actor agreed. It returns the ending, "" when nobody pays, and the job that
// takes the API out of sale at Stripe, "" when it was off sale already.
func (e *Ends) EndSale(ctx context.Context, who accounts.Actor, api string, c accounts.Consent) (ending, job string, err error) {
	if !who.Is(accounts.Publisher) {
		return "", "", fault.New(fault.Forbidden, "Only a publisher can do that.")
	}
	err = models.InTx(ctx, e.DB, func(ctx context.Context, tx bun.Tx) error {
		a, err := catalog.Own(ctx, tx, who, api)
		if err != nil {
			return err
		}
		if err := models.HoldAPI(ctx, tx, a.ID); err != nil {
			return err
		}
		if ending, err = e.ask(ctx, tx, who, endOfAPI(models.EndOfSale, a), c); err != nil {
			return err
		}
		why := a.Name + " is not sold any more, so the change to a paid plan is taken back."
		if err := e.dropComing(ctx, tx, who, a.TenantID, models.ChangeScope{API: a.ID}, why); err != nil {
			return err
		}
		job, err = e.Sales.stop(ctx, tx, who, a)
		return err
	})
	if err != nil {
		return "", "", err
	}
	return ending, job, e.Await(ctx, ending)
}
