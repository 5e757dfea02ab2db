package models

import (
	"context"

	"github.com/uptrace/bun"
)

// The states and outcomes of the job that publishes usage, as WSO2 spells them.
const (
	RunInitiated = "INITIATED"
	RunRunning   = "RUNNING"
	RunCompleted = "COMPLETED"

	RunInProgress = "INPROGRESS"
	RunSuccessful = "SUCCESSFULL"
	RunFailed     = "UNSUCCESSFULL"
)

// EnsureUsageRun makes the row of the job that publishes usage unless it is there,
// and returns it.
func EnsureUsageRun(ctx context.Context, db bun.IDB) (UsageRun, error) {
	read := func() (UsageRun, error) {
		var r UsageRun
		err := db.NewSelect().Model(&r).Where("ur.id = ?", UsagePublisher).Scan(ctx)
		return r, found(err, "Usage publisher")
	}
	r, err := read()
	if err == nil {
		return r, nil
	}
	fresh := UsageRun{ID: UsagePublisher, State: RunInitiated, Status: RunInProgress}
	if _, err := once(db.NewInsert().Model(&fresh), "id").Exec(ctx); err != nil {
		return r, wrote(err, "Usage publisher")
	}
	return read()
}

// AskUsageRun notes that a person wants usage to be published. It reports false when
// somebody has asked before and has not been served yet.
func AskUsageRun(ctx context.Context, tx bun.Tx, person string, at Instant) (bool, error) {
	res, err := tx.NewUpdate().Model((*UsageRun)(nil)).
		Set("asked_by = ?", person).Set("asked_at = ?", at).Set("version = version + 1").
		Where("id = ? AND asked_at IS NULL", UsagePublisher).Exec(ctx)
	return inserted(res, err, "Usage publisher")
}

// TakeUsageRun begins a run of the job at business time started, in the name of
// holder until a wall time, if the row has the term that was read and nobody else
// holds it at wall time now. It reports whether it did; the term is one higher then.
func TakeUsageRun(ctx context.Context, db bun.IDB, read UsageRun, holder string, started, now, until Instant) (bool, error) {
	res, err := db.NewUpdate().Model((*UsageRun)(nil)).
		Set("state = ?", RunRunning).Set("status = ?", RunInProgress).Set("started_time = ?", started).Set("finished_time = NULL").
		Set("holder = ?", holder).Set("term = term + 1").Set("lease_until = ?", until).
		Set("windows = 0").Set("done = 0").Set("failed = 0").Set("version = version + 1").
		Where("id = ? AND term = ? AND (holder IS NULL OR holder = ? OR lease_until <= ?)", UsagePublisher, read.Term, holder, now).Exec(ctx)
	return inserted(res, err, "Usage publisher")
}

// HoldUsageRun extends the lease of a run and notes how far it is. It reports false
// when somebody else has taken the job over.
func HoldUsageRun(ctx context.Context, db bun.IDB, r UsageRun) (bool, error) {
	res, err := db.NewUpdate().Model((*UsageRun)(nil)).
		Set("lease_until = ?", r.LeaseUntil).Set("version = version + 1").Set("windows = ?", r.Windows).Set("done = ?", r.Done).Set("failed = ?", r.Failed).
		Where("id = ? AND term = ? AND holder = ?", UsagePublisher, r.Term, r.Holder).Exec(ctx)
	return inserted(res, err, "Usage publisher")
}

// EndUsageRun writes how a run ended, unless somebody else has taken the job over.
// The wish of whoever asked by served is fulfilled.
func EndUsageRun(ctx context.Context, db bun.IDB, r UsageRun, served Instant) error {
	_, err := db.NewUpdate().Model((*UsageRun)(nil)).
		Set("asked_by = CASE WHEN asked_at <= ? THEN NULL ELSE asked_by END", served).
		Set("asked_at = CASE WHEN asked_at <= ? THEN NULL ELSE asked_at END", served).
		Set("state = ?", r.State).Set("status = ?", r.Status).Set("published_time = ?", r.PublishedTime).Set("finished_time = ?", r.FinishedTime).
		Set("windows = ?", r.Windows).Set("done = ?", r.Done).Set("failed = ?", r.Failed).
		Set("holder = NULL").Set("lease_until = 0").Set("version = version + 1").
		Where("id = ? AND term = ? AND holder = ?", UsagePublisher, r.Term, r.Holder).Exec(ctx)
	return wrote(err, "Usage publisher")
}
