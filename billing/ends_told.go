package billing

import (
	"context"
	"strconv"

	"github.com/uptrace/bun"

	"tollgate/internal/outbox"
	"tollgate/models"
	"tollgate/notices"
)

// tellEnd writes into the timeline that a subscription ends, goes on after all, or
// has ended, whoever brought that about: a person here, the Customer Portal, a
// failed dunning, somebody in Stripe's dashboard. It goes by the difference between
// two versions of the row, so the same is told once, by whatever road we hear of it.
func (s *Subscriptions) tellEnd(ctx context.Context, tx bun.Tx, before, after models.Subscription) error {
	switch {
	case before.Live != nil && after.Live == nil:
		return s.tellEnded(ctx, tx, after)
	case after.Live == nil || after.CancelAt == before.CancelAt:
		return nil
	case after.CancelAt.IsZero():
		if err := s.note(ctx, tx, after, happening{Kind: "end_off", Text: "It does not end any more: it renews.", Dedup: told("goes-on", after)}); err != nil {
			return err
		}
		return s.keepEnding(ctx, tx, after)
	}
	return s.note(ctx, tx, after, happening{Kind: "end_set", Text: "It ends on " + day(after.CancelAt) + ".", Dedup: told("ends", after)})
}

// keepEnding asks Stripe again for an end that the publisher or an admin decided and
// that was taken back at Stripe, such as in the Customer Portal: only they can.
func (s *Subscriptions) keepEnding(ctx context.Context, tx bun.Tx, sub models.Subscription) error {
	en, stands, err := models.StandingEnding(ctx, tx, sub.ID)
	if err != nil || !stands || sub.ChangeKind == models.ChangeToFree {
		return err
	}
	t := endSubscription{Subscription: sub.ID, When: CancelAtPeriodEnd, Asked: models.NewID(), Ending: en.ID, At: en.AskedAt}
	if en.How == models.EndsNow {
		t.When = CancelNow
	}
	job, err := outbox.Stage(ctx, tx, sub.TenantID, s.Wall.Now(), t)
	if err != nil {
		return err
	}
	if err := models.SetEndingJob(ctx, tx, en.ID, sub.ID, job); err != nil {
		return err
	}
	return s.note(ctx, tx, sub, happening{Kind: "end_stands", Text: "Somebody took the end back at Stripe. " + endingWords(en) + " So it ends all the same.", Dedup: told("stands", sub)})
}

// endCauses are Stripe's reasons and ours in words.
var endCauses = map[string]string{
	"cancellation_requested":  "It was canceled.",
	"canceled":                "It was canceled.",
	"canceled_before_payment": "It was given up before it was paid, and nothing was charged.",
	"payment_failed":          "A payment failed, and all attempts to make it again failed too.",
	"payment_disputed":        "A payment was disputed through the bank.",
	"incomplete_expired":      "The first payment never came.",
}

func (s *Subscriptions) tellEnded(ctx context.Context, tx bun.Tx, sub models.Subscription) error {
	cause := endCauses[sub.EndReason]
	if cause == "" {
		cause = "It ended at Stripe."
	}
	h := happening{Kind: "ended", Text: "Ended. " + cause, Dedup: "ended", At: sub.EndedAt.Time()}
	if err := s.note(ctx, tx, sub, h); err != nil || sub.Status == "REJECTED" {
		return err // nobody is told of what never began
	}
	e, err := models.SubscriptionEntryByUUID(ctx, tx, sub.TenantID, sub.UUID)
	if err != nil {
		return err
	}
	body := "The subscription of " + e.ApplicationName + " to " + e.Title() + " " + e.APIVersion + " (" + e.PolicyName + ") ended on " + day(sub.EndedAt) + ". " + cause
	if en, stands, err := models.StandingEnding(ctx, tx, sub.ID); err != nil {
		return err
	} else if stands {
		body += "\n\n" + endingWords(en)
	}
	return s.Notices.Tell(ctx, tx, sub.TenantID, notices.Notice{
		Person: e.PersonID, Kind: notices.SubscriptionEnded, Subscription: sub.ID, Urgent: sub.EndReason == "payment_failed",
		Subject: "Your subscription to " + e.Title() + " " + e.APIVersion + " has ended", Body: body + "\n\nCalls are refused from now on, and no further period is charged.",
		LinkText: "Show the subscription", Link: "/devportal/subscriptions/" + sub.UUID, Dedup: "ended." + strconv.FormatInt(sub.ID, 10),
	})
}
