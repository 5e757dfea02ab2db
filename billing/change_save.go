package billing

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/outbox"
	"tollgate/models"
	"tollgate/notices"
)

// saveChange writes down what became of a change of plan: timeline, audit, notice
// and workflow, and the work that it leaves behind. It goes by the difference
// between two versions of the row, so whatever caused it is told once.
func (s *Subscriptions) saveChange(ctx context.Context, tx bun.Tx, before, after models.Subscription) error {
	moved := before.PolicyID != after.PolicyID || before.PriceVersionID != after.PriceVersionID
	over := before.ChangeKind != models.NoChange && after.ChangeKind == models.NoChange
	begun := before.ChangeAt.IsZero() && !after.ChangeAt.IsZero() && after.ChangeKind == before.ChangeKind
	led := after.ChangeKind == models.ChangeAtEnd && before.ChangeKind == models.ChangeAtEnd && before.PendingPriceVersionID != after.PendingPriceVersionID
	waits := after.ChangeKind == models.ChangeNow && before.CheckoutExpiresAt.IsZero() && !after.CheckoutExpiresAt.IsZero()
	if !moved && !over && !begun && !led && !waits {
		return nil
	}
	t, err := s.changeTale(ctx, tx, before, after)
	if err != nil {
		return err
	}
	switch {
	case moved:
		err = t.happened(ctx, tx)
	case over && after.Live == nil:
		err = s.answer(ctx, tx, after, models.WorkflowUpdate, models.WorkflowRejected, "The subscription has ended.")
	case over:
		err = t.cameToNothing(ctx, tx)
	case waits:
		err = t.waitsForPayment(ctx, tx)
	default:
		err = t.scheduled(ctx, tx)
	}
	if err != nil || !moved && !over {
		return err
	}
	return s.stageTidying(ctx, tx, before, after)
}

// stageTidying promises what is left to do once a change is over: a meter may be
// needed no longer, and a schedule has done its work.
func (s *Subscriptions) stageTidying(ctx context.Context, tx bun.Tx, before, after models.Subscription) error {
	if before.Account != "" || after.Account != "" {
		if _, err := outbox.Stage(ctx, tx, after.TenantID, s.Wall.Now(), PushSale{after.APIID}); err != nil {
			return err
		}
	}
	if after.StripeScheduleID == "" || after.Live == nil {
		return nil
	}
	_, err := outbox.Stage(ctx, tx, after.TenantID, s.Wall.Now(), releaseSchedule{after.ID})
	return err
}

// A tale is a change of plan in words.
type changeTale struct {
	s             *Subscriptions
	before, after models.Subscription
	person        string // whose subscription it is
	api           string
	from, to      string // the plan before and after, or the one that was to come
	dedup         string // the version of the row tells every change apart
}

func (s *Subscriptions) changeTale(ctx context.Context, tx bun.Tx, before, after models.Subscription) (changeTale, error) {
	t := changeTale{s: s, before: before, after: after, dedup: "change." + strconv.FormatInt(after.ID, 10) + "." + strconv.FormatInt(after.Version, 10)}
	e, err := models.SubscriptionEntryByUUID(ctx, tx, after.TenantID, after.UUID)
	if err != nil {
		return t, err
	}
	t.person, t.api = e.PersonID, e.Title()+" "+e.APIVersion
	goal := after.PolicyID
	if goal == before.PolicyID && before.PendingPolicyID != 0 {
		goal = before.PendingPolicyID
	}
	plans, err := models.PoliciesByID(ctx, tx, after.TenantID, []int64{before.PolicyID, goal})
	for _, p := range plans {
		if p.ID == before.PolicyID {
			t.from = p.DisplayName
		}
		if p.ID == goal {
			t.to = p.DisplayName
		}
	}
	return t, err
}

func (t changeTale) note(ctx context.Context, tx bun.Tx, kind, text string) error {
	return t.s.note(ctx, tx, t.after, happening{Kind: kind, Text: text, Dedup: t.dedup})
}

func (t changeTale) tell(ctx context.Context, tx bun.Tx, n notices.Notice) error {
	n.Person, n.Subscription, n.Dedup = t.person, t.after.ID, t.dedup
	if n.Link == "" {
		n.LinkText, n.Link = "Show the subscription", "/devportal/subscriptions/"+t.after.UUID
	}
	return t.s.Notices.Tell(ctx, tx, t.after.TenantID, n)
}

// happened tells that the plan is another one now.
func (t changeTale) happened(ctx context.Context, tx bun.Tx) error {
	text := "Changed from " + t.from + " to " + t.to + "."
	if t.from == t.to {
		text = "Changed to the present price of " + t.to + "."
	}
	if err := t.note(ctx, tx, "plan_changed", text); err != nil {
		return err
	}
	details := map[string]string{"from": t.before.TierID, "to": t.after.TierID, "price_version": t.after.PriceVersionID}
	if err := t.s.tell(ctx, tx, t.after, "subscription.plan_changed", details); err != nil {
		return err
	}
	if err := t.s.answer(ctx, tx, t.after, models.WorkflowUpdate, models.WorkflowApproved, text); err != nil {
		return err
	}
	return t.tell(ctx, tx, notices.Notice{
		Kind: notices.PlanChanged, Subject: t.api + ": your plan is " + t.to + " now",
		Body: text + " The limits and the price of " + t.to + " hold from now on.",
	})
}

// cameToNothing tells that the plan stays. Nobody is written to about what they
// took back themselves.
func (t changeTale) cameToNothing(ctx context.Context, tx bun.Tx) error {
	text, why := "The change to "+t.to+" was taken back.", t.after.ChangeProblem
	if why != "" {
		text = "The change to " + t.to + " did not happen. " + why
	}
	if err := t.note(ctx, tx, "plan_not_changed", text); err != nil {
		return err
	}
	if err := t.s.answer(ctx, tx, t.after, models.WorkflowUpdate, models.WorkflowRejected, text); err != nil || why == "" {
		return err
	}
	return t.tell(ctx, tx, notices.Notice{
		Kind: notices.PlanNotChanged, Subject: t.api + ": your plan is still " + t.from, Body: text,
	})
}

// waitsForPayment tells that the change needs its invoice paid.
func (t changeTale) waitsForPayment(ctx context.Context, tx bun.Tx) error {
	text := "The change to " + t.to + " waits for its payment. " + t.from + " goes on until then."
	if err := t.note(ctx, tx, "plan_change_unpaid", text); err != nil || t.after.ActionNeeded {
		return err // of a bank that asks, tellPayment tells
	}
	return t.tell(ctx, tx, notices.Notice{
		Kind: notices.PaymentNeeded, Urgent: true, Subject: t.api + ": pay to change to " + t.to,
		Body: text + "\n\nThe card was declined. Pay the open invoice by " + day(t.after.CheckoutExpiresAt) + "; after that everything stays as it was.",
	})
}

// scheduled tells that Stripe has taken a change on that happens later.
func (t changeTale) scheduled(ctx context.Context, tx bun.Tx) error {
	if t.after.ChangeKind == models.ChangeNow {
		return nil
	}
	plans, err := models.PoliciesByID(ctx, tx, t.after.TenantID, []int64{t.after.PendingPolicyID})
	if err != nil || len(plans) == 0 {
		return err
	}
	return t.note(ctx, tx, "plan_change_scheduled", fmt.Sprintf("%s changes to %s on %s.", t.from, plans[0].DisplayName, day(t.after.ChangeAt)))
}

// noteWish writes down that somebody asked for a change, or took it back.
func (s *Subscriptions) noteWish(ctx context.Context, tx bun.Tx, who accounts.Actor, sub models.Subscription, action, text string, details map[string]string) error {
	what := accounts.Object{Type: "subscription", ID: sub.UUID, Name: sub.TierID}
	if err := models.InsertAudit(ctx, tx, who.Did(s.Wall.Now(), action, what, details)); err != nil {
		return err
	}
	return s.note(ctx, tx, sub, happening{Kind: "plan_change_asked", Text: text, By: who, At: time.Time{}})
}
