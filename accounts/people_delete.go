package accounts

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/models"
)

// Sold returns the names of the APIs and API products that one of the tenant's
// people publishes. While there are any, the person cannot be deleted.
func (p *People) Sold(ctx context.Context, who Actor, id string) ([]string, error) {
	if err := runs(who); err != nil {
		return nil, err
	}
	return sold(ctx, p.DB, who.Tenant, id)
}

func sold(ctx context.Context, db bun.IDB, tenant models.TenantID, id string) ([]string, error) {
	apis, err := models.APIsOwnedBy(ctx, db, tenant, id)
	var names []string
	for _, a := range apis {
		names = append(names, a.Name+" "+a.APIVersion)
	}
	return names, err
}

// Delete removes a person for good: they are signed out, their applications are
// deleted, and what those are subscribed to ends, if the actor has agreed to that.
// The row stays, because invoices and the audit name it. It is refused for oneself,
// for the only admin, and for whoever still publishes something. It returns the
// ending, "" when there was nothing to end.
func (p *People) Delete(ctx context.Context, who Actor, id string, c Consent) (ending string, err error) {
	err = p.change(ctx, who, id, func(ctx context.Context, tx bun.Tx, was Person) error {
		if was.ID == who.Person {
			return fault.New(fault.Conflict, "You cannot delete yourself. Another admin can.")
		}
		if err := p.keepsAdmin(ctx, tx, was, false, was.Roles); err != nil {
			return err
		}
		apis, err := sold(ctx, tx, who.Tenant, id)
		if err != nil {
			return err
		}
		if n := int64(len(apis)); n > 0 {
			return fault.New(fault.Conflict, was.DisplayName+" publishes "+listed(apis[:min(len(apis), namedAtMost)], n)+". Hand that over to another publisher, or have it deleted, first.")
		}
		if ending, err = p.leave(ctx, tx, who, was, c); err != nil {
			return err
		}
		row := was.Person
		row.State, row.DeletedAt = models.StateDisabled, models.At(p.Wall.Now())
		if err := models.SavePerson(ctx, tx, row); err != nil {
			return err
		}
		if err := shutOut(ctx, tx, row); err != nil {
			return err
		}
		return models.InsertAudit(ctx, tx, who.Did(p.Wall.Now(), "person.delete", object(row), nil))
	})
	return ending, err
}

// leave deletes the applications of a person with their keys, and ends what they are
// subscribed to.
func (p *People) leave(ctx context.Context, tx bun.Tx, who Actor, was Person, c Consent) (ending string, err error) {
	apps, err := models.Applications(ctx, tx, who.Tenant, was.ID)
	if err != nil || len(apps) == 0 {
		return "", err
	}
	for i := range apps {
		if err := models.HoldApplication(ctx, tx, who.Tenant, apps[i].ID); err != nil {
			return "", err
		}
		apps[i].Version++
		if p.Ends == nil {
			if err := unsubscribed(ctx, tx, apps[i]); err != nil {
				return "", err
			}
		}
	}
	if p.Ends != nil {
		if ending, err = p.Ends.EndPerson(ctx, tx, who, was.Person, apps, c); err != nil {
			return "", err
		}
	}
	for _, row := range apps {
		if err := models.RevokeAPIKeys(ctx, tx, row.ID, models.At(p.Wall.Now())); err != nil {
			return "", err
		}
		row.Live, row.UpdatedBy, row.UpdatedTime = nil, who.Username, models.At(p.Wall.Now())
		if err := models.SaveApplication(ctx, tx, row); err != nil {
			return "", err
		}
	}
	return ending, nil
}
