package billing

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
	"tollgate/usage"
)

// Agreement is how far we and Stripe agree, for the admins of a tenant.
type Agreement struct {
	Account     string // of the platform; "" when none is set, so that there is nothing to compare with
	Comparisons []Comparison
	Open        []models.Drift // newest first, at most as many as were asked for
	Healed      []models.Drift
	UUIDs       map[int64]string // of the subscriptions that they are about, by number
	OpenCount   int64
	Oldest      models.Instant // since when the oldest open difference has been seen; zero: there is none
	LastLooked  models.Instant // when the comparison that was longest ago ended; zero: some have not yet
}

// A Comparison is how the last comparison of one kind with one account went.
type Comparison struct {
	models.Reconciliation
	AccountName string
}

// Agreement returns how far the actor's tenant and Stripe agree, with at most
// limit differences of each sort. Only admins may see it.
func (r *Reconciler) Agreement(ctx context.Context, who accounts.Actor, limit int) (Agreement, error) {
	var out Agreement
	if !who.Runs() {
		return out, fault.New(fault.Forbidden, "Only an admin can see this.")
	}
	db := r.Subscriptions.DB
	rows, err := models.Reconciliations(ctx, db, who.Tenant)
	if err != nil {
		return out, err
	}
	tenant, err := models.TenantByID(ctx, db, who.Tenant)
	if err != nil {
		return out, err
	}
	out.Account = tenant.StripeAccount
	names, err := r.accountNames(ctx, tenant)
	if err != nil {
		return out, err
	}
	for i, row := range rows {
		out.Comparisons = append(out.Comparisons, Comparison{row, names[row.Account]})
		if i == 0 || row.FinishedAt < out.LastLooked {
			out.LastLooked = row.FinishedAt
		}
	}
	counts, err := models.DriftCounts(ctx, db, &who.Tenant)
	if err != nil {
		return out, err
	}
	for _, c := range counts {
		out.OpenCount += c.Count
		if out.Oldest.IsZero() || c.Oldest < out.Oldest {
			out.Oldest = c.Oldest
		}
	}
	if out.Open, err = models.DriftPage(ctx, db, who.Tenant, models.DriftFilter{}, limit); err != nil {
		return out, err
	}
	if out.Healed, err = models.DriftPage(ctx, db, who.Tenant, models.DriftFilter{Healed: true}, limit); err != nil {
		return out, err
	}
	var about []int64
	for _, d := range slices.Concat(out.Open, out.Healed) {
		if d.AMSubscriptionID != 0 && len(about) < maxLinks {
			about = append(about, d.AMSubscriptionID)
		}
	}
	out.UUIDs, err = models.SubscriptionUUIDs(ctx, db, who.Tenant, about)
	return out, err
}

// maxLinks bounds what one question to the database has in it.
const maxLinks = 1000

// accountNames are the names of a tenant's accounts by Stripe's id.
func (r *Reconciler) accountNames(ctx context.Context, t models.Tenant) (map[string]string, error) {
	all, err := models.ConnectedAccounts(ctx, r.Subscriptions.DB, t.ID, "")
	names := map[string]string{"": t.StripeName}
	for _, a := range all {
		names[a.StripeAccount] = a.Name
	}
	return names, err
}

// CompareNow compares everything of the actor's tenant at once, and waits at most
// patience for it. Differences that it heals take a little longer.
func (r *Reconciler) CompareNow(ctx context.Context, who accounts.Actor, patience time.Duration) error {
	if !who.Runs() {
		return fault.New(fault.Forbidden, "Only an admin can do this.")
	}
	s := r.Subscriptions
	tenant, err := models.TenantByID(ctx, s.DB, who.Tenant)
	if err != nil {
		return err
	}
	if tenant.StripeAccount == "" {
		return fault.New(fault.Conflict, "No Stripe account is set, so there is nothing to compare with.")
	}
	if err := r.enrollTenant(ctx, who.Tenant); err != nil {
		return err
	}
	var jobs []string
	err = models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		jobs = nil
		rows, err := models.Reconciliations(ctx, tx, who.Tenant)
		if err != nil {
			return err
		}
		for _, row := range rows {
			id, err := outbox.Stage(ctx, tx, row.TenantID, s.Wall.Now(), task(row))
			if err != nil {
				return err
			}
			jobs = append(jobs, id)
		}
		what := accounts.Object{Type: "agreement", ID: "all", Name: "In agreement with Stripe"}
		return models.InsertAudit(ctx, tx, who.Did(s.Wall.Now(), "agreement.compare_now", what, nil))
	})
	if err != nil {
		return err
	}
	s.Jobs.Wake()
	until := s.Wall.Now().Add(patience)
	for _, id := range jobs {
		left := until.Sub(s.Wall.Now())
		if left <= 0 {
			break
		}
		if err := s.Jobs.Wait(ctx, id, left); err != nil {
			break // it goes on, and the page says how each comparison went
		}
	}
	return nil
}

// A Care is who ends a difference.
type Care int

// The ways in which differences end.
const (
	CareOurs   Care = iota // by itself: work is staged, or will be after a day
	CareShown              // it stays as long as it is so at Stripe; it may be meant
	CarePerson             // somebody must do something
)

// CareOf says who ends d.
func CareOf(d models.Drift) Care {
	switch {
	case strings.HasPrefix(d.Remedy, shownOnly):
		return CareShown
	case strings.HasPrefix(d.Remedy, forPerson), d.ObjectType == usage.DriftObject:
		return CarePerson
	}
	return CareOurs
}

// How the sentences begin that say what is done about a difference, where that is
// not done by itself.
const (
	shownOnly = "Shown only: "
	forPerson = "For a person: "
)
