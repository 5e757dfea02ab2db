// Package notices is what people are told: in the portal, and by mail. Whoever
// changes something tells it in the same transaction; the mail is sent afterwards,
// or kept where an admin can read it when there is no mail server.
package notices

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
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
	TestMail             Kind = "test_mail"    // an admin tries how mails arrive
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

// A Desk takes notices, shows them to whom they are for, and has their mails sent.
// Without Mail they are kept, until an admin has them sent.
type Desk struct {
	DB        *bun.DB
	Wall      clock.Wall
	Business  clock.Business
	PublicURL string         // of the portal, without a slash at the end
	Mail      *SMTP          // nil: mails are kept
	Jobs      *outbox.Runner // woken for mails that somebody waits for

	rest rest
}

// Tell writes a notice down in tx, once, and promises its mail. What a mail or a
// page cannot show of its words is left out. A person who is not there is told
// nothing. On a nil Desk it does nothing.
func (d *Desk) Tell(ctx context.Context, tx bun.Tx, tenant models.TenantID, n Notice) error {
	_, _, err := d.tell(ctx, tx, tenant, n)
	return err
}

// tell is Tell, and returns the ids of the notice and of the job that sends its
// mail; "" when there is none, or the person has been told already.
func (d *Desk) tell(ctx context.Context, tx bun.Tx, tenant models.TenantID, n Notice) (id, job string, err error) {
	if d == nil || n.Person == "" {
		return "", "", nil
	}
	person, err := models.PersonByID(ctx, tx, tenant, n.Person)
	if fault.KindOf(err) == fault.NotFound {
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	row := d.row(tenant, person, n)
	fresh, err := models.InsertNotice(ctx, tx, row)
	if err != nil || !fresh {
		return "", "", err
	}
	if row.MailState == models.MailWaiting {
		job, err = outbox.Stage(ctx, tx, tenant, d.Wall.Now(), send{Notice: row.ID})
	}
	return row.ID, job, err
}

// row is n as it is written down.
func (d *Desk) row(tenant models.TenantID, person models.Person, n Notice) models.Notice {
	row := models.Notice{
		ID: models.NewID(), TenantID: tenant, PersonID: person.ID, AMSubscriptionID: n.Subscription, Kind: string(n.Kind), Urgent: n.Urgent,
		Subject: line(n.Subject, 300), Body: text(n.Body), LinkText: line(n.LinkText, 100), LinkURL: d.absolute(n.Link),
		CreatedAt: models.At(d.Business.Now()), MailState: models.MailKept, MailTo: person.Email,
	}
	row.MailID = row.ID + "@" + host(d.PublicURL)
	if row.Dedup = dedup(n.Dedup); row.Dedup == "" {
		row.Dedup = row.ID
	}
	if why := unreachable(person); why != "" {
		row.MailState, row.MailTo, row.MailProblem = models.MailNone, "", why
	} else if d.Mail != nil {
		row.MailState = models.MailWaiting
	}
	return row
}

// unreachable says why a person gets no mail; "" when they do.
func unreachable(p models.Person) string {
	if p.Email == "" {
		return p.DisplayName + " has no e-mail address."
	}
	if _, err := address(p.DisplayName, p.Email); err != nil {
		return "The e-mail address of " + p.DisplayName + " cannot be used."
	}
	return ""
}
