package stripe

import (
	"cmp"
	"context"
	"strings"

	"github.com/stripe/stripe-go/v82"

	"tollgate/accounts"
	"tollgate/billing"
)

// Account reads the account itself: the platform's own, or the connected one.
func (e *Engine) Account(ctx context.Context, at accounts.StripeAccount) (billing.Account, error) {
	c, err := e.reading(ctx, at)
	if err != nil {
		return billing.Account{}, err
	}
	if at.IsPlatform() {
		return ownAccount(ctx, c.client)
	}
	a, err := c.V1Accounts.GetByID(ctx, at.Connected, nil)
	if err := answered("read connected account", a.ID, err); err != nil {
		return billing.Account{}, err
	}
	return account(a), nil
}

// CheckKey reads the platform account that an API key opens, before the key is kept.
func (e *Engine) CheckKey(ctx context.Context, key string) (billing.Account, error) {
	if key = strings.TrimSpace(key); key == "" {
		return billing.Account{}, refuse("Enter a secret key.")
	}
	return ownAccount(ctx, e.newClient(key))
}

func ownAccount(ctx context.Context, c *client) (billing.Account, error) {
	a, err := c.V1Accounts.Retrieve(ctx, nil)
	if err := answered("read account", a.ID, err); err != nil {
		return billing.Account{}, err
	}
	return account(a), nil
}

func account(a *stripe.Account) billing.Account {
	out := billing.Account{
		ID: a.ID, Email: a.Email, Country: a.Country, DefaultCurrency: string(a.DefaultCurrency),
		ChargesEnabled: a.ChargesEnabled, PayoutsEnabled: a.PayoutsEnabled, DetailsSubmitted: a.DetailsSubmitted,
	}
	if a.BusinessProfile != nil {
		out.Name = a.BusinessProfile.Name
	}
	if a.Settings != nil && a.Settings.Dashboard != nil {
		out.Name = cmp.Or(out.Name, a.Settings.Dashboard.DisplayName)
	}
	if r := a.Requirements; r != nil {
		out.Due, out.DueBy, out.DisabledReason = r.CurrentlyDue, instant(r.CurrentDeadline), string(r.DisabledReason)
	}
	return out
}
