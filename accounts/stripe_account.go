// Package accounts knows who is calling: tenants and their Stripe settings,
// connected accounts, people, roles, sign-in, applications, and the audit's reader.
package accounts

import "tollgate/models"

// A StripeAccount names one account at Stripe as we reach it: the tenant whose
// key signs the call, and the connected account it is about. Connected is ""
// for the tenant's own platform account.
type StripeAccount struct {
	Tenant    models.TenantID
	Connected string // acct_…, or "" for the platform itself
}

// Platform returns the tenant's own account.
func Platform(t models.TenantID) StripeAccount { return StripeAccount{Tenant: t} }

// IsPlatform reports whether a is the tenant's own account.
func (a StripeAccount) IsPlatform() bool { return a.Connected == "" }
