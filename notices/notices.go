// Package notices is what people are told: in the portal, and by mail. Whoever
// changes something tells it in the same transaction; the mail is sent afterwards,
// or kept where an admin can read it when there is no mail server.
package notices

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/internal/clock"
	"tollgate/models"
)

// A Kind says what a notice is about.
type Kind string

// The kinds of notices.
const (
	PaymentNeeded        Kind = "payment_needed"        // the first payment waits
	PaymentFailed        Kind = "payment_failed"        // a renewal failed; says when it is tried again
	AuthenticationNeeded Kind = "authentication_needed" // the bank asks the cardholder
	AccessBlocked        Kind = "access_blocked"
	AccessRestored       Kind = "access_restored"
	SubscriptionEnding   Kind = "subscription_ending"
	SubscriptionEnded    Kind = "subscription_ended"
	TrialEnding          Kind = "trial_ending"
	PlanChanged          Kind = "plan_changed"
	PlanNotChanged       Kind = "plan_not_changed"
	MoneyReturned        Kind = "money_returned" // a refund, or a payment made twice that waits for one
	PaymentDisputed      Kind = "payment_disputed"
	AccountLost          Kind = "account_lost" // a connected account cannot be used any more
)

// A Notice is one message to one person.
type Notice struct {
	Person       string // person id
	Kind         Kind
	Subscription int64 // number of the subscription it is about; 0 for none
	Urgent       bool  // something is to be done soon
	Subject      string
	Body         string // plain text, paragraphs with a blank line between
	LinkText     string // what the link leads to, "" without one
	Link         string // path on the portal, or an absolute URL
	Dedup        string // ASCII; a person is told the same thing once, whoever tells it again
}

// A Desk takes notices. The zero Mail keeps the mails instead of sending them.
type Desk struct {
	DB        *bun.DB
	Wall      clock.Wall
	Business  clock.Business
	PublicURL string // of the portal, without a slash at the end
}

// Tell writes a notice down in tx, once, and promises its mail. On a nil Desk it
// does nothing.
func (d *Desk) Tell(ctx context.Context, tx bun.Tx, tenant models.TenantID, n Notice) error {
	if d == nil || n.Person == "" {
		return nil
	}
	row := models.Notice{
		ID: models.NewID(), TenantID: tenant, PersonID: n.Person, AMSubscriptionID: n.Subscription, Kind: string(n.Kind), Urgent: n.Urgent,
		Subject: n.Subject, Body: n.Body, LinkText: n.LinkText, LinkURL: n.Link, Dedup: n.Dedup,
		CreatedAt: models.At(d.Business.Now()), MailState: models.MailKept,
	}
	_, err := models.InsertNotice(ctx, tx, row)
	return err
}
