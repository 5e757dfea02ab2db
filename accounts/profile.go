package accounts

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/models"
)

// A ProfileInput is what a person enters about themselves.
type ProfileInput struct{ DisplayName, Email string }

// Profile returns who as a person.
func (p *People) Profile(ctx context.Context, who Actor) (Person, error) {
	return personByID(ctx, p.DB, who.Tenant, who.Person)
}

// EditProfile changes what a person entered about themselves.
func (p *People) EditProfile(ctx context.Context, who Actor, in ProfileInput) error {
	in.DisplayName, in.Email = tidy(in.DisplayName), tidy(in.Email)
	var f fault.Fields
	checkProfile(&f, in.DisplayName, in.Email)
	if err := f.Err(); err != nil {
		return err
	}
	return p.editOwn(ctx, who, "person.profile", func(row *models.Person) {
		row.DisplayName, row.Email = in.DisplayName, in.Email
	})
}

// SetTheme chooses the colours of a person's pages: system, light or dark.
func (p *People) SetTheme(ctx context.Context, who Actor, theme string) error {
	if theme != themeSystem && theme != themeLight && theme != themeDark {
		return fault.Fields{"theme": "Choose system, light or dark."}.Err()
	}
	return p.editOwn(ctx, who, "", func(row *models.Person) { row.Theme = theme })
}

// editOwn changes the row of who, and audits it when it has a name for that.
func (p *People) editOwn(ctx context.Context, who Actor, action string, edit func(*models.Person)) error {
	return models.InTx(ctx, p.DB, func(ctx context.Context, tx bun.Tx) error {
		row, err := models.PersonByID(ctx, tx, who.Tenant, who.Person)
		if err != nil {
			return err
		}
		edit(&row)
		if err := models.SavePerson(ctx, tx, row); err != nil || action == "" {
			return err
		}
		return models.InsertAudit(ctx, tx, who.Did(p.Wall.Now(), action, object(row), nil))
	})
}
