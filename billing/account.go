package billing

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// lookUp asks Stripe for the account that a publisher entered, and refuses, at
// the field, one that is not on the tenant's platform or cannot charge.
func (s *Sales) lookUp(ctx context.Context, tenant models.Tenant, account string) (accounts.AccountValues, error) {
	if tenant.StripeAccount == "" {
		return accounts.AccountValues{}, fault.New(fault.Conflict, "Stripe is not set up here yet. An admin has to enter the platform account's key first.")
	}
	if account == tenant.StripeAccount {
		return accounts.AccountValues{}, atKey("This is the platform's own account. Enter the account of whoever is paid for the API.")
	}
	got, err := s.Engine.Account(ctx, accounts.StripeAccount{Tenant: tenant.ID, Connected: account})
	if no, ok := errors.AsType[*Refused](err); ok {
		return accounts.AccountValues{}, atKey("Stripe does not know this account here: " + no.Message)
	}
	if barred, ok := errors.AsType[*Barred](err); ok {
		return accounts.AccountValues{}, atKey("Stripe does not let this platform use the account: " + barred.Message)
	}
	if err != nil {
		return accounts.AccountValues{}, fault.From(fault.Unavailable, err, "Stripe does not answer, so the account could not be checked. Nothing was changed; please try again.")
	}
	if !got.ChargesEnabled {
		return accounts.AccountValues{}, atKey(whyNoCharges(got))
	}
	return valuesOf(got, account), nil
}

func atKey(message string) error { return fault.Fields{ConnectedAccountKey: message}.Err() }

// whyNoCharges says why an account cannot charge, as far as Stripe says it.
func whyNoCharges(a Account) string {
	text := "This account cannot charge yet."
	if a.DisabledReason != "" {
		text += " Stripe's reason: " + a.DisabledReason + "."
	}
	if len(a.Due) > 0 {
		text += " Stripe asks its owner for " + strings.Join(a.Due, ", ") + "."
	}
	return text
}

func valuesOf(a Account, id string) accounts.AccountValues {
	return accounts.AccountValues{
		StripeAccount: id, Name: a.Name, Country: a.Country, DefaultCurrency: a.DefaultCurrency,
		ChargesEnabled: a.ChargesEnabled, PayoutsEnabled: a.PayoutsEnabled, DetailsSubmitted: a.DetailsSubmitted,
		Due: a.Due, DueBy: a.DueBy, DisabledReason: a.DisabledReason,
	}
}

// RefreshAccount reads a connected account of the actor's (any of the tenant's
// for an admin) from Stripe and keeps what it says. id is ours, not Stripe's.
func (s *Sales) RefreshAccount(ctx context.Context, who accounts.Actor, id string) error {
	row, err := s.Accounts.ByID(ctx, who, id)
	if err != nil {
		return err
	}
	got, err := s.Engine.Account(ctx, accounts.StripeAccount{Tenant: who.Tenant, Connected: row.StripeAccount})
	values := valuesOf(got, row.StripeAccount)
	if barred, ok := errors.AsType[*Barred](err); ok {
		values = lost(row, barred.Message)
		values.Lost = barred.Status == http.StatusForbidden || !row.DeauthorizedAt.IsZero()
	} else if no, ok := errors.AsType[*Refused](err); ok {
		values = lost(row, no.Message)
		values.Lost = !row.DeauthorizedAt.IsZero()
	} else if err != nil {
		return fault.From(fault.Unavailable, err, "Stripe does not answer. What is shown is from before; please try again.")
	}
	if values.Lost == row.DeauthorizedAt.IsZero() { // lost or back: everybody concerned has to know
		if err := s.followChange(ctx, row); err != nil {
			return err
		}
	}
	_, err = s.Accounts.Refresh(ctx, who.Tenant, values)
	if s.Jobs != nil {
		s.Jobs.Wake()
	}
	return err
}

// followChange promises what has to follow when an account is lost or back.
func (s *Sales) followChange(ctx context.Context, row models.ConnectedAccount) error {
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		var next outbox.Task = syncObject{row.StripeAccount, objectAccount, row.StripeAccount}
		if !row.DeauthorizedAt.IsZero() {
			next = catchUp{Account: row.StripeAccount}
		}
		_, err := outbox.Stage(ctx, tx, row.TenantID, s.Wall.Now(), next)
		return err
	})
}

// lost is what we say of an account that Stripe does not let us see any more.
func lost(row models.ConnectedAccount, why string) accounts.AccountValues {
	return accounts.AccountValues{
		StripeAccount: row.StripeAccount, Name: row.Name, Country: row.Country, DefaultCurrency: row.DefaultCurrency, DisabledReason: why,
	}
}
