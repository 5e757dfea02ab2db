package billing

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/uptrace/bun"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// The keys under which our ids stand in the metadata of checkout sessions and
// Stripe subscriptions. The last two are WSO2's.
const (
	metaInstallation = "installation"
	metaSubscription = "subscription"
	metaTenant       = "tenantDomain"
	metaWorkflow     = "workflowReference"
)

// ensureCustomer makes the Stripe customer of an application on a connected
// account, and then opens the checkout that needs it. What is sent is frozen here,
// because a retry under the same key must send the same.
type ensureCustomer struct {
	Application  int64         `json:"application"`
	Account      string        `json:"account"`
	Provider     string        `json:"provider"`
	Subscription int64         `json:"subscription"`
	Attempt      int           `json:"attempt"`
	Input        CustomerInput `json:"input"`
}

// Kind implements outbox.Task.
func (ensureCustomer) Kind() string { return "billing.ensure_customer" }

// Subject implements outbox.Task: two subscriptions of one application share a customer.
func (t ensureCustomer) Subject() string {
	return fmt.Sprintf("customer/%d/%s", t.Application, t.Account)
}

// openCheckout opens the checkout of one attempt to subscribe.
type openCheckout struct {
	Subscription int64         `json:"subscription"`
	Attempt      int           `json:"attempt"`
	Account      string        `json:"account"`
	Input        CheckoutInput `json:"input"`
}

// Kind implements outbox.Task.
func (openCheckout) Kind() string { return "billing.open_checkout" }

// Subject implements outbox.Task.
func (t openCheckout) Subject() string { return subjectOf(t.Subscription) }

// subjectOf is the subject of all work on one subscription, so that no two pieces
// of it run at once.
func subjectOf(subscription int64) string {
	return "subscription/" + strconv.FormatInt(subscription, 10)
}

// stageCheckout promises a checkout for sub, and a customer first if it has none.
func (s *Subscriptions) stageCheckout(ctx context.Context, tx bun.Tx, sub models.Subscription) error {
	customer, err := models.SharedCustomerOf(ctx, tx, sub.ApplicationID, sub.Account)
	if err == nil && customer.DeletedAt.IsZero() {
		return s.stageOpening(ctx, tx, sub, customer.SharedCustomerID)
	}
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	buyer, err := models.BuyerByNumber(ctx, tx, sub.TenantID, sub.ApplicationID)
	if err != nil {
		return err
	}
	api, err := models.APIByID(ctx, tx, sub.TenantID, sub.APIID)
	if err != nil {
		return err
	}
	_, err = outbox.Stage(ctx, tx, sub.TenantID, s.Wall.Now(), ensureCustomer{
		Application: sub.ApplicationID, Account: sub.Account, Provider: api.Provider, Subscription: sub.ID, Attempt: sub.CheckoutAttempt,
		Input: CustomerInput{
			Name: buyer.Name + " (" + buyer.Username + ")", Email: buyer.Email,
			Metadata: map[string]string{metaInstallation: s.Installation, "application": buyer.UUID},
		},
	})
	return err
}

// stageOpening promises the checkout itself. Price and addresses come from our rows.
func (s *Subscriptions) stageOpening(ctx context.Context, tx bun.Tx, sub models.Subscription, customer string) error {
	version, why := sub.PriceVersionID, models.WorkflowCreation
	if sub.ChangeKind == models.ChangeByPaying { // the free plan goes on until this is paid
		version, why = sub.PendingPriceVersionID, models.WorkflowUpdate
	}
	price, err := models.SoldAs(ctx, tx, sub.APIID, version, sub.Account)
	if fault.KindOf(err) == fault.NotFound {
		return outbox.Refuse(fault.From(fault.Conflict, err, "This plan is not on sale any more. Choose another one."))
	}
	if err != nil {
		return err
	}
	tenant, err := models.TenantByID(ctx, tx, sub.TenantID)
	if err != nil {
		return err
	}
	flow, _, err := models.NewestWorkflow(ctx, tx, sub.TenantID, reference(sub), why)
	if err != nil {
		return err
	}
	_, err = outbox.Stage(ctx, tx, sub.TenantID, s.Wall.Now(), openCheckout{
		Subscription: sub.ID, Attempt: sub.CheckoutAttempt, Account: sub.Account,
		Input: CheckoutInput{
			Customer: customer, Price: price.StripePlanID, Metered: price.Component == "usage",
			ClientReference: flow.ExternalReference, FeePercent: tenant.FeePercent,
			SuccessURL: s.PublicURL + "/api/am/stripe/complete-session?session_id={CHECKOUT_SESSION_ID}",
			CancelURL:  s.PublicURL + "/devportal/subscriptions/" + sub.UUID,
			Metadata: map[string]string{
				metaInstallation: s.Installation, metaTenant: tenant.Domain,
				metaSubscription: sub.UUID, metaWorkflow: flow.ExternalReference,
			},
		},
	})
	return err
}

// makeCustomer performs ensureCustomer.
func (s *Subscriptions) makeCustomer(ctx context.Context, job outbox.Job, t ensureCustomer) error {
	sub, err := models.SubscriptionByNumber(ctx, s.DB, job.Tenant, t.Subscription)
	if err != nil || !awaits(sub, t.Attempt) {
		return err
	}
	customer, err := models.SharedCustomerOf(ctx, s.DB, t.Application, t.Account)
	if fault.KindOf(err) == fault.NotFound {
		customer = models.SharedCustomer{ApplicationID: t.Application, APIProvider: t.Provider, TenantID: job.Tenant, Account: t.Account}
		err = nil
	}
	if err == nil && (customer.ID == 0 || !customer.DeletedAt.IsZero()) {
		at := accounts.StripeAccount{Tenant: job.Tenant, Connected: t.Account}
		customer.SharedCustomerID, err = s.Engine.CreateCustomer(ctx, at, job.Key("customer"), t.Input)
		err = final(err)
	}
	if err != nil {
		return s.notSold(ctx, accounts.StripeAccount{Tenant: job.Tenant, Connected: t.Account}, err)
	}
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		if err := keepCustomer(ctx, tx, customer); err != nil {
			return err
		}
		return s.stageOpening(ctx, tx, sub, customer.SharedCustomerID)
	})
}

// awaits reports whether sub still waits for the checkout of this attempt.
func awaits(sub models.Subscription, attempt int) bool {
	return sub.Live != nil && sub.Checkout == string(access.Opening) && sub.CheckoutAttempt == attempt
}

// open performs openCheckout: it leaves exactly one payable session behind, and
// none when the subscription was given up or paid otherwise meanwhile.
func (s *Subscriptions) open(ctx context.Context, job outbox.Job, t openCheckout) error {
	sub, err := models.SubscriptionByNumber(ctx, s.DB, job.Tenant, t.Subscription)
	if err != nil {
		return err
	}
	if !awaits(sub, t.Attempt) {
		return s.withdraw(ctx, job, t)
	}
	if done, err := s.paidOtherwise(ctx, job, sub); done || err != nil {
		return err
	}
	session, err := s.Engine.OpenCheckout(ctx, t.at(job), job.Key("checkout"), t.Input)
	if err != nil {
		return s.notOpened(ctx, job, t, err)
	}
	return s.keepSession(ctx, job, t, session)
}

// notOpened says what err means for the checkout t. When Stripe does not know the
// customer, it is looked at, so that the next attempt makes a new one.
func (s *Subscriptions) notOpened(ctx context.Context, job outbox.Job, t openCheckout, err error) error {
	if no, ok := errors.AsType[*Refused](err); ok && no.Param == "customer" {
		if err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
			_, err := outbox.Stage(ctx, tx, job.Tenant, s.Wall.Now(), syncObject{t.Account, objectCustomer, t.Input.Customer})
			return err
		}); err != nil {
			return err
		}
	}
	return s.notSold(ctx, t.at(job), final(err))
}

// notSold returns err. An account that must not be used sells nothing: that is a
// clear no, so that nobody waits for it.
func (s *Subscriptions) notSold(ctx context.Context, at accounts.StripeAccount, err error) error {
	if err = s.lostOr(ctx, at, err); !barred(err) {
		return err
	}
	return outbox.Refuse(fault.From(fault.Conflict, err, "The publisher's account at Stripe is not connected at the moment."))
}

func (t openCheckout) at(job outbox.Job) accounts.StripeAccount {
	return accounts.StripeAccount{Tenant: job.Tenant, Connected: t.Account}
}

// withdraw closes the session that an earlier attempt may have opened before the
// subscription was given up: the same key finds it.
func (s *Subscriptions) withdraw(ctx context.Context, job outbox.Job, t openCheckout) error {
	if job.Attempts == 1 || !job.Fresh() {
		return nil // nothing was sent, or so long ago that it cannot be found by its key
	}
	sessions, err := models.CheckoutSessionsOf(ctx, s.DB, t.Subscription)
	if err != nil {
		return err
	}
	for _, known := range sessions {
		if known.Attempt == t.Attempt {
			return nil // it was kept, and whoever ended the subscription closed it
		}
	}
	session, err := s.Engine.OpenCheckout(ctx, t.at(job), job.Key("checkout"), t.Input)
	if _, no := errors.AsType[*Refused](err); no {
		return nil
	}
	if err != nil {
		return err
	}
	if session, err = s.Engine.ExpireCheckout(ctx, t.at(job), job.Key("withdraw"), session.ID); err != nil {
		return final(err)
	}
	if session.Status != CheckoutComplete {
		return nil
	}
	return s.stageSync(ctx, job.Tenant, t.Subscription)
}

// paidOtherwise closes the sessions of earlier attempts. It reports true when one
// of them was paid, or a Stripe subscription of ours is there already: then that
// one counts, and nothing is opened.
func (s *Subscriptions) paidOtherwise(ctx context.Context, job outbox.Job, sub models.Subscription) (bool, error) {
	seen, err := s.look(ctx, sub)
	if err != nil {
		return false, err
	}
	paid, err := s.closeSessions(ctx, job, seen)
	if err != nil {
		return false, err
	}
	if paid || seen.kept != nil && alive(*seen.kept) {
		return true, s.stageSync(ctx, job.Tenant, sub.ID)
	}
	return false, nil
}

// closeSessions expires every open session in seen, and reports whether one of them
// turned out to be complete.
func (s *Subscriptions) closeSessions(ctx context.Context, job outbox.Job, seen seen) (paid bool, err error) {
	for i, ours := range seen.sessions {
		theirs := seen.theirs[i]
		if theirs.Status == CheckoutOpen {
			at := accounts.StripeAccount{Tenant: job.Tenant, Connected: ours.Account}
			if theirs, err = s.Engine.ExpireCheckout(ctx, at, job.Key("expire."+ours.SessionID), ours.SessionID); err != nil {
				return false, final(err)
			}
			seen.theirs[i] = theirs
		}
		paid = paid || theirs.Status == CheckoutComplete
	}
	return paid, nil
}

// keepSession writes down the session that was opened. If the subscription was
// given up at that very moment, the attempt ends as an error and its next one
// withdraws the session.
func (s *Subscriptions) keepSession(ctx context.Context, job outbox.Job, t openCheckout, got CheckoutSession) error {
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		sub, err := models.SubscriptionByNumber(ctx, tx, job.Tenant, t.Subscription)
		if err != nil {
			return err
		}
		if !awaits(sub, t.Attempt) {
			return errors.New("billing: the subscription changed while its checkout was opened")
		}
		entry, err := models.SubscriptionEntryByUUID(ctx, tx, job.Tenant, sub.UUID)
		if err != nil {
			return err
		}
		now := models.At(s.Business.Now())
		if err := models.ExpireSessions(ctx, tx, sub.ID, now); err != nil { // they were closed before this one was opened
			return err
		}
		if err := models.InsertCheckoutSession(ctx, tx, models.CheckoutSession{
			SessionID: got.ID, WorkflowReference: t.Input.ClientReference, SubscriberID: entry.SubscriberID, TenantID: job.Tenant,
			APIUUID: entry.APIUUID, CheckoutURL: got.URL, Status: models.SessionPending, CreatedAt: now, UpdatedAt: now,
			AMSubscriptionID: sub.ID, Account: t.Account, PriceID: t.Input.Price, Attempt: t.Attempt, ExpiresAt: models.At(got.ExpiresAt),
		}); err != nil {
			return err
		}
		sub.Checkout, sub.CheckoutSessionID, sub.CheckoutExpiresAt = string(access.Open), got.ID, models.At(got.ExpiresAt)
		sub.UpdatedTime = now
		s.judge(&sub)
		if sub, err = models.SaveSubscription(ctx, tx, sub); err != nil {
			return err
		}
		return s.note(ctx, tx, sub, happening{
			Kind: "checkout_opened", Text: "The payment page is open until " + day(sub.CheckoutExpiresAt) + ".", Dedup: "checkout_opened." + got.ID, LinkType: "checkout", LinkID: got.ID,
		})
	})
}

// unopened runs when Stripe clearly refused to open a checkout: the subscription
// says why and can be started again.
func (s *Subscriptions) unopened(ctx context.Context, tx bun.Tx, tenant models.TenantID, id int64, attempt int, why error) error {
	sub, err := models.SubscriptionByNumber(ctx, tx, tenant, id)
	if err != nil || !awaits(sub, attempt) {
		return err
	}
	if sub.ChangeKind == models.ChangeByPaying {
		_, err = s.abandon(ctx, tx, sub, "Stripe did not open the payment page. "+reasonOf(why))
		return err
	}
	sub.Checkout, sub.CheckoutProblem = string(access.Failed), reasonOf(why)
	sub.UpdatedTime = models.At(s.Business.Now())
	s.judge(&sub)
	if sub, err = models.SaveSubscription(ctx, tx, sub); err != nil {
		return err
	}
	if err := s.answer(ctx, tx, sub, models.WorkflowCreation, models.WorkflowRejected, sub.CheckoutProblem); err != nil {
		return err
	}
	if err := s.note(ctx, tx, sub, happening{Kind: "checkout_refused", Text: "Stripe did not open the payment page. " + sub.CheckoutProblem, Dedup: told("checkout_refused", sub)}); err != nil {
		return err
	}
	return s.tell(ctx, tx, sub, "subscription.checkout_refused", map[string]string{"reason": clip(sub.CheckoutProblem, 500)})
}

// tell writes into the audit what Stripe made of a subscription.
func (s *Subscriptions) tell(ctx context.Context, tx bun.Tx, sub models.Subscription, action string, details map[string]string) error {
	by := accounts.Actor{Tenant: sub.TenantID, Person: "stripe", Name: "Stripe"}
	what := accounts.Object{Type: "subscription", ID: sub.UUID, Name: sub.TierID}
	return models.InsertAudit(ctx, tx, by.Did(s.Wall.Now(), action, what, details))
}

// final marks a provider's clear no as one, with its words for people. Anything
// else stays what it is and is tried again; an account that must not be used rests first.
func final(err error) error {
	if barred(err) {
		return outbox.Postpone(err, lostPause)
	}
	if no, ok := errors.AsType[*Refused](err); ok {
		return outbox.Refuse(fault.From(fault.Conflict, err, no.Message))
	}
	return err
}

// reasonOf is what a person may read about why something was refused.
func reasonOf(err error) string {
	if text := fault.Message(err); text != "" {
		return text
	}
	return "Something went wrong on our side."
}
