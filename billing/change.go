package billing

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// changePlan makes Stripe change the plan of a subscription. What is sent is frozen
// here, because a retry under the same key must send the same.
type changePlan struct {
	Subscription int64  `json:"subscription"`
	Asked        string `json:"asked"` // workflow reference: each wish is work of its own
	How          string `json:"how"`   // one of models' Change constants
	Change       Change `json:"change"`
}

// Kind implements outbox.Task.
func (changePlan) Kind() string { return "billing.change_plan" }

// Subject implements outbox.Task.
func (t changePlan) Subject() string { return subjectOf(t.Subscription) }

// undoChange takes a change of plan back that has not happened yet.
type undoChange struct {
	Subscription int64  `json:"subscription"`
	Asked        string `json:"asked"` // the wish that is taken back
}

// Kind implements outbox.Task.
func (undoChange) Kind() string { return "billing.undo_change" }

// Subject implements outbox.Task.
func (t undoChange) Subject() string { return subjectOf(t.Subscription) }

// releaseSchedule lets a subscription go on without a schedule that has done its work.
type releaseSchedule struct {
	Subscription int64 `json:"subscription"`
}

// Kind implements outbox.Task.
func (releaseSchedule) Kind() string { return "billing.release_schedule" }

// Subject implements outbox.Task.
func (t releaseSchedule) Subject() string { return subjectOf(t.Subscription) }

// A ChangeInput is a change of plan as it was shown and is confirmed.
type ChangeInput struct {
	Plan    string // uuid of the policy
	When    Moment
	Version string // price version that was shown; "" for a free plan
	At      int64  // Unix seconds; prorations count from here, where something is charged at once
	Due     int64  // minor units that were shown to be charged at once
}

// Validate reports what is wrong with the form alone, before any look-up.
func (in ChangeInput) Validate() error {
	var f fault.Fields
	f.Check(in.Plan != "", "plan", "Choose a plan.")
	f.Check(in.When == MomentNow || in.When == MomentAtPeriodEnd, "when", "Choose when it changes.")
	return f.Err()
}

// Change changes the plan of one of the actor's subscriptions, as in says that it
// was shown: between free plans at once, to a paid one through Checkout, from one
// paid plan to another by Stripe, and to a free one when the paid period ends. It
// waits a little for Stripe. What does not cost any more what was shown is a
// *QuoteChanged.
func (s *Subscriptions) Change(ctx context.Context, who accounts.Actor, uuid string, in ChangeInput) error {
	if err := in.Validate(); err != nil {
		return err
	}
	quoted, err := s.holds(ctx, who, uuid, in)
	if err != nil {
		return err
	}
	how := quoted.To.kind(quoted.Subscription, in.When)
	task := changePlan{Subscription: quoted.ID, How: how}
	if quoted.NeedsPayment {
		if task.Change, _, err = s.changeOf(ctx, quoted.Subscription, quoted.To, quoted.At); err != nil {
			return err
		}
	}
	var job string
	var sub models.Subscription
	err = models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		var err error
		sub, job, err = s.askChange(ctx, tx, who, quoted, task)
		return err
	})
	switch {
	case err != nil:
		return err
	case how == models.ChangeByPaying:
		_, err := s.opened(ctx, sub)
		return err
	}
	return s.done(ctx, job, nil)
}

// askChange writes the wish down and promises what Stripe has to do for it, if the
// subscription and the offer still are what was quoted.
func (s *Subscriptions) askChange(ctx context.Context, tx bun.Tx, who accounts.Actor, quoted ChangePreview, task changePlan) (models.Subscription, string, error) {
	sub, err := s.ownIn(ctx, tx, who, quoted.UUID)
	if err != nil {
		return sub, "", err
	}
	if why := s.unchangeable(sub); why != "" {
		return sub, "", fault.New(fault.Conflict, why)
	}
	if end, ok, err := models.NewestWorkflow(ctx, tx, sub.TenantID, reference(sub), models.WorkflowDeletion); err != nil || ok && end.Status == models.WorkflowCreated {
		return sub, "", errors.Join(err, fault.New(fault.Conflict, endIsAsked))
	}
	if sub.PolicyID != quoted.PolicyID || sub.PriceVersionID != quoted.PriceVersionID || sub.StripeSubscriptionID != quoted.StripeSubscriptionID {
		return sub, "", &QuoteChanged{"The subscription was changed since this was shown. Look at it again before you confirm."}
	}
	to, err := s.stillOffered(ctx, tx, who, sub, quoted)
	if err != nil {
		return sub, "", err
	}
	before := sub
	s.wish(&sub, to, task.How)
	sub.UpdatedBy, sub.UpdatedTime = who.Username, models.At(s.Business.Now())
	if sub, err = models.SaveSubscription(ctx, tx, sub); err != nil {
		return sub, "", err
	}
	if err := s.noteAsked(ctx, tx, who, before, sub, quoted); err != nil {
		return sub, "", err
	}
	switch task.How {
	case models.NoChange:
		return sub, "", s.saveChange(ctx, tx, before, sub)
	case models.ChangeByPaying:
		return sub, "", s.stageCheckout(ctx, tx, sub)
	}
	flow, _, err := models.NewestWorkflow(ctx, tx, sub.TenantID, reference(sub), models.WorkflowUpdate)
	if err != nil {
		return sub, "", err
	}
	task.Asked = flow.ExternalReference
	job, err := outbox.Stage(ctx, tx, sub.TenantID, s.Wall.Now(), task)
	return sub, job, err
}

// stillOffered holds API and plan, so that neither leaves sale before the wish is
// written down, and returns the plan as it is offered.
func (s *Subscriptions) stillOffered(ctx context.Context, tx bun.Tx, who accounts.Actor, sub models.Subscription, quoted ChangePreview) (Choice, error) {
	if err := models.HoldAPI(ctx, tx, sub.APIID); err != nil {
		return Choice{}, err
	}
	if err := models.HoldPolicy(ctx, tx, quoted.To.Plan.ID); err != nil {
		return Choice{}, err
	}
	all, err := s.choices(ctx, tx, who, sub)
	if err != nil {
		return Choice{}, err
	}
	to, err := choose(all, quoted.To.Plan.UUID, quoted.When)
	if err == nil && (to.Price.Version != quoted.To.Price.Version || to.priceID != quoted.To.priceID) {
		err = &QuoteChanged{"The price of this plan has changed since it was shown. Look at it again before you confirm."}
	}
	return to, err
}

// wish writes into sub what it is to become. Between free plans that is at once.
func (s *Subscriptions) wish(sub *models.Subscription, to Choice, how string) {
	forgetChange(sub)
	switch how {
	case models.NoChange:
		sub.PolicyID, sub.TierID = to.Plan.ID, to.Plan.Name
	default:
		sub.PendingPolicyID, sub.TierIDPending, sub.PendingPriceVersionID = to.Plan.ID, to.Plan.Name, to.Price.Version
		sub.ChangeKind, sub.ChangeAskedAt = how, models.At(s.Business.Now())
	}
	if how == models.ChangeByPaying {
		leaveCheckout(sub)
		sub.Account, sub.Checkout, sub.CheckoutAttempt = to.account, string(access.Opening), sub.CheckoutAttempt+1
	}
	s.judge(sub)
}

// noteAsked records the wish: workflow, audit and timeline.
func (s *Subscriptions) noteAsked(ctx context.Context, tx bun.Tx, who accounts.Actor, before, sub models.Subscription, quoted ChangePreview) error {
	if err := s.record(ctx, tx, who, sub, models.WorkflowUpdate, models.WorkflowCreated); err != nil {
		return err
	}
	to := quoted.To
	details := map[string]string{"from": before.TierID, "to": to.Plan.Name, "when": string(quoted.When)}
	text := "Asked to change from " + quoted.Plan.DisplayName + " to " + to.Plan.DisplayName + ", " + whenInWords(sub.ChangeKind) + "."
	if quoted.Invoice != nil {
		details["shown"] = quoted.Due.String()
		text += " " + quoted.Due.String() + " was shown to be due."
	}
	return s.noteWish(ctx, tx, who, sub, "subscription.change", text, details)
}

func whenInWords(kind string) string {
	switch kind {
	case models.ChangeAtEnd, models.ChangeToFree:
		return "when the period ends"
	case models.ChangeByPaying:
		return "once it is paid"
	}
	return "at once"
}

// UndoChange takes back a change of one of the actor's subscriptions that has not
// happened yet, and waits a little for Stripe. What was paid meanwhile is kept.
func (s *Subscriptions) UndoChange(ctx context.Context, who accounts.Actor, uuid string) error {
	var job string
	err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		sub, err := s.ownIn(ctx, tx, who, uuid)
		if err != nil {
			return err
		}
		if sub.ChangeKind == models.NoChange {
			return nil // there is nothing to take back, or nothing any more
		}
		if why := s.undoRefused(sub); why != "" {
			return fault.New(fault.Conflict, why)
		}
		flow, _, err := models.NewestWorkflow(ctx, tx, sub.TenantID, reference(sub), models.WorkflowUpdate)
		if err != nil {
			return err
		}
		text := "Asked to take the change of plan back."
		if err := s.noteWish(ctx, tx, who, sub, "subscription.change_undo", text, map[string]string{"kept": sub.TierID, "not": sub.TierIDPending}); err != nil {
			return err
		}
		job, err = outbox.Stage(ctx, tx, who.Tenant, s.Wall.Now(), undoChange{sub.ID, flow.ExternalReference})
		return err
	})
	return s.done(ctx, job, err)
}

// undoRefused says why a change cannot be taken back; "" when it can.
func (s *Subscriptions) undoRefused(sub models.Subscription) string {
	switch {
	case sub.ChangeKind == models.ChangeNow && sub.CheckoutExpiresAt.IsZero():
		return "Stripe is making this change right now, so it cannot be taken back any more. You can change the plan again afterwards."
	case sub.ChangeKind == models.ChangeNow:
		return "This change only happens if its invoice is paid. Leave it unpaid, and it is dropped by itself."
	case sub.ChangeKind == models.ChangeByPaying && access.Checkout(sub.Checkout) == access.Processing:
		return "This was paid and the payment is being processed, so it cannot be taken back any more."
	}
	return ""
}

// A PendingChange is a change of plan that is on its way, for people.
type PendingChange struct {
	Plan     models.Policy
	Price    catalog.Price // zero when it is free
	Kind     string        // one of models' Change constants
	At       time.Time     // when it takes effect; zero: as soon as it can
	PayBy    time.Time     // until when it has to be paid; zero: nothing is to be paid
	Asked    bool          // Stripe has not answered yet
	Undoable bool
}

// pendingChange returns the change that is on its way for sub, nil for none.
func (s *Subscriptions) pendingChange(sub models.Subscription, plans map[int64]models.Policy, prices map[string]catalog.Price) *PendingChange {
	if sub.ChangeKind == models.NoChange {
		return nil
	}
	p := &PendingChange{Plan: plans[sub.PendingPolicyID], Price: prices[sub.PendingPriceVersionID], Kind: sub.ChangeKind, Undoable: s.undoRefused(sub) == ""}
	switch sub.ChangeKind {
	case models.ChangeNow, models.ChangeByPaying:
		p.PayBy, p.Asked = sub.CheckoutExpiresAt.Time(), sub.CheckoutExpiresAt.IsZero()
	default:
		p.At, p.Asked = sub.ChangeAt.Time(), sub.ChangeAt.IsZero()
	}
	return p
}

// ByPaying reports whether the change happens when something is paid.
func (p PendingChange) ByPaying() bool {
	return p.Kind == models.ChangeByPaying || !p.PayBy.IsZero()
}

// AtEnd reports whether the change happens when the period ends.
func (p PendingChange) AtEnd() bool {
	return p.Kind == models.ChangeAtEnd || p.Kind == models.ChangeToFree
}
