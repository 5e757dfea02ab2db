package models

import (
	"context"

	"github.com/uptrace/bun"
)

// A SignInSession is one browser that is (or was) signed in, or a visitor's.
type SignInSession struct {
	bun.BaseModel `bun:"table:sign_in_sessions,alias:ss"`

	IDHash    string            `bun:"id_hash,pk"` // SHA-256 of the id in the cookie
	PublicID  string            `bun:"public_id,notnull"`
	TenantID  TenantID          `bun:"tenant_id,notnull"`
	PersonID  string            `bun:"person_id,nullzero"`
	Data      map[string]string `bun:"data,type:text,notnull"`
	UserAgent string            `bun:"user_agent,notnull"`
	Address   string            `bun:"address,notnull"`
	CreatedAt Instant           `bun:"created_at,notnull"`
	SeenAt    Instant           `bun:"seen_at,notnull"`
	ExpiresAt Instant           `bun:"expires_at,notnull"`
}

// SessionByHash returns the session whose id has a hash. Whether it still counts
// is for the caller to judge.
func SessionByHash(ctx context.Context, db bun.IDB, hash string) (SignInSession, error) {
	var s SignInSession
	err := db.NewSelect().Model(&s).Where("ss.id_hash = ?", hash).Scan(ctx)
	return s, found(err, "Session")
}

// InsertSession adds s.
func InsertSession(ctx context.Context, db bun.IDB, s SignInSession) error {
	_, err := db.NewInsert().Model(&s).Exec(ctx)
	return wrote(err, "Session")
}

// SeeSession notes that a session was used at now and counts until expires.
func SeeSession(ctx context.Context, db bun.IDB, hash string, now, expires Instant) error {
	_, err := db.NewUpdate().Model((*SignInSession)(nil)).Set("seen_at = ?", now).Set("expires_at = ?", expires).
		Where("id_hash = ? AND seen_at < ?", hash, now).Exec(ctx)
	return wrote(err, "Session")
}

// SaveSessionData replaces what a session remembers.
func SaveSessionData(ctx context.Context, db bun.IDB, s SignInSession) error {
	_, err := db.NewUpdate().Model(&s).Column("data").WherePK().Exec(ctx)
	return wrote(err, "Session")
}

// DeleteSession ends the session whose id has a hash. One that is gone is no error.
func DeleteSession(ctx context.Context, db bun.IDB, hash string) error {
	_, err := db.NewDelete().Model((*SignInSession)(nil)).Where("id_hash = ?", hash).Exec(ctx)
	return wrote(err, "Session")
}

// DeletePersonSession ends one of a person's sessions, by its public id.
func DeletePersonSession(ctx context.Context, db bun.IDB, tenant TenantID, person, public string) error {
	res, err := db.NewDelete().Model((*SignInSession)(nil)).
		Where("tenant_id = ? AND person_id = ? AND public_id = ?", tenant, person, public).Exec(ctx)
	return stale(res, err, "Session")
}

// DeletePersonSessions ends a person's sessions but the one with the public id
// keep, and returns how many there were.
func DeletePersonSessions(ctx context.Context, db bun.IDB, tenant TenantID, person, keep string) (int64, error) {
	res, err := db.NewDelete().Model((*SignInSession)(nil)).
		Where("tenant_id = ? AND person_id = ? AND public_id <> ?", tenant, person, keep).Exec(ctx)
	if err != nil {
		return 0, wrote(err, "Sessions")
	}
	n, err := res.RowsAffected()
	return n, wrote(err, "Sessions")
}

// PersonSessions returns a person's sessions that count at now, last used first.
func PersonSessions(ctx context.Context, db bun.IDB, tenant TenantID, person string, now Instant) ([]SignInSession, error) {
	var ss []SignInSession
	err := db.NewSelect().Model(&ss).
		Where("ss.tenant_id = ? AND ss.person_id = ? AND ss.expires_at > ?", tenant, person, now).
		OrderExpr("ss.seen_at DESC, ss.public_id").Scan(ctx)
	return ss, found(err, "Sessions")
}

// DeleteExpiredSessions forgets sessions that ended before a time.
func DeleteExpiredSessions(ctx context.Context, db bun.IDB, before Instant) error {
	_, err := db.NewDelete().Model((*SignInSession)(nil)).Where("expires_at < ?", before).Exec(ctx)
	return wrote(err, "Sessions")
}

// A SignInFailure counts wrong passwords for one subject (a hash of what was tried).
type SignInFailure struct {
	bun.BaseModel `bun:"table:sign_in_failures,alias:sf"`

	Subject  string  `bun:"subject,pk"`
	Failures int     `bun:"failures,notnull"`
	LastAt   Instant `bun:"last_at,notnull"`
	LockedTo Instant `bun:"locked_to,notnull"`
}

// LockFailures returns the failures of a subject, none when there were none, and
// keeps others from changing them until the transaction ends.
func LockFailures(ctx context.Context, tx bun.Tx, subject string) (SignInFailure, error) {
	f := SignInFailure{Subject: subject}
	if _, err := once(tx.NewInsert().Model(&f), "subject").Exec(ctx); err != nil {
		return f, wrote(err, "Failures")
	}
	if _, err := tx.NewUpdate().Model((*SignInFailure)(nil)).Set("failures = failures + 1").
		Where("subject = ?", subject).Exec(ctx); err != nil {
		return f, wrote(err, "Failures")
	}
	err := tx.NewSelect().Model(&f).WherePK().Scan(ctx)
	f.Failures--
	return f, found(err, "Failures")
}

// SaveFailures writes f, whose row LockFailures has locked.
func SaveFailures(ctx context.Context, tx bun.Tx, f SignInFailure) error {
	_, err := tx.NewUpdate().Model(&f).WherePK().Exec(ctx)
	return wrote(err, "Failures")
}

// ForgiveFailure takes one failure back from a subject.
func ForgiveFailure(ctx context.Context, db bun.IDB, subject string) error {
	_, err := db.NewUpdate().Model((*SignInFailure)(nil)).Set("failures = failures - 1").Set("locked_to = 0").
		Where("subject = ? AND failures > 0", subject).Exec(ctx)
	return wrote(err, "Failures")
}

// DeleteFailures forgets the failures of a subject.
func DeleteFailures(ctx context.Context, db bun.IDB, subject string) error {
	_, err := db.NewDelete().Model((*SignInFailure)(nil)).Where("subject = ?", subject).Exec(ctx)
	return wrote(err, "Failures")
}

// DeleteOldFailures forgets failures that are older than a time and lock nobody.
func DeleteOldFailures(ctx context.Context, db bun.IDB, before Instant) error {
	_, err := db.NewDelete().Model((*SignInFailure)(nil)).
		Where("last_at < ? AND locked_to < ?", before, before).Exec(ctx)
	return wrote(err, "Failures")
}

// A OneTimeLink lets a person set a password once.
type OneTimeLink struct {
	bun.BaseModel `bun:"table:one_time_links,alias:l"`

	TokenHash string   `bun:"token_hash,pk"`
	TenantID  TenantID `bun:"tenant_id,notnull"`
	PersonID  string   `bun:"person_id,notnull"`
	CreatedAt Instant  `bun:"created_at,notnull"`
	ExpiresAt Instant  `bun:"expires_at,notnull"`
	UsedAt    Instant  `bun:"used_at,nullzero"`
}

// InsertLink adds l.
func InsertLink(ctx context.Context, db bun.IDB, l OneTimeLink) error {
	_, err := db.NewInsert().Model(&l).Exec(ctx)
	return wrote(err, "Link")
}

// LinkByHash returns the unused link whose token has a hash, if it counts at now.
func LinkByHash(ctx context.Context, db bun.IDB, hash string, now Instant) (OneTimeLink, error) {
	var l OneTimeLink
	err := db.NewSelect().Model(&l).
		Where("l.token_hash = ? AND l.used_at IS NULL AND l.expires_at > ?", hash, now).Scan(ctx)
	return l, found(err, "Link")
}

// UseLink marks a link as used. A link that was used already is a conflict.
func UseLink(ctx context.Context, db bun.IDB, hash string, now Instant) error {
	res, err := db.NewUpdate().Model((*OneTimeLink)(nil)).Set("used_at = ?", now).
		Where("token_hash = ? AND used_at IS NULL", hash).Exec(ctx)
	return stale(res, err, "Link")
}

// DeleteLinks forgets a person's links: a new one replaces them.
func DeleteLinks(ctx context.Context, db bun.IDB, tenant TenantID, person string) error {
	_, err := db.NewDelete().Model((*OneTimeLink)(nil)).Where("tenant_id = ? AND person_id = ?", tenant, person).Exec(ctx)
	return wrote(err, "Links")
}
