package billing

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
	"tollgate/notices"
)

// ask writes that everything in d is to end, as its actor agreed, and promises that
// at Stripe. What Stripe knows nothing of ends at once. It returns the ending, ""
// when there is nothing to end.
func (e *Ends) ask(ctx context.Context, tx bun.Tx, who accounts.Actor, d decision, c accounts.Consent) (string, error) {
	r, err := e.reach(ctx, tx, who.Tenant, d.scope)
	if err != nil || len(r.subs) == 0 {
		return "", err
	}
	if r.trivial() && c.Seen == "" {
		c = accounts.Consent{How: models.EndsNow, Seen: r.seen(), Reason: "It was not paid in time."}
	}
	if !r.agreed(c) {
		return "", &accounts.Unconfirmed{Count: int64(len(r.subs)), Changed: c.Seen != ""}
	}
	if err := readConsent(&c, d); err != nil {
		return "", err
	}
	en := models.Ending{
		ID: models.NewID(), TenantID: who.Tenant, Kind: d.kind, ObjectID: d.object.ID, ObjectName: clip(d.object.Name, 300), Publisher: d.publisher,
		How: c.How, Refund: c.Refund, Reason: c.Reason, Actor: who.Person, ActorName: clip(who.Name, 200), ActorRole: string(d.role),
		AskedAt: models.At(e.Business.Now()), Total: len(r.subs),
	}
	rows := make([]models.EndingSubscription, len(r.subs))
	for i, sub := range r.subs {
		rows[i] = models.EndingSubscription{
			EndingID: en.ID, AMSubscriptionID: sub.ID, TenantID: who.Tenant, WasUnpaid: sub.StripeSubscriptionID == "", LastInvoice: r.due[sub.ID].invoice,
		}
	}
	if err := models.InsertEnding(ctx, tx, en, rows); err != nil {
		return "", err
	}
	more, err := e.askSome(ctx, tx, who, en, askedAtOnce)
	if err == nil && more {
		_, err = outbox.Stage(ctx, tx, who.Tenant, e.Wall.Now(), spreadEnding{en.ID})
	}
	return en.ID, err
}

// askedAtOnce is how many ends are asked for in the transaction of the decision. It
// holds locks and somebody waits for it, so the rest of a large ending is work.
const askedAtOnce = 100

// spreadEnding asks for the ends of a large ending that its decision left.
type spreadEnding struct {
	Ending string `json:"ending"`
}

// Kind implements outbox.Task.
func (spreadEnding) Kind() string { return "billing.spread_ending" }

// Subject implements outbox.Task.
func (t spreadEnding) Subject() string { return "ending/" + t.Ending }

// Register makes jobs perform the tasks of e alone; those of its Subscriptions and
// Sales are registered by themselves.
func (e *Ends) Register(jobs *outbox.Runner) { outbox.Handle(jobs, e.spread, nil) }

// spread performs spreadEnding, some ends at a time.
func (e *Ends) spread(ctx context.Context, job outbox.Job, t spreadEnding) error {
	en, err := models.EndingByID(ctx, e.DB, job.Tenant, t.Ending)
	if err != nil {
		return err
	}
	tenant, err := models.TenantByID(ctx, e.DB, job.Tenant)
	if err != nil {
		return err
	}
	who := accounts.Actor{Tenant: job.Tenant, Domain: tenant.Domain, Person: en.Actor, Name: en.ActorName}
	for more := true; more; {
		err := models.InTx(ctx, e.DB, func(ctx context.Context, tx bun.Tx) (err error) {
			more, err = e.askSome(ctx, tx, who, en, askedAtOnce)
			return err
		})
		if err != nil {
			return err
		}
		e.Jobs.Wake()
	}
	return nil
}

// askSome asks for at most limit ends of en that are not under way, and reports
// whether more are left.
func (e *Ends) askSome(ctx context.Context, tx bun.Tx, who accounts.Actor, en models.Ending, limit int) (more bool, err error) {
	rows, err := models.UnaskedEnds(ctx, tx, en.ID, limit+1)
	if err != nil {
		return false, err
	}
	for _, row := range rows[:min(limit, len(rows))] {
		sub, err := models.SubscriptionByNumber(ctx, tx, en.TenantID, row.AMSubscriptionID)
		if err != nil {
			return false, err
		}
		if err := e.askOne(ctx, tx, who, sub, en, row); err != nil {
			return false, err
		}
	}
	return len(rows) > limit, nil
}

// readConsent says what is wrong with a decision.
func readConsent(c *accounts.Consent, d decision) error {
	var f fault.Fields
	f.Check(c.How == models.EndsNow || c.How == models.EndsWithPeriods, "how", "Choose one of these.")
	f.Check(!c.Refund || c.How == models.EndsNow, "how", "What ends with its period was paid for and is used until then, so nothing is given back.")
	later := d.kind != models.EndOfApplication && d.kind != models.EndOfAPI && d.kind != models.EndOfPerson
	f.Check(later || c.How == models.EndsNow, "how", "They end now: what they are for is taken away.")
	f.Check(d.role != accounts.Subscriber || !c.Refund, "how", "Only the publisher can give a payment back.")
	f.Check(d.role == accounts.Subscriber || c.Reason != "", "reason", "Say why, for those whose subscription ends.")
	f.Check(len([]rune(c.Reason)) <= 500, "reason", "Use at most 500 characters.")
	return f.Err()
}

// askOne asks for the end of one subscription.
func (e *Ends) askOne(ctx context.Context, tx bun.Tx, who accounts.Actor, sub models.Subscription, en models.Ending, row models.EndingSubscription) error {
	if sub.Live == nil || !row.WithdrawnAt.IsZero() { // something was faster
		return models.SetEndingJob(ctx, tx, en.ID, sub.ID, "")
	}
	when := CancelNow
	if en.How == models.EndsWithPeriods {
		when = CancelAtPeriodEnd
	}
	wish, err := e.noteCancel(ctx, tx, who, sub, when)
	if err != nil {
		return err
	}
	if err := e.noteEnding(ctx, tx, who, sub, en); err != nil {
		return err
	}
	if !atStripe(sub) {
		if err := models.SetEndingJob(ctx, tx, en.ID, sub.ID, ""); err != nil {
			return err
		}
		return e.endFree(ctx, tx, sub)
	}
	job, err := outbox.Stage(ctx, tx, who.Tenant, e.Wall.Now(), endSubscription{
		Subscription: sub.ID, When: when, Asked: wish, Ending: en.ID, Unpaid: row.WasUnpaid, Refund: en.Refund, Invoice: row.LastInvoice, At: en.AskedAt,
	})
	if err != nil {
		return err
	}
	return models.SetEndingJob(ctx, tx, en.ID, sub.ID, job)
}

// atStripe reports whether Stripe has, or may have, anything of sub.
func atStripe(sub models.Subscription) bool {
	return sub.NeedsPayment || sub.ChangeKind != models.NoChange || sub.StripeSubscriptionID != ""
}

// noteEnding writes who ends sub and why into its timeline, and tells its
// subscriber what comes later, unless it is them. What ends now is told when it has.
func (e *Ends) noteEnding(ctx context.Context, tx bun.Tx, who accounts.Actor, sub models.Subscription, en models.Ending) error {
	text := endingWords(en)
	if err := e.note(ctx, tx, sub, happening{Kind: "end_asked", Text: text, By: who, Dedup: "ending." + en.ID}); err != nil {
		return err
	}
	if en.ActorRole == string(accounts.Subscriber) || en.How == models.EndsNow || sub.StripeSubscriptionID == "" {
		return nil
	}
	entry, err := models.SubscriptionEntryByUUID(ctx, tx, sub.TenantID, sub.UUID)
	if err != nil {
		return err
	}
	return e.Notices.Tell(ctx, tx, sub.TenantID, notices.Notice{
		Person: entry.PersonID, Kind: notices.SubscriptionEnding, Subscription: sub.ID,
		Subject:  "Your subscription to " + entry.Title() + " " + entry.APIVersion + " ends",
		Body:     entry.ApplicationName + " is subscribed to " + entry.Title() + " with the plan " + entry.PolicyName + ". " + text,
		LinkText: "Show the subscription", Link: "/devportal/subscriptions/" + sub.UUID, Dedup: "ending." + en.ID + fmt.Sprintf(".%d", sub.ID),
	})
}

// endingWords says who ends a subscription, when, and why, for its subscriber.
func endingWords(en models.Ending) string {
	who := map[string]string{
		string(accounts.Subscriber): "You deleted " + en.ObjectName, string(accounts.Publisher): "The publisher ended it", string(accounts.Admin): "An admin ended it",
	}[en.ActorRole]
	when := ", now."
	if en.How == models.EndsWithPeriods {
		when = ", when its period is over. It works until then."
	}
	text := who + when
	if en.Refund {
		text += " The last payment is given back."
	}
	if en.Reason != "" {
		text += " The reason: " + en.Reason
	}
	return text
}

// EndApplications ends what an application of the actor's is subscribed to.
func (e *Ends) EndApplications(ctx context.Context, tx bun.Tx, who accounts.Actor, apps []models.Application, c accounts.Consent) (string, error) {
	return e.ask(ctx, tx, who, endApplications(apps...), c)
}

// EndPerson ends what the applications of a person are subscribed to.
func (e *Ends) EndPerson(ctx context.Context, tx bun.Tx, who accounts.Actor, p models.Person, apps []models.Application, c accounts.Consent) (string, error) {
	return e.ask(ctx, tx, who, endPerson(p, apps), c)
}

// EndAPI ends every subscription to an API of the actor's.
func (e *Ends) EndAPI(ctx context.Context, tx bun.Tx, who accounts.Actor, a models.API, c accounts.Consent) (string, error) {
	return e.ask(ctx, tx, who, endOfAPI(models.EndOfAPI, a), c)
}

// EndPlan ends every subscription with a plan, and takes back changes to it.
func (e *Ends) EndPlan(ctx context.Context, tx bun.Tx, who accounts.Actor, p models.Policy, c accounts.Consent) (string, error) {
	ending, err := e.ask(ctx, tx, who, endPlan(p), c)
	if err != nil {
		return "", err
	}
	return ending, e.dropComing(ctx, tx, who, p.TenantID, models.ChangeScope{Policy: p.ID}, p.DisplayName+" is deleted, so the change to it is taken back.")
}

// EndOffers ends the subscriptions to an API of the actor's with some plans, or
// lets them go on at their price.
func (e *Ends) EndOffers(ctx context.Context, tx bun.Tx, who accounts.Actor, a models.API, plans []models.Policy, c accounts.Consent) (string, error) {
	d := endOffers(a, plans)
	if c.How != catalog.KeepThem {
		return e.ask(ctx, tx, who, d, c)
	}
	r, err := e.reach(ctx, tx, who.Tenant, d.scope)
	if err == nil && len(r.subs) > 0 && !r.agreed(c) {
		err = &accounts.Unconfirmed{Count: int64(len(r.subs)), Changed: c.Seen != ""}
	}
	return "", err
}
