package models

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// The states of a job.
const (
	JobReady   = "ready"
	JobRunning = "running"
	JobDone    = "done"
	JobFailed  = "failed" // a clear no, or given up; somebody may try again
)

// A Job is work that a committed transaction owes the world.
type Job struct {
	bun.BaseModel `bun:"table:outbox_jobs,alias:j"`

	ID             string   `bun:"id,pk"`
	TenantID       TenantID `bun:"tenant_id,notnull"`
	Kind           string   `bun:"kind,notnull"`
	Subject        string   `bun:"subject,notnull"` // what it is about; one job of a subject runs at a time
	Task           string   `bun:"task,notnull"`    // JSON
	State          string   `bun:"state,notnull"`
	RunningSubject string   `bun:"running_subject,nullzero"`
	Attempts       int      `bun:"attempts,notnull"`
	RunAt          Instant  `bun:"run_at,notnull"`          // wall time; while running: until when it is leased
	FirstTriedAt   Instant  `bun:"first_tried_at,nullzero"` // business time: the age of its idempotency keys
	Problem        string   `bun:"problem,notnull"`         // the last failure, for the admin
	CreatedAt      Instant  `bun:"created_at,notnull"`
	DoneAt         Instant  `bun:"done_at,nullzero"`
}

// InsertJob adds j.
func InsertJob(ctx context.Context, db bun.IDB, j Job) error {
	_, err := db.NewInsert().Model(&j).Exec(ctx)
	return wrote(err, "Job")
}

// WaitingJob returns the oldest job of a subject that is ready and has never
// been tried, if there is one: work staged again may be folded into it.
func WaitingJob(ctx context.Context, db bun.IDB, subject, kind string) (Job, bool, error) {
	var js []Job
	err := db.NewSelect().Model(&js).
		Where("j.subject = ? AND j.state = ? AND j.kind = ? AND j.attempts = 0", subject, JobReady, kind).
		OrderExpr("j.id").Limit(1).Scan(ctx)
	if err != nil || len(js) == 0 {
		return Job{}, false, found(err, "Job")
	}
	return js[0], true, nil
}

// JobByID returns the job called id.
func JobByID(ctx context.Context, db bun.IDB, id string) (Job, error) {
	var j Job
	err := db.NewSelect().Model(&j).Where("j.id = ?", id).Scan(ctx)
	return j, found(err, "Work")
}

// TenantJob returns the tenant's job called id.
func TenantJob(ctx context.Context, db bun.IDB, tenant TenantID, id string) (Job, error) {
	var j Job
	err := db.NewSelect().Model(&j).Where("j.tenant_id = ? AND j.id = ?", tenant, id).Scan(ctx)
	return j, found(err, "Work")
}

// DueJobs returns at most limit jobs that may be taken at now: ready ones, and
// running ones whose lease is over.
func DueJobs(ctx context.Context, db bun.IDB, now Instant, limit int) ([]Job, error) {
	var js []Job
	err := db.NewSelect().Model(&js).
		Where("j.state IN (?, ?) AND j.run_at <= ?", JobReady, JobRunning, now).
		OrderExpr("j.run_at, j.id").Limit(int64(limit)).Scan(ctx)
	return js, found(err, "Jobs")
}

// NextJobAt returns when the next job may be taken, and zero when none waits.
func NextJobAt(ctx context.Context, db bun.IDB) (Instant, error) {
	var at Instant
	err := db.NewSelect().Model((*Job)(nil)).ColumnExpr("COALESCE(MIN(j.run_at), 0)").
		Where("j.state IN (?, ?)", JobReady, JobRunning).Scan(ctx, &at)
	if err != nil {
		return 0, fmt.Errorf("models: next job: %w", err)
	}
	return at, nil
}

// ClaimJob takes j until lease and reports whether this worker got it. It fails
// to get a job that another worker took, or whose subject is being worked on.
func ClaimJob(ctx context.Context, db bun.IDB, j Job, lease, business Instant) (bool, error) {
	first := j.FirstTriedAt
	if first.IsZero() {
		first = business
	}
	res, err := db.NewUpdate().Model((*Job)(nil)).
		Set("state = ?", JobRunning).Set("running_subject = subject").
		Set("attempts = attempts + 1").Set("run_at = ?", lease).Set("first_tried_at = ?", first).
		Where("id = ? AND attempts = ? AND state = ?", j.ID, j.Attempts, j.State).Exec(ctx)
	if Taken(err) || err != nil && fleeting(err) {
		return false, nil
	}
	return inserted(res, err, "Job")
}

// RenewJob extends the lease of a job that this worker holds, known by its attempt.
func RenewJob(ctx context.Context, db bun.IDB, j Job, lease Instant) (bool, error) {
	res, err := db.NewUpdate().Model((*Job)(nil)).Set("run_at = ?", lease).
		Where("id = ? AND attempts = ? AND state = ?", j.ID, j.Attempts, JobRunning).Exec(ctx)
	return inserted(res, err, "Job")
}

// FinishJob writes how the attempt j.Attempts ended, if this worker still holds
// the job: state done or failed, or ready to be tried again at runAt.
func FinishJob(ctx context.Context, db bun.IDB, j Job, state, problem string, runAt, doneAt Instant) error {
	q := db.NewUpdate().Model((*Job)(nil)).
		Set("state = ?", state).Set("running_subject = NULL").Set("problem = ?", problem).Set("run_at = ?", runAt)
	if !doneAt.IsZero() {
		q = q.Set("done_at = ?", doneAt)
	}
	res, err := q.Where("id = ? AND attempts = ? AND state = ?", j.ID, j.Attempts, JobRunning).Exec(ctx)
	return stale(res, err, "Work")
}

// HastenJobs makes all of the tenant's jobs due that wait to be tried again.
func HastenJobs(ctx context.Context, db bun.IDB, tenant TenantID, now Instant) error {
	_, err := db.NewUpdate().Model((*Job)(nil)).Set("run_at = ?", now).
		Where("tenant_id = ? AND state = ? AND attempts > 0 AND run_at > ?", tenant, JobReady, now).Exec(ctx)
	return wrote(err, "Work")
}

// RetryJob makes a failed job ready again, with new idempotency keys: its first
// try counts as keyLife longer ago, which is how long a key is used.
func RetryJob(ctx context.Context, db bun.IDB, tenant TenantID, id string, now Instant, keyLife time.Duration) error {
	res, err := db.NewUpdate().Model((*Job)(nil)).
		Set("first_tried_at = first_tried_at - ?", keyLife.Milliseconds()).
		Set("state = ?", JobReady).Set("run_at = ?", now).Set("done_at = NULL").
		Where("id = ? AND tenant_id = ? AND state = ?", id, tenant, JobFailed).Exec(ctx)
	return stale(res, err, "Work")
}

// OpenJobs returns the tenant's jobs that are not done, oldest first: failed
// ones, or those still under way.
func OpenJobs(ctx context.Context, db bun.IDB, tenant TenantID, failed bool, limit int) ([]Job, error) {
	states := []string{JobReady, JobRunning}
	if failed {
		states = []string{JobFailed}
	}
	var js []Job
	err := db.NewSelect().Model(&js).Where("j.tenant_id = ? AND j.state IN (?)", tenant, bun.In(states)).
		OrderExpr("j.created_at, j.id").Limit(int64(limit)).Scan(ctx)
	return js, found(err, "Work")
}

// OpenJobsAbout returns the tenant's jobs about any of some subjects that are still
// under way, oldest first.
func OpenJobsAbout(ctx context.Context, db bun.IDB, tenant TenantID, subjects ...string) ([]Job, error) {
	var js []Job
	err := db.NewSelect().Model(&js).
		Where("j.subject IN (?) AND j.state IN (?, ?) AND j.tenant_id = ?", bun.In(subjects), JobReady, JobRunning, tenant).
		OrderExpr("j.created_at, j.id").Scan(ctx)
	return js, found(err, "Work")
}

// DeleteDoneJobs forgets jobs that were done before a time.
func DeleteDoneJobs(ctx context.Context, db bun.IDB, before Instant) error {
	_, err := db.NewDelete().Model((*Job)(nil)).Where("state = ? AND done_at < ?", JobDone, before).Exec(ctx)
	return wrote(err, "Job")
}

// TouchJob locks a job's row until the transaction ends, so that a worker which
// claims it afterwards sees what the transaction wrote. A job that was begun in
// the meantime is a conflict.
func TouchJob(ctx context.Context, tx bun.Tx, id string) error {
	res, err := tx.NewUpdate().Model((*Job)(nil)).Set("created_at = created_at + 1").
		Where("id = ? AND state = ? AND attempts = 0", id, JobReady).Exec(ctx)
	return stale(res, err, "Work")
}
