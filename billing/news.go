package billing

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/access"
	"tollgate/access/facts"
	"tollgate/accounts"
	"tollgate/models"
	"tollgate/notices"
)

// news is what changed between two versions of a subscription's row, on its way into
// the timeline and to its subscriber. It goes by the difference, so whatever road
// brought it about, it is told once.
type news struct {
	s             *Subscriptions
	before, after models.Subscription
	state         access.State
	entry         models.SubscriptionEntry
	by            accounts.Actor // zero: Stripe
}

// tellNews tells what a save changed about paying and access. Changes of plan are
// told by saveChange, ends by tellEnd, invoices by tellInvoice.
func (s *Subscriptions) tellNews(ctx context.Context, tx bun.Tx, before, after models.Subscription) error {
	return s.tellNewsBy(ctx, tx, accounts.Actor{}, before, after)
}

func (s *Subscriptions) tellNewsBy(ctx context.Context, tx bun.Tx, by accounts.Actor, before, after models.Subscription) error {
	if before == after {
		return nil
	}
	n := news{s: s, before: before, after: after, state: s.StateOf(after), by: by}
	var err error
	if n.entry, err = models.SubscriptionEntryByUUID(ctx, tx, after.TenantID, after.UUID); err != nil {
		return err
	}
	for _, tell := range []func(context.Context, bun.Tx) error{n.checkout, n.beginning, n.grace, n.served, n.collection, n.trial} {
		if err := tell(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// note writes something into the timeline; the version of the row tells it from others.
func (n news) note(ctx context.Context, tx bun.Tx, kind, text string) error {
	return n.s.note(ctx, tx, n.after, happening{Kind: kind, Text: text, By: n.by, Dedup: told(kind, n.after)})
}

// tell tells the subscriber. dedup is the version of the row when it is "".
func (n news) tell(ctx context.Context, tx bun.Tx, what notices.Notice) error {
	what.Person, what.Subscription = n.entry.PersonID, n.after.ID
	if what.Dedup == "" {
		what.Dedup = told(string(what.Kind), n.after)
	}
	if what.Link == "" {
		what.LinkText, what.Link = "Show the subscription", subscriberPage(n.after)
	}
	return n.s.Notices.Tell(ctx, tx, n.after.TenantID, what)
}

// about says whose subscription it is, for the end of a notice.
func (n news) about() string {
	return "This is about the subscription of " + n.entry.ApplicationName + " to " + titleOf(n.entry) + " (" + n.entry.PolicyName + ")."
}

// checkout tells what became of a payment page.
func (n news) checkout(ctx context.Context, tx bun.Tx) error {
	was, now := facts.CheckoutOf(n.before), facts.CheckoutOf(n.after)
	session := n.before.CheckoutSessionID
	if session == "" || was == now && n.before.StripeSubscriptionID == n.after.StripeSubscriptionID {
		return nil
	}
	once := func(kind, text string) error {
		return n.s.note(ctx, tx, n.after, happening{Kind: kind, Text: text, Dedup: kind + "." + session, LinkType: "checkout", LinkID: session})
	}
	switch {
	case n.after.Live == nil:
		return nil
	case now == access.Expired:
		if err := once("checkout_expired", "The payment page closed before it was paid. Nothing was charged."); err != nil {
			return err
		}
		return n.tell(ctx, tx, notices.Notice{
			Kind: notices.PaymentNeeded, Subject: "Your subscription to " + titleOf(n.entry) + " was not paid in time",
			Body: "The payment page closed before it was paid. Nothing was charged. You can start again at any time.\n\n" + n.about(), Dedup: "expired." + session,
		})
	case now == access.Declined:
		if err := once("payment_failed", "The bank did not make the first payment. Nothing was charged."); err != nil {
			return err
		}
		return n.tell(ctx, tx, notices.Notice{
			Kind: notices.PaymentFailed, Urgent: true, Subject: "The payment for " + titleOf(n.entry) + " did not go through",
			Body: "The bank did not make the payment. Nothing was charged. You can start again with another way to pay.\n\n" + n.about(), Dedup: "declined." + session,
		})
	case now == access.Processing:
		return once("checkout_processing", "The payment page was completed. The money is on its way.")
	case n.after.StripeSubscriptionID != "" && (n.before.StripeSubscriptionID == "" || was == access.Processing):
		return once("checkout_paid", "The payment page was completed.")
	}
	return nil
}

// beginning tells that calls are served for the first time.
func (n news) beginning(ctx context.Context, tx bun.Tx) error {
	if !n.before.ActivatedAt.IsZero() || n.after.ActivatedAt.IsZero() || n.after.Live == nil {
		return nil
	}
	return n.note(ctx, tx, "began", "The subscription begins: calls are served.")
}

// grace tells until when calls are served although a payment failed.
func (n news) grace(ctx context.Context, tx bun.Tx) error {
	if n.after.Live == nil || n.state.Until.IsZero() || n.before.PastDueSince == n.after.PastDueSince && n.before.GraceHours == n.after.GraceHours {
		return nil
	}
	return n.note(ctx, tx, "grace_began", "A payment is open. Calls are served until "+day(models.At(n.state.Until))+".")
}

// serving is the statuses in which some calls are served.
func serving(status string) bool {
	switch access.Status(status) {
	case access.Unblocked, access.ProdOnlyBlocked, access.DeletePending, access.TierUpdatePending:
		return true
	case access.OnHold, access.Rejected, access.Blocked:
	}
	return false
}

// refusals says why calls are refused from now on.
var refusals = map[access.Reason]string{
	access.HeldByPublisher: "Calls are refused: the publisher has blocked the subscription.",
	access.HeldByDispute:   "Calls are refused: a payment is disputed.",
	access.HeldByRefund:    "Calls are refused: the payment for the period was given back.",
	access.NeedsAgreeing:   "Calls are refused until the payment is confirmed with the bank.",
	access.NeedsPaying:     "Calls are refused until the open payment is made.",
}

// served tells that calls are refused from now on, or let through again. The first
// time is told by beginning, the last by tellEnd, and a block by whoever makes it.
func (n news) served(ctx context.Context, tx bun.Tx) error {
	was, now := serving(n.before.Status), serving(n.after.Status)
	if n.before.ActivatedAt.IsZero() || n.after.Live == nil || was == now || n.before.AdminHold != n.after.AdminHold {
		return nil
	}
	if now {
		return n.restored(ctx, tx)
	}
	kind, text := "access_blocked", refusals[n.state.Reason]
	if text == "" {
		text = "Calls are refused."
	}
	if n.before.GraceHours > 0 && n.before.StripeStatus == "past_due" && (n.state.Reason == access.NeedsPaying || n.state.Reason == access.NeedsAgreeing) {
		kind, text = "grace_ended", "The time to pay is over. "+text
	}
	if err := n.note(ctx, tx, kind, text); err != nil {
		return err
	}
	return n.refused(ctx, tx)
}

// refused tells the subscriber that calls are refused, and what to do.
func (n news) refused(ctx context.Context, tx bun.Tx) error {
	return n.tell(ctx, tx, notices.Notice{
		Kind: notices.AccessBlocked, Urgent: true, Subject: "Calls to " + titleOf(n.entry) + " are refused",
		Body: spoken(n.state.Sentence) + "\n\n" + n.about(),
	})
}

func (n news) restored(ctx context.Context, tx bun.Tx) error {
	if err := n.note(ctx, tx, "access_restored", "Calls are served again."); err != nil {
		return err
	}
	return n.tell(ctx, tx, notices.Notice{
		Kind: notices.AccessRestored, Subject: "Calls to " + titleOf(n.entry) + " are served again", Body: spoken(n.state.Sentence) + "\n\n" + n.about(),
	})
}

// spoken writes a sentence out, with its date.
func spoken(s access.Sentence) string {
	if s.At.IsZero() {
		return s.Before
	}
	return s.Before + day(models.At(s.At)) + s.After
}

// collection tells that somebody paused payments at Stripe, or lifted that.
func (n news) collection(ctx context.Context, tx bun.Tx) error {
	switch {
	case n.before.CollectionPaused == n.after.CollectionPaused || n.after.Live == nil:
		return nil
	case n.after.CollectionPaused:
		return n.note(ctx, tx, "collection_paused", "Payments were paused at Stripe: nothing is charged for now.")
	}
	return n.note(ctx, tx, "collection_resumed", "Payments go on at Stripe.")
}

// trialNotice is how long before its end a trial is told of, as Stripe does.
const trialNotice = 3*24*time.Hour + time.Hour

// trial tells that a trial ends soon, once.
func (n news) trial(ctx context.Context, tx bun.Tx) error {
	ends := n.after.TrialEnds
	if ends.IsZero() || n.after.Live == nil || n.s.Business.Now().Add(trialNotice).Before(ends.Time()) {
		return nil
	}
	once := strings.Join([]string{"trial", n.after.StripeSubscriptionID, ends.Time().Format(time.RFC3339)}, ".")
	text := "The trial ends on " + day(ends) + "."
	if err := n.s.note(ctx, tx, n.after, happening{Kind: "trial_ending", Text: text, Dedup: once}); err != nil {
		return err
	}
	then := " The first period is charged then."
	if !n.after.CancelAt.IsZero() {
		then = " The subscription ends with it, and nothing is charged."
	}
	return n.tell(ctx, tx, notices.Notice{
		Kind: notices.TrialEnding, Subject: "Your trial of " + titleOf(n.entry) + " ends soon", Body: text + then + "\n\n" + n.about(), Dedup: once,
	})
}
