package accounts

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/models"
)

// Applications keeps what holds a subscriber's credentials and subscriptions.
type Applications struct {
	DB   *bun.DB
	Wall clock.Wall
	Ends Ender // nil: an application is not deleted while it is subscribed to anything
}

// An ApplicationInput is what a subscriber enters about an application.
type ApplicationInput struct{ Name, Description string }

// Validate reports what is wrong with the form alone.
func (in ApplicationInput) Validate() error {
	var f fault.Fields
	f.Check(in.Name != "", "name", "Enter a name.")
	f.Check(len([]rune(in.Name)) <= 100, "name", "Use at most 100 characters.")
	f.Check(len([]rune(in.Description)) <= 512, "description", "Use at most 512 characters.")
	return f.Err()
}

var errAppName = fault.Fields{"name": "You have an application of this name already."}.Err()

// buys refuses whoever is no subscriber, as if there was nothing to buy with.
func buys(who Actor) error {
	if !who.Is(Subscriber) {
		return fault.New(fault.NotFound, "Application not found.")
	}
	return nil
}

// Create adds an application of who's.
func (a *Applications) Create(ctx context.Context, who Actor, in ApplicationInput) (models.Application, error) {
	in.Name, in.Description = tidy(in.Name), tidy(in.Description)
	if err := firstOf(buys(who), in.Validate()); err != nil {
		return models.Application{}, err
	}
	uuid := models.NewID()
	var made models.Application
	err := models.InTx(ctx, a.DB, func(ctx context.Context, tx bun.Tx) error {
		owner, err := a.Subscriber(ctx, tx, who)
		if err != nil {
			return err
		}
		now := models.At(a.Wall.Now())
		added, err := models.InsertApplication(ctx, tx, models.Application{
			Name: in.Name, Description: in.Description, SubscriberID: owner.ID, Tier: "Unlimited", Status: "APPROVED",
			CreatedBy: who.Username, CreatedTime: now, UpdatedBy: who.Username, UpdatedTime: now, UUID: uuid,
			TokenType: "OAUTH", Organization: who.Domain, TenantID: who.Tenant,
		})
		if err != nil {
			return err
		}
		if !added {
			return errAppName
		}
		if made, err = models.ApplicationByUUID(ctx, tx, who.Tenant, who.Person, uuid); err != nil {
			return err
		}
		return models.InsertAudit(ctx, tx, who.Did(a.Wall.Now(), "application.create", appObject(made), nil))
	})
	return made, err
}

// Subscriber returns who as the owner of applications; the row is made when it
// is first needed.
func (a *Applications) Subscriber(ctx context.Context, db bun.IDB, who Actor) (models.Subscriber, error) {
	now := models.At(a.Wall.Now())
	return models.EnsureSubscriber(ctx, db, models.Subscriber{
		UserID: who.Username, TenantID: who.Tenant, EmailAddress: clip(who.Email, 256), DateSubscribed: now,
		CreatedBy: who.Username, CreatedTime: now, UpdatedBy: who.Username, UpdatedTime: now, PersonID: who.Person,
	})
}

// Edit changes what a subscriber entered about an application.
func (a *Applications) Edit(ctx context.Context, who Actor, uuid string, in ApplicationInput) error {
	in.Name, in.Description = tidy(in.Name), tidy(in.Description)
	if err := firstOf(buys(who), in.Validate()); err != nil {
		return err
	}
	err := models.InTx(ctx, a.DB, func(ctx context.Context, tx bun.Tx) error {
		row, err := models.ApplicationByUUID(ctx, tx, who.Tenant, who.Person, uuid)
		if err != nil {
			return err
		}
		row.Name, row.Description = in.Name, in.Description
		row.UpdatedBy, row.UpdatedTime = who.Username, models.At(a.Wall.Now())
		if err := models.SaveApplication(ctx, tx, row); err != nil {
			return err
		}
		return models.InsertAudit(ctx, tx, who.Did(a.Wall.Now(), "application.edit", appObject(row), nil))
	})
	if models.Taken(err) {
		return errAppName
	}
	return err
}

// Delete removes an application, revokes its keys, and ends what it is subscribed to
// if the actor has agreed to that. It returns the ending, "" when there was nothing
// to end.
func (a *Applications) Delete(ctx context.Context, who Actor, uuid string, c Consent) (ending string, err error) {
	if err := buys(who); err != nil {
		return "", err
	}
	err = models.InTx(ctx, a.DB, func(ctx context.Context, tx bun.Tx) error {
		row, err := models.ApplicationByUUID(ctx, tx, who.Tenant, who.Person, uuid)
		if err != nil {
			return err
		}
		if err := models.HoldApplication(ctx, tx, who.Tenant, row.ID); err != nil {
			return err
		}
		if a.Ends == nil {
			err = unsubscribed(ctx, tx, row)
		} else {
			ending, err = a.Ends.EndApplications(ctx, tx, who, []models.Application{row}, c)
		}
		if err != nil {
			return err
		}
		if err := models.RevokeAPIKeys(ctx, tx, row.ID, models.At(a.Wall.Now())); err != nil {
			return err
		}
		row.Version++ // by holding it
		row.Live = nil
		row.UpdatedBy, row.UpdatedTime = who.Username, models.At(a.Wall.Now())
		if err := models.SaveApplication(ctx, tx, row); err != nil {
			return err
		}
		return models.InsertAudit(ctx, tx, who.Did(a.Wall.Now(), "application.delete", appObject(row), nil))
	})
	return ending, err
}

// unsubscribed refuses while an application is subscribed to anything.
func unsubscribed(ctx context.Context, tx bun.Tx, row models.Application) error {
	n, err := models.CountLiveSubscriptions(ctx, tx, row.ID)
	if err != nil || n == 0 {
		return err
	}
	apis, err := models.SubscribedAPINames(ctx, tx, row.ID, namedAtMost)
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, row.Name+" is subscribed to "+listed(apis, n)+". Cancel that first, then delete it.")
}

// namedAtMost is how many things a sentence names.
const namedAtMost = 3

// listed writes the first of n names as part of a sentence.
func listed(names []string, n int64) string {
	if more := n - int64(len(names)); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// List returns the applications of who, by name.
func (a *Applications) List(ctx context.Context, who Actor) ([]models.Application, error) {
	return models.Applications(ctx, a.DB, who.Tenant, who.Person)
}

// ByUUID returns an application of who's.
func (a *Applications) ByUUID(ctx context.Context, who Actor, uuid string) (models.Application, error) {
	return models.ApplicationByUUID(ctx, a.DB, who.Tenant, who.Person, uuid)
}

func appObject(a models.Application) Object { return Object{"application", a.UUID, a.Name} }
