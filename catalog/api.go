package catalog

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
)

// apiTaken is the answer when somebody took the name or the path a moment before.
func apiTaken() error {
	return fault.Fields{"name": "There is one of this name and version, or at this path, already."}.Err()
}

// CreateAPI makes an API or an API product (kind) of the actor's, to be published later.
func (s *Service) CreateAPI(ctx context.Context, who accounts.Actor, kind string, in APIInput) (Saved, error) {
	if err := firstOf(publishes(who), in.Validate(kind, s.Demo)); err != nil {
		return Saved{}, err
	}
	in = in.tidy()
	var saved Saved
	err := s.tx(ctx, apiTaken(), func(ctx context.Context, tx bun.Tx) error {
		now := models.At(s.Wall.Now())
		a := models.API{
			UUID: models.NewID(), Provider: who.Username, Type: kind, Organization: who.Domain, TenantID: who.Tenant, OwnerID: who.Person,
			CreatedBy: who.Username, CreatedTime: now, Status: models.APICreated, Monetization: models.MonetizationOff,
		}
		members, err := s.fill(ctx, tx, who, &a, in)
		if err != nil {
			return err
		}
		if err := models.InsertAPI(ctx, tx, &a); err != nil {
			return err
		}
		if err := models.SetMembers(ctx, tx, a.ID, members); err != nil {
			return err
		}
		saved = Saved{UUID: a.UUID, Version: a.Version}
		return s.did(ctx, tx, who, "api.create", apiObject(a), counted(a))
	})
	return saved, err
}

// EditAPI changes what the actor publishes and read as version. Path and version
// are fixed once it is published, because subscribers call it there.
func (s *Service) EditAPI(ctx context.Context, who accounts.Actor, uuid string, version int64, in APIInput) (Saved, error) {
	if err := publishes(who); err != nil {
		return Saved{}, err
	}
	var saved Saved
	err := s.tx(ctx, apiTaken(), func(ctx context.Context, tx bun.Tx) error {
		a, err := Own(ctx, tx, who, uuid)
		if err != nil {
			return err
		}
		if err := firstOf(in.Validate(a.Type, s.Demo), edited(version, a.Version, "this "+a.Kind()), fixed(a, in.tidy())); err != nil {
			return err
		}
		members, err := s.fill(ctx, tx, who, &a, in.tidy())
		if err != nil {
			return err
		}
		if err := firstOf(models.SaveAPI(ctx, tx, &a), models.SetMembers(ctx, tx, a.ID, members)); err != nil {
			return err
		}
		saved = Saved{UUID: uuid, Version: a.Version}
		if err := s.did(ctx, tx, who, "api.edit", apiObject(a), counted(a)); err != nil {
			return err
		}
		saved.Job, err = s.followAPI(ctx, tx, a)
		return err
	})
	return saved, err
}

// fill puts what in says into a, after checking it against what others have, and
// returns the ids of the members.
func (s *Service) fill(ctx context.Context, tx bun.Tx, who accounts.Actor, a *models.API, in APIInput) ([]int64, error) {
	a.Name, a.APIVersion, a.Context, a.Description = in.Name, in.Version, in.Context, in.Description
	a.ContextTemplate, a.DisplayName = "/"+in.Context+"/{version}", in.Name
	in.count(a)
	a.UpdatedBy, a.UpdatedTime = who.Username, models.At(s.Wall.Now())
	all, err := models.LiveAPIs(ctx, tx, who.Tenant)
	if err != nil {
		return nil, err
	}
	if err := collides(*a, all); err != nil {
		return nil, err
	}
	if a.Type != models.TypeProduct {
		a.Upstream = in.Upstream
		return nil, nil
	}
	return memberIDs(who, all, in.Members)
}

// collides refuses a name or a path that another one has. A path also must not
// begin with another's: calls could be meant for either.
func collides(a models.API, all []models.API) error {
	var f fault.Fields
	for _, b := range all {
		if b.UUID == a.UUID {
			continue
		}
		f.Check(b.Provider != a.Provider || b.Name != a.Name || b.APIVersion != a.APIVersion, "name", "You have one of this name and version already.")
		same := b.Context == a.Context && b.APIVersion == a.APIVersion
		f.Check(!same, "context", "/"+a.Context+"/"+a.APIVersion+" is taken. Choose another context or version.")
		f.Check(same || !within(a, b) && !within(b, a), "context", "/"+b.Context+"/"+b.APIVersion+" is another API's path, and one of the two begins with the other. Choose another context.")
	}
	return f.Err()
}

// within reports whether the path of a begins with the path of b.
func within(a, b models.API) bool {
	return strings.HasPrefix(a.Context+"/"+a.APIVersion+"/", b.Context+"/"+b.APIVersion+"/")
}

// memberIDs finds the actor's own APIs among all.
func memberIDs(who accounts.Actor, all []models.API, uuids []string) ([]int64, error) {
	mine := map[string]int64{}
	for _, a := range all {
		if a.OwnerID == who.Person && a.Type == models.TypeAPI {
			mine[a.UUID] = a.ID
		}
	}
	var ids []int64
	for _, uuid := range uuids {
		id, ok := mine[uuid]
		if !ok {
			return nil, fault.Fields{"members": "Choose among your own APIs."}.Err()
		}
		ids = append(ids, id)
		delete(mine, uuid) // named twice, it is refused too
	}
	return ids, nil
}

// fixed refuses another path for a published API.
func fixed(a models.API, in APIInput) error {
	if a.Status != models.APIPublished {
		return nil
	}
	var f fault.Fields
	f.Check(in.Version == a.APIVersion, "version", "Fixed since it was published: subscribers call "+a.APIVersion+".")
	f.Check(in.Context == a.Context, "context", "Fixed since it was published: subscribers call /"+a.Context+".")
	return f.Err()
}

// PublishAPI makes one of the actor's APIs visible in the developer portal.
// Publishing what is published changes nothing.
func (s *Service) PublishAPI(ctx context.Context, who accounts.Actor, uuid string) error {
	if err := publishes(who); err != nil {
		return err
	}
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		a, err := Own(ctx, tx, who, uuid)
		if err != nil || a.Status == models.APIPublished {
			return err
		}
		a.Status, a.UpdatedBy, a.UpdatedTime = models.APIPublished, who.Username, models.At(s.Wall.Now())
		if err := models.SaveAPI(ctx, tx, &a); err != nil {
			return err
		}
		return s.did(ctx, tx, who, "api.publish", apiObject(a), nil)
	})
}

// DeleteAPI removes one of the actor's APIs, and ends the subscriptions to it if the
// actor has agreed to that. It is refused while an API product has it.
func (s *Service) DeleteAPI(ctx context.Context, who accounts.Actor, uuid string, c accounts.Consent) (Saved, error) {
	if err := publishes(who); err != nil {
		return Saved{}, err
	}
	saved := Saved{UUID: uuid}
	err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		a, err := Own(ctx, tx, who, uuid)
		if err != nil {
			return err
		}
		if err := firstOf(models.HoldAPI(ctx, tx, a.ID), inNoProduct(ctx, tx, a)); err != nil {
			return err
		}
		if saved.Ending, err = s.endAPI(ctx, tx, who, a, c); err != nil {
			return err
		}
		a.Status, a.Live, a.UpdatedBy, a.UpdatedTime = models.APIDeleted, nil, who.Username, models.At(s.Wall.Now())
		selling := a.Monetization != models.MonetizationOff
		if selling {
			a.Monetization = models.MonetizationDisabling
		}
		if err := models.SaveAPI(ctx, tx, &a); err != nil {
			return err
		}
		if selling {
			if saved.Job, err = s.Follow.APIChanged(ctx, tx, a); err != nil {
				return err
			}
		}
		return s.did(ctx, tx, who, "api.delete", apiObject(a), nil)
	})
	return saved, err
}

// endAPI ends the subscriptions to a, or refuses while there are any.
func (s *Service) endAPI(ctx context.Context, tx bun.Tx, who accounts.Actor, a models.API, c accounts.Consent) (string, error) {
	if s.Ends != nil {
		return s.Ends.EndAPI(ctx, tx, who, a, c)
	}
	heads, err := models.Headcounts(ctx, tx, a.TenantID, "api_id", a.ID)
	if err != nil {
		return "", err
	}
	if n := total(heads); n > 0 {
		return "", fault.New(fault.Conflict, fmt.Sprintf("%s %s is in use: %s. It can be deleted once nobody is subscribed.", a.Name, a.APIVersion, subscriptions(n)))
	}
	return "", nil
}

// inNoProduct refuses when a is part of a product.
func inNoProduct(ctx context.Context, tx bun.Tx, a models.API) error {
	products, err := models.ProductsWith(ctx, tx, a.ID)
	if err != nil || len(products) == 0 {
		return err
	}
	return fault.New(fault.Conflict, a.Name+" is part of the API product "+products[0].Name+". Take it out of there first.")
}

// followAPI stages what Stripe has to be told of a changed API, if it is sold there.
func (s *Service) followAPI(ctx context.Context, tx bun.Tx, a models.API) (string, error) {
	if a.Monetization == models.MonetizationOff {
		return "", nil
	}
	return s.Follow.APIChanged(ctx, tx, a)
}

// Own returns the actor's own API or API product called uuid. Another's is not there.
func Own(ctx context.Context, db bun.IDB, who accounts.Actor, uuid string) (models.API, error) {
	a, err := models.APIByUUID(ctx, db, who.Tenant, uuid)
	if err == nil && a.OwnerID != who.Person {
		return models.API{}, fault.New(fault.NotFound, "API not found.")
	}
	return a, err
}

func apiObject(a models.API) accounts.Object {
	return accounts.Object{Type: "api", ID: a.UUID, Name: a.Name + " " + a.APIVersion}
}
