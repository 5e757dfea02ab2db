package notices

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// A Mail is a notice as it is mailed.
type Mail struct {
	models.Notice
	From       string // "" without a mail server
	Text, HTML string
}

// Server says in words by which server mails are sent; "" when they are kept.
func (d *Desk) Server() string {
	if d.Mail == nil {
		return ""
	}
	return d.Mail.Words()
}

// Mails returns at most limit of the tenant's mails in a state, "" for all, from
// after on, "" for the newest.
func (d *Desk) Mails(ctx context.Context, tenant models.TenantID, state, after string, limit int) (Page, error) {
	at, id := place(after)
	rows, err := models.MailPage(ctx, d.DB, tenant, state, at, id, limit+1)
	return pageOf(rows, limit), err
}

// CountMails counts the tenant's mails in a state.
func (d *Desk) CountMails(ctx context.Context, tenant models.TenantID, state string) (int64, error) {
	return models.CountMails(ctx, d.DB, tenant, state)
}

// MailByID returns one of the tenant's mails as it is sent.
func (d *Desk) MailByID(ctx context.Context, tenant models.TenantID, id string) (Mail, error) {
	n, err := models.NoticeByID(ctx, d.DB, tenant, id)
	if err != nil {
		return Mail{}, err
	}
	t, err := models.TenantByID(ctx, d.DB, tenant)
	if err != nil {
		return Mail{}, err
	}
	m := Mail{Notice: n}
	if d.Mail != nil {
		m.From = d.Mail.From.Address
	}
	m.Text, m.HTML, err = d.render(ctx, t, n)
	return m, err
}

// errNoServer is what an admin reads who wants mails sent before there is a server.
var errNoServer = fault.New(fault.Conflict, "No mail server is configured, so mails are kept. This page says how to name one.")

// SendAgain has a mail sent that was kept, has failed, or had no address, to the
// person's present address, and waits at most patience for the outcome: nil when it
// is sent, outbox.ErrPending when it is still under way. did is the audit row of
// who asks. Mails that are sent or under way are a Conflict fault, and so is a
// person without an address.
func (d *Desk) SendAgain(ctx context.Context, tenant models.TenantID, id string, did models.Audit, patience time.Duration) error {
	var job string
	err := models.InTx(ctx, d.DB, func(ctx context.Context, tx bun.Tx) error {
		n, err := models.NoticeByID(ctx, tx, tenant, id)
		if err != nil {
			return err
		}
		if d.Mail == nil {
			return errNoServer
		}
		job, err = d.promise(ctx, tx, n, models.MailKept, models.MailFailed, models.MailNone)
		if err != nil {
			return err
		}
		did.ObjectType, did.ObjectID, did.ObjectName = "mail", n.ID, n.Subject
		return models.InsertAudit(ctx, tx, did)
	})
	if err != nil {
		return err
	}
	return d.outcome(ctx, tenant, id, job, patience)
}

// promise stages the mail of n, if it is in one of some states.
func (d *Desk) promise(ctx context.Context, tx bun.Tx, n models.Notice, from ...string) (job string, err error) {
	person, err := models.PersonByID(ctx, tx, n.TenantID, n.PersonID)
	if err != nil {
		return "", err
	}
	if why := unreachable(person); why != "" {
		return "", fault.New(fault.Conflict, why)
	}
	moved, err := models.MoveMail(ctx, tx, n.TenantID, n.ID, models.MailMove{State: models.MailWaiting, To: person.Email}, from...)
	if err != nil {
		return "", err
	}
	if !moved {
		return "", fault.New(fault.Conflict, "This mail is sent or under way already.")
	}
	return outbox.Stage(ctx, tx, n.TenantID, d.Wall.Now(), send{Notice: n.ID})
}

// outcome waits for the job of a mail and says what came of it.
func (d *Desk) outcome(ctx context.Context, tenant models.TenantID, id, job string, patience time.Duration) error {
	if d.Jobs == nil || job == "" {
		return outbox.ErrPending
	}
	if err := d.Jobs.Wait(ctx, job, patience); err != nil {
		return err
	}
	n, err := models.NoticeByID(ctx, d.DB, tenant, id)
	switch {
	case err != nil:
		return err
	case n.MailState == models.MailSent:
		return nil
	case n.MailState == models.MailFailed:
		return fault.New(fault.Conflict, "The mail server refuses this mail: "+n.MailProblem)
	}
	return outbox.ErrPending
}

// keptAtOnce is how many kept mails one transaction promises.
const keptAtOnce = 100

// SendKept has all kept mails of the tenant sent, and returns how many those are.
// One whose person has no address any more is given up and says so. did is the
// audit row of who asks. Without a mail server it is a Conflict fault.
func (d *Desk) SendKept(ctx context.Context, tenant models.TenantID, did models.Audit) (int, error) {
	if d.Mail == nil {
		return 0, errNoServer
	}
	did.ObjectType, did.ObjectName = "mail", "Kept mails"
	sent := 0
	for {
		promised, seen := 0, 0
		err := models.InTx(ctx, d.DB, func(ctx context.Context, tx bun.Tx) error {
			rows, err := models.MailPage(ctx, tx, tenant, models.MailKept, 0, "", keptAtOnce)
			promised, seen = 0, len(rows)
			for _, n := range rows {
				if err == nil {
					err = d.release(ctx, tx, n, &promised)
				}
			}
			if err != nil || seen == 0 || sent > 0 {
				return err
			}
			return models.InsertAudit(ctx, tx, did)
		})
		if err != nil || seen == 0 {
			d.wake()
			return sent, err
		}
		sent += promised
	}
}

// release promises a kept mail, or gives it up when nobody can get it.
func (d *Desk) release(ctx context.Context, tx bun.Tx, n models.Notice, promised *int) error {
	_, err := d.promise(ctx, tx, n, models.MailKept)
	if fault.KindOf(err) == fault.Conflict {
		_, err = models.MoveMail(ctx, tx, n.TenantID, n.ID, models.MailMove{State: models.MailNone, Problem: fault.Message(err)}, models.MailKept)
		return err
	}
	if err == nil {
		*promised++
	}
	return err
}

func (d *Desk) wake() {
	if d.Jobs != nil {
		d.Jobs.Wake()
	}
}

// Test tells a person that this is a test, and returns the notice's id. It waits at
// most patience for the mail: nil when it is sent or there is none to be sent,
// outbox.ErrPending when it is still under way. did is the audit row of who asks.
func (d *Desk) Test(ctx context.Context, tenant models.TenantID, person string, did models.Audit, patience time.Duration) (string, error) {
	var id, job string
	err := models.InTx(ctx, d.DB, func(ctx context.Context, tx bun.Tx) (err error) {
		id, job, err = d.tell(ctx, tx, tenant, Notice{
			Person: person, Kind: TestMail, Subject: "A test of your mails",
			Body:     "Somebody pressed the button for this on the page Mails.\n\nIf you read it in your mail program, mails arrive. There is nothing to do.",
			LinkText: "Look at all mails", Link: "/admin/mails",
		})
		if err != nil {
			return err
		}
		if id == "" {
			return errors.New("notices: nobody to tell")
		}
		did.ObjectType, did.ObjectID, did.ObjectName = "mail", id, "A test of your mails"
		return models.InsertAudit(ctx, tx, did)
	})
	if err != nil || job == "" {
		return id, err
	}
	return id, d.outcome(ctx, tenant, id, job, patience)
}
