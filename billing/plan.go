package billing

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/catalog"
	"tollgate/internal/outbox"
	"tollgate/models"
)

var _ catalog.Follower = (*Sales)(nil)

// PlanSaved stages what Stripe has to be told of a commercial plan: a new price
// goes to the platform account and to every connected account that sells the
// plan. Without a new price, one that Stripe refused is tried again.
func (s *Sales) PlanSaved(ctx context.Context, tx bun.Tx, p models.Policy, price *models.PriceVersion) (string, error) {
	newest := price
	if newest == nil {
		versions, err := models.PriceVersionsOf(ctx, tx, p.ID)
		if err != nil || len(versions) == 0 {
			return "", err
		}
		newest = &versions[0]
	}
	if err := stageGrace(ctx, tx, s.Wall.Now(), p); err != nil {
		return "", err
	}
	if err := s.askPlatform(ctx, tx, p, *newest); err != nil {
		return "", err
	}
	if err := s.askSellers(ctx, tx, p, *newest); err != nil {
		return "", err
	}
	return outbox.Stage(ctx, tx, p.TenantID, s.Wall.Now(), PushPlan{p.ID})
}

// askPlatform writes that a price is to be on the platform account.
func (s *Sales) askPlatform(ctx context.Context, tx bun.Tx, p models.Policy, v models.PriceVersion) error {
	rows, err := models.PlatformPlansOf(ctx, tx, p.UUID)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.PriceVersionID != v.ID {
			continue
		}
		if r.State == models.PushLive {
			return nil
		}
		r.State, r.Problem = models.PushPushing, ""
		return models.SavePlatformPlan(ctx, tx, &r)
	}
	return models.InsertPlatformPlan(ctx, tx, &models.PlatformPlan{
		PolicyUUID: p.UUID, TenantID: p.TenantID, PriceVersionID: v.ID, State: models.PushPushing,
	})
}

// askSellers writes that a price is to be on sale wherever its plan is sold now,
// and stages that.
func (s *Sales) askSellers(ctx context.Context, tx bun.Tx, p models.Policy, v models.PriceVersion) error {
	sellers, err := s.sellers(ctx, tx, p)
	if err != nil {
		return err
	}
	for _, a := range sellers {
		if !a.sells {
			continue
		}
		asked, err := s.askForPrice(ctx, tx, a.API, p, v, a.account)
		if err != nil {
			return err
		}
		if !asked {
			continue
		}
		if _, err := outbox.Stage(ctx, tx, p.TenantID, s.Wall.Now(), PushSale{a.ID}); err != nil {
			return err
		}
	}
	return nil
}

// A seller is an API that has, or had, prices of a plan at Stripe.
type seller struct {
	models.API
	account string // the one it sells through
	sells   bool   // whether it sells the plan through it now, or is about to
}

// sellers returns the APIs that have anything of p at Stripe.
func (s *Sales) sellers(ctx context.Context, db bun.IDB, p models.Policy) ([]seller, error) {
	rows, err := models.MonetizedPlansOfPolicy(ctx, db, p.ID)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, r := range rows {
		ids = append(ids, r.APIID)
	}
	apis, err := models.APIsByID(ctx, db, p.TenantID, ids)
	if err != nil {
		return nil, err
	}
	offers, err := models.OffersOfPolicy(ctx, db, p.ID)
	if err != nil {
		return nil, err
	}
	offered := map[int64]bool{}
	for _, o := range offers {
		offered[o.APIID] = true
	}
	var all []seller
	for _, a := range apis {
		one := seller{API: a}
		if a.ConnectedAccountID != "" {
			account, err := models.ConnectedAccountByID(ctx, db, a.TenantID, a.ConnectedAccountID)
			if err != nil {
				return nil, err
			}
			one.account = account.StripeAccount
		}
		on := a.Monetization == models.MonetizationOn || a.Monetization == models.MonetizationEnabling
		one.sells = on && a.Live != nil && offered[a.ID] && has(rows, a.ID, one.account)
		all = append(all, one)
	}
	return all, nil
}

// has reports whether there is a row of an API in an account that was ever to be sold.
func has(rows []models.MonetizedPlan, api int64, account string) bool {
	for _, r := range rows {
		if r.APIID == api && r.Account == account && r.State != models.PushArchived && r.State != models.PushArchiving {
			return true
		}
	}
	return false
}

// PlanWithdrawn stages that a plan leaves sale everywhere.
func (s *Sales) PlanWithdrawn(ctx context.Context, tx bun.Tx, p models.Policy) (string, error) {
	sellers, err := s.sellers(ctx, tx, p)
	if err != nil {
		return "", err
	}
	for _, a := range sellers {
		if _, err := outbox.Stage(ctx, tx, p.TenantID, s.Wall.Now(), PushSale{a.ID}); err != nil {
			return "", err
		}
	}
	return outbox.Stage(ctx, tx, p.TenantID, s.Wall.Now(), PushPlan{p.ID})
}

// APIChanged stages that what Stripe has of an API is looked over.
func (s *Sales) APIChanged(ctx context.Context, tx bun.Tx, a models.API) (string, error) {
	return outbox.Stage(ctx, tx, a.TenantID, s.Wall.Now(), PushSale{a.ID})
}
