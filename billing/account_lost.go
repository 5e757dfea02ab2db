package billing

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
	"tollgate/notices"
)

// lostPause is how long work on an account rests that Stripe does not let us use:
// only its owner can change that.
const lostPause = time.Hour

// reachAtOnce is how many subscriptions one page of work reaches.
const reachAtOnce = 200

// catchUp looks at every subscription of an account that can be used again.
type catchUp struct {
	Account string `json:"account"`
}

// Kind implements outbox.Task.
func (catchUp) Kind() string { return "billing.catch_up" }

// Subject implements outbox.Task.
func (t catchUp) Subject() string { return "account/" + t.Account }

// barred reports whether err says that an account must not be used (HTTP 403).
// HTTP 401 speaks of the platform's key instead.
func barred(err error) bool {
	no, ok := errors.AsType[*Barred](err)
	return ok && no.Status == http.StatusForbidden
}

// lostOr returns err. When it says that an account must not be used, which no event
// told us, it promises a look at the account.
func (s *Subscriptions) lostOr(ctx context.Context, at accounts.StripeAccount, err error) error {
	if !barred(err) || at.IsPlatform() {
		return err
	}
	lost, failed := models.LostAccounts(ctx, s.DB, at.Tenant)
	if failed != nil || !lost[at.Connected].IsZero() {
		return err
	}
	return errors.Join(err, s.lookAt(ctx, at))
}

// foundAgain promises a look at an account that counts as lost and has just answered.
func (s *Subscriptions) foundAgain(ctx context.Context, at accounts.StripeAccount) error {
	lost, err := models.LostAccounts(ctx, s.DB, at.Tenant)
	if err != nil || lost[at.Connected].IsZero() {
		return err
	}
	return s.lookAt(ctx, at)
}

// lookAt promises a look at an account.
func (s *Subscriptions) lookAt(ctx context.Context, at accounts.StripeAccount) error {
	err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		_, err := outbox.Stage(ctx, tx, at.Tenant, s.Wall.Now(), syncObject{at.Connected, objectAccount, at.Connected})
		return err
	})
	s.Jobs.Wake()
	return err
}

// followAccount writes what Stripe says of a connected account: that we may not use
// it any more, too.
func (s *Subscriptions) followAccount(ctx context.Context, job outbox.Job, at accounts.StripeAccount, t syncObject) error {
	if at.IsPlatform() || t.ID != at.Connected {
		return s.leave(ctx, job, t, "It is about the platform account itself.")
	}
	row, err := models.TenantConnectedAccount(ctx, s.DB, job.Tenant, at.Connected)
	if fault.KindOf(err) == fault.NotFound {
		return s.leave(ctx, job, t, "This account is not linked any more.")
	}
	if err != nil {
		return err
	}
	a, err := s.Engine.Account(ctx, at)
	values := valuesOf(a, at.Connected)
	if no, ok := errors.AsType[*Barred](err); ok && barred(err) {
		values = lost(row, no.Message)
		values.Lost = true
	} else if err != nil {
		return final(err)
	}
	if !values.Lost && !row.DeauthorizedAt.IsZero() {
		if err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
			_, err := outbox.Stage(ctx, tx, job.Tenant, s.Wall.Now(), catchUp{at.Connected})
			return err
		}); err != nil {
			return err
		}
	}
	kept := &accounts.ConnectedAccounts{DB: s.DB, Wall: s.Wall}
	fresh, err := kept.Refresh(ctx, job.Tenant, values)
	if err != nil {
		return err
	}
	text := map[bool]string{true: "The account was brought up to date.", false: "Nothing to change."}[fresh]
	if values.Lost {
		text = "Stripe does not let this platform use the account any more. Nothing new is sold through it."
		why, err := withEvents(ctx, s.DB, job)
		if err != nil {
			return err
		}
		if err := s.tellLost(why, at); err != nil {
			return err
		}
	}
	return models.EndStripeEvents(ctx, s.DB, job.Tenant, t.Account, job.ID, models.EventDone, text, models.At(s.Wall.Now()))
}

// tellLost tells everybody that an account cannot be used. It may be done again.
func (s *Subscriptions) tellLost(ctx context.Context, at accounts.StripeAccount) error {
	row, err := models.TenantConnectedAccount(ctx, s.DB, at.Tenant, at.Connected)
	if err != nil {
		return err
	}
	dedup := "lost." + at.Connected + "." + row.DeauthorizedAt.Time().Format(time.RFC3339)
	people, err := models.PeopleWithRole(ctx, s.DB, at.Tenant, string(accounts.Admin))
	if err != nil {
		return err
	}
	err = models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		for person, link := range ownerAndAdmins(row.OwnerID, people) {
			if err := s.Notices.Tell(ctx, tx, at.Tenant, notices.Notice{
				Person: person, Kind: notices.AccountLost, Urgent: true, Dedup: dedup,
				Subject: "Stripe does not let us use the account " + row.Name,
				Body: "The access of this portal to the account " + row.Name + " (" + at.Connected + ") was taken away.\n\n" +
					"Nothing new is sold through it. Subscriptions that are there keep what was last known of them, and Stripe goes on charging for them.\n\n" +
					"Connect the account to the platform again, then choose Refresh from Stripe beside it.",
				LinkText: "Show the account", Link: link,
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.eachInReach(ctx, at.Tenant, models.Reach{Account: at.Connected}, func(ctx context.Context, tx bun.Tx, sub models.Subscription) error {
		return s.note(ctx, tx, sub, happening{
			Kind: "account_lost", Dedup: dedup,
			Text: "Stripe does not let this portal use the publisher's account any more, so what is shown is what was known then.",
		})
	})
}

// ownerAndAdmins returns who is told of an account, and where each can see it.
func ownerAndAdmins(owner string, admins []string) map[string]string {
	all := map[string]string{}
	for _, id := range admins {
		all[id] = "/admin/accounts"
	}
	all[owner] = "/publisher/accounts"
	return all
}

// eachInReach does something for each live subscription in reach, each in a
// transaction of its own.
func (s *Subscriptions) eachInReach(ctx context.Context, tenant models.TenantID, r models.Reach, do func(context.Context, bun.Tx, models.Subscription) error) error {
	for after := int64(0); ; {
		subs, err := models.SubscriptionsInReach(ctx, s.DB, tenant, r, after, reachAtOnce)
		if err != nil {
			return err
		}
		for _, sub := range subs {
			if err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error { return do(ctx, tx, sub) }); err != nil {
				return err
			}
			after = sub.ID
		}
		if len(subs) < reachAtOnce {
			return nil
		}
	}
}

// comeBack performs catchUp.
func (s *Subscriptions) comeBack(ctx context.Context, job outbox.Job, t catchUp) error {
	err := s.eachInReach(ctx, job.Tenant, models.Reach{Account: t.Account}, func(ctx context.Context, tx bun.Tx, sub models.Subscription) error {
		if err := s.note(ctx, tx, sub, happening{
			Kind: "account_back", Dedup: "back." + job.ID, Text: "The publisher's account at Stripe can be used again.",
		}); err != nil {
			return err
		}
		_, err := outbox.Stage(ctx, tx, job.Tenant, s.Wall.Now(), syncSubscription{sub.ID})
		return err
	})
	if err != nil {
		return err
	}
	return models.HastenJobs(ctx, s.DB, job.Tenant, models.At(s.Wall.Now()))
}
