package models

import (
	"context"

	"github.com/uptrace/bun"
)

// The states of a notice's mail.
const (
	MailNone    = "none"    // this notice is in the portal only
	MailKept    = "kept"    // there is no mail server; an admin can read it here
	MailWaiting = "waiting" // a job will send it
	MailSent    = "sent"
	MailFailed  = "failed"
)

// A Notice is something a person was told, in the portal and by mail.
type Notice struct {
	bun.BaseModel `bun:"table:notices,alias:nt"`

	ID               string   `bun:"id,pk"`
	TenantID         TenantID `bun:"tenant_id,notnull"`
	PersonID         string   `bun:"person_id,notnull"`
	AMSubscriptionID int64    `bun:"am_subscription_id,nullzero"`
	Kind             string   `bun:"kind,notnull"`
	Urgent           bool     `bun:"urgent,notnull"`
	Subject          string   `bun:"subject,notnull"`
	Body             string   `bun:"body,notnull"` // plain text, paragraphs with a blank line between
	LinkText         string   `bun:"link_text,notnull"`
	LinkURL          string   `bun:"link_url,notnull"`   // absolute
	Dedup            string   `bun:"dedup,notnull"`      // ASCII; a person is told the same thing once
	CreatedAt        Instant  `bun:"created_at,notnull"` // business time
	ReadAt           Instant  `bun:"read_at,nullzero"`
	MailTo           string   `bun:"mail_to,notnull"`
	MailState        string   `bun:"mail_state,notnull"`
	MailProblem      string   `bun:"mail_problem,notnull"`
	MailID           string   `bun:"mail_id,notnull"` // Message-ID, the same at every attempt
	SentAt           Instant  `bun:"sent_at,nullzero"`
	Version          int64    `bun:"version,notnull"`
	PersonName       string   `bun:"person_name,scanonly"` // in the admin's lists only
}

// InsertNotice adds n, and reports false when the person has been told already.
func InsertNotice(ctx context.Context, db bun.IDB, n Notice) (bool, error) {
	res, err := once(db.NewInsert().Model(&n), "id").Exec(ctx)
	return inserted(res, err, "Notice")
}

// NoticeByID returns the tenant's notice called id.
func NoticeByID(ctx context.Context, db bun.IDB, tenant TenantID, id string) (Notice, error) {
	var n Notice
	err := withPerson(db.NewSelect().Model(&n)).Where("nt.tenant_id = ? AND nt.id = ?", tenant, id).Scan(ctx)
	return n, found(err, "Notice")
}

func withPerson(q *bun.SelectQuery) *bun.SelectQuery {
	return q.ColumnExpr("?TableColumns").ColumnExpr("p.display_name AS person_name").Join("JOIN people AS p ON p.person_id = nt.person_id")
}

// A MailMove is what becomes of a mail.
type MailMove struct {
	State, Problem string
	To             string  // "" leaves the address
	SentAt         Instant // zero leaves it
}

// MoveMail notes what becomes of a notice's mail, if it still is in one of the
// states from, and reports whether it was. It leaves alone what the person does
// with the notice meanwhile.
func MoveMail(ctx context.Context, db bun.IDB, tenant TenantID, id string, to MailMove, from ...string) (bool, error) {
	q := db.NewUpdate().Model((*Notice)(nil)).Set("mail_state = ?", to.State).Set("mail_problem = ?", to.Problem).Set("version = version + 1").
		Where("tenant_id = ? AND id = ? AND mail_state IN (?)", tenant, id, bun.In(from))
	if to.To != "" {
		q = q.Set("mail_to = ?", to.To)
	}
	if !to.SentAt.IsZero() {
		q = q.Set("sent_at = ?", to.SentAt)
	}
	res, err := q.Exec(ctx)
	return inserted(res, err, "Mail")
}

// NoticesOf returns at most limit of a person's notices older than (before,
// beforeID), newest first; the zero instant starts at the newest.
func NoticesOf(ctx context.Context, db bun.IDB, tenant TenantID, person string, before Instant, beforeID string, limit int) ([]Notice, error) {
	var ns []Notice
	q := db.NewSelect().Model(&ns).Where("nt.tenant_id = ? AND nt.person_id = ?", tenant, person)
	err := noticesBefore(q, before, beforeID, limit).Scan(ctx)
	return ns, found(err, "Notices")
}

func noticesBefore(q *bun.SelectQuery, before Instant, beforeID string, limit int) *bun.SelectQuery {
	if !before.IsZero() {
		q = q.Where("nt.created_at < ? OR (nt.created_at = ? AND nt.id < ?)", before, before, beforeID)
	}
	return q.OrderExpr("nt.created_at DESC, nt.id DESC").Limit(int64(limit))
}

// CountUnread counts a person's notices that were not read.
func CountUnread(ctx context.Context, db bun.IDB, tenant TenantID, person string) (int64, error) {
	n, err := db.NewSelect().Model((*Notice)(nil)).
		Where("nt.tenant_id = ? AND nt.person_id = ? AND nt.read_at IS NULL", tenant, person).Count(ctx)
	return int64(n), found(err, "Notices")
}

// ReadNotices notes that a person has read their notices that came until some
// instant, or only the one called id unless it is "". It returns how many those are
// that had not been read.
func ReadNotices(ctx context.Context, db bun.IDB, tenant TenantID, person, id string, until, now Instant) (int64, error) {
	q := db.NewUpdate().Model((*Notice)(nil)).Set("read_at = ?", now).Set("version = version + 1").
		Where("tenant_id = ? AND person_id = ? AND read_at IS NULL AND created_at <= ?", tenant, person, until)
	if id != "" {
		q = q.Where("id = ?", id)
	}
	res, err := q.Exec(ctx)
	if err != nil {
		return 0, wrote(err, "Notices")
	}
	n, err := res.RowsAffected()
	return n, wrote(err, "Notices")
}

// MailPage returns at most limit of the tenant's notices whose mail is in a state,
// "" for all, older than (before, beforeID), newest first, with the persons' names.
func MailPage(ctx context.Context, db bun.IDB, tenant TenantID, state string, before Instant, beforeID string, limit int) ([]Notice, error) {
	var ns []Notice
	q := withPerson(db.NewSelect().Model(&ns)).Where("nt.tenant_id = ?", tenant)
	if state != "" {
		q = q.Where("nt.mail_state = ?", state)
	}
	err := noticesBefore(q, before, beforeID, limit).Scan(ctx)
	return ns, found(err, "Mails")
}

// CountMails counts the tenant's mails in a state.
func CountMails(ctx context.Context, db bun.IDB, tenant TenantID, state string) (int64, error) {
	n, err := db.NewSelect().Model((*Notice)(nil)).Where("nt.tenant_id = ? AND nt.mail_state = ?", tenant, state).Count(ctx)
	return int64(n), found(err, "Mails")
}

// DeleteOldNotices forgets notices that were read before some instant and whose
// mail nothing is to become of.
func DeleteOldNotices(ctx context.Context, db bun.IDB, before Instant) error {
	_, err := db.NewDelete().Model((*Notice)(nil)).
		Where("read_at < ? AND mail_state IN (?, ?)", before, MailNone, MailSent).Exec(ctx)
	return wrote(err, "Notices")
}
