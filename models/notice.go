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
}

// InsertNotice adds n, and reports false when the person has been told already.
func InsertNotice(ctx context.Context, db bun.IDB, n Notice) (bool, error) {
	res, err := once(db.NewInsert().Model(&n), "id").Exec(ctx)
	return inserted(res, err, "Notice")
}
