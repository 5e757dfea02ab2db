package notices

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
	"tollgate/views/mail"
)

// send is the task of sending the mail of a notice. Try counts how often the server
// has said that it will take this mail later.
type send struct {
	Notice string
	Try    int `json:",omitempty"`
}

// Kind names the task.
func (send) Kind() string { return "notices.send" }

// Subject is the notice: it is sent by one worker at a time.
func (s send) Subject() string { return "notice/" + s.Notice }

// Register makes r send the mails that are promised. A mail that is refused ends its
// task all the same: what is to be done about it is on the page of the mails.
func (d *Desk) Register(r *outbox.Runner) { outbox.Handle(r, d.send, nil) }

// The times between attempts at a mail that a server will take later, and when that
// is given up, after about two days.
const (
	firstLater = time.Minute
	longLater  = time.Hour
	mostTries  = 54
)

// send hands the mail of a notice to the server. A mail that was taken just before
// a crash may be handed over again: both have the same Message-ID.
func (d *Desk) send(ctx context.Context, job outbox.Job, t send) error {
	n, err := models.NoticeByID(ctx, d.DB, job.Tenant, t.Notice)
	if fault.KindOf(err) == fault.NotFound || err == nil && n.MailState != models.MailWaiting {
		return nil
	}
	if err != nil {
		return err
	}
	if d.Mail == nil { // the server was taken out of the configuration
		return d.move(ctx, n, models.MailMove{State: models.MailKept})
	}
	l, err := d.letter(ctx, n)
	if errors.Is(err, errAddress) {
		return d.move(ctx, n, models.MailMove{State: models.MailFailed, Problem: "The address " + n.MailTo + " cannot be used."})
	}
	if err != nil {
		return err
	}
	if why := d.rest.until(d.Wall.Now()); why != nil {
		return why
	}
	err = d.Mail.send(ctx, l)
	d.rest.heard(err, d.Wall.Now())
	if err == nil {
		return d.move(context.WithoutCancel(ctx), n, models.MailMove{State: models.MailSent, SentAt: models.At(d.Business.Now())})
	}
	return d.unsent(context.WithoutCancel(ctx), job, t, n, err)
}

// unsent decides what becomes of a mail that the server did not take.
func (d *Desk) unsent(ctx context.Context, job outbox.Job, t send, n models.Notice, why error) error {
	if refused, ok := errors.AsType[refusedMail](why); ok {
		return d.move(ctx, n, models.MailMove{State: models.MailFailed, Problem: refused.why})
	}
	problem := line(why.Error(), 500)
	later, ok := errors.AsType[laterMail](why)
	if !ok {
		return errors.Join(why, d.move(ctx, n, models.MailMove{State: models.MailWaiting, Problem: problem}))
	}
	if t.Try >= mostTries {
		return d.move(ctx, n, models.MailMove{State: models.MailFailed, Problem: "Given up after two days: " + later.why})
	}
	// As the same task it would come again within minutes, which servers take ill.
	return models.InTx(ctx, d.DB, func(ctx context.Context, tx bun.Tx) error {
		if _, err := models.MoveMail(ctx, tx, job.Tenant, n.ID, models.MailMove{State: models.MailWaiting, Problem: problem}, models.MailWaiting); err != nil {
			return err
		}
		_, err := outbox.Stage(ctx, tx, job.Tenant, d.Wall.Now().Add(pauseAfter(t.Try)), send{Notice: n.ID, Try: t.Try + 1})
		return err
	})
}

func pauseAfter(try int) time.Duration {
	if try >= 6 {
		return longLater
	}
	return min(firstLater<<try, longLater)
}

func (d *Desk) move(ctx context.Context, n models.Notice, to models.MailMove) error {
	_, err := models.MoveMail(ctx, d.DB, n.TenantID, n.ID, to, models.MailWaiting)
	return err
}

// letter is the mail of a notice.
func (d *Desk) letter(ctx context.Context, n models.Notice) (letter, error) {
	to, err := address(n.PersonName, n.MailTo)
	if err != nil {
		return letter{}, err
	}
	t, err := models.TenantByID(ctx, d.DB, n.TenantID)
	if err != nil {
		return letter{}, err
	}
	plain, rich, err := d.render(ctx, t, n)
	return letter{FromName: line(t.Name, 100), To: to, Subject: n.Subject, Text: plain, HTML: rich, ID: n.MailID, At: d.Wall.Now()}, err
}

// render writes a notice as a mail, in both ways.
func (d *Desk) render(ctx context.Context, t models.Tenant, n models.Notice) (plain, rich string, err error) {
	props := mail.Props{
		Tenant: t.Name, Name: n.PersonName, Subject: n.Subject, Urgent: n.Urgent, Paragraphs: Paragraphs(n.Body),
		LinkText: n.LinkText, LinkURL: n.LinkURL, NoticesURL: d.PublicURL + "/account/notices",
	}
	var b bytes.Buffer
	err = mail.HTML(props).Render(ctx, &b)
	return mail.Text(props), b.String(), err
}

// A rest is what a mail server gets that cannot be used: mails that wait then do
// not keep the workers from other work, nor knock with a wrong password again and
// again.
type rest struct {
	mu    sync.Mutex
	end   time.Time
	pause time.Duration
	why   error
}

// The lengths of a rest.
const (
	firstRest = 15 * time.Second
	longRest  = 5 * time.Minute
)

// until returns why the server is left alone at now; nil when it is not.
func (r *rest) until(now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Before(r.end) {
		return r.why
	}
	return nil
}

// heard notes how the server answered.
func (r *rest) heard(answer error, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch answer.(type) { //nolint:errorlint // nobody wraps them
	case nil, refusedMail, laterMail:
		r.end, r.pause, r.why = time.Time{}, 0, nil
	default:
		r.pause = min(max(2*r.pause, firstRest), longRest)
		r.end, r.why = now.Add(r.pause), answer
	}
}
