// Package outbox runs the effects that committed transactions owe the world. A
// transaction stages a task; once it has committed, a worker performs the task
// until it is done or clearly refused. A crash at any instant only delays it.
package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/models"
)

// A Task is work in words that survive a restart: it is kept as JSON. Kind names
// its type and never changes; Subject names what it is about, and of all tasks
// with one subject only one runs at a time.
type Task interface {
	Kind() string
	Subject() string
}

// keyLife is how long an idempotency key may be sent again. Stripe forgets keys
// after 24 hours, and a forgotten key would run the request a second time.
const keyLife = 23 * time.Hour

// A Job is one attempt at a task.
type Job struct {
	ID       string
	Tenant   models.TenantID
	Attempts int // this one included
	era      int64
}

// Key returns the idempotency key of one step of the job. It is the same at
// every attempt for 23 hours of business time. After that it changes, so a step
// that cannot find its earlier effect by look-up must ask Fresh first.
func (j Job) Key(step string) string {
	key := "op_" + j.ID + "." + step
	if j.era > 0 {
		key += "." + strconv.FormatInt(j.era, 10)
	}
	return key
}

// Fresh reports whether the keys of the job are those of its first attempt.
func (j Job) Fresh() bool { return j.era == 0 }

// Stage promises that task will be performed once tx has committed, at wall time
// at or later. A task that is staged again before anybody began it is folded
// into the first one when it is equal to it. It returns the job's id.
func Stage(ctx context.Context, tx bun.Tx, tenant models.TenantID, at time.Time, task Task) (string, error) {
	text, err := json.Marshal(task)
	if err != nil {
		return "", fmt.Errorf("outbox: %s: %w", task.Kind(), err)
	}
	subject := task.Subject()
	if id, ok, err := fold(ctx, tx, tenant, task, string(text)); ok || err != nil {
		return id, err
	}
	j := models.Job{
		ID: models.NewID(), TenantID: tenant, Kind: task.Kind(), Subject: subject, Task: string(text),
		State: models.JobReady, RunAt: models.At(at), CreatedAt: models.At(at),
	}
	return j.ID, models.InsertJob(ctx, tx, j)
}

// fold finds an equal task that nobody has begun, and makes sure that it is not
// begun before tx commits: its row is locked until then, so a worker that claims
// it afterwards sees what tx wrote.
func fold(ctx context.Context, tx bun.Tx, tenant models.TenantID, task Task, text string) (string, bool, error) {
	waiting, ok, err := models.WaitingJob(ctx, tx, task.Subject(), task.Kind())
	if err != nil || !ok || waiting.Task != text || waiting.TenantID != tenant {
		return "", false, err
	}
	err = models.TouchJob(ctx, tx, waiting.ID)
	if fault.KindOf(err) == fault.Conflict { // somebody has just begun it
		return "", false, nil
	}
	return waiting.ID, err == nil, err
}

// A refusal is an answer that trying again will not change.
type refusal struct{ error }

// Unwrap returns what was refused.
func (r refusal) Unwrap() error { return r.error }

// Refuse marks err as final: the task has failed and its refused function runs.
func Refuse(err error) error { return refusal{err} }

// Refused reports whether err is final.
func Refused(err error) bool {
	_, ok := errors.AsType[refusal](err)
	return ok
}

// A postponement is a failure that trying again soon will not change.
type postponement struct {
	error
	pause time.Duration
}

// Unwrap returns the failure.
func (p postponement) Unwrap() error { return p.error }

// Postpone marks err as a failure that somebody else has to end: the task is tried
// again after pause, and not within minutes. It is tried sooner when other work
// recovers, which may mean that this works again too.
func Postpone(err error, pause time.Duration) error { return postponement{err, pause} }
