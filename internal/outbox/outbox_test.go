package outbox_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/internal/testdb"
	"tollgate/models"
)

type greet struct{ Name string }

func (greet) Kind() string      { return "test.greet" }
func (g greet) Subject() string { return "greet/" + g.Name }

type fixture struct {
	db     *bun.DB
	runner *outbox.Runner
	mu     sync.Mutex
	now    time.Time
	answer error
	keys   []string
	undone []string
}

func setup(t *testing.T, db *bun.DB) *fixture {
	t.Helper()
	f := &fixture{db: db, now: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
	wall := clock.NewWall(func() time.Time { f.mu.Lock(); defer f.mu.Unlock(); return f.now })
	f.runner = &outbox.Runner{DB: db, Wall: wall, Business: clock.NewBusiness(wall)}
	outbox.Handle(f.runner, func(_ context.Context, job outbox.Job, g greet) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.keys = append(f.keys, job.Key("hello"))
		return f.answer
	}, func(_ context.Context, _ bun.Tx, _ outbox.Job, g greet, _ error) error {
		f.undone = append(f.undone, g.Name)
		return nil
	})
	ok, err := models.InsertTenant(context.Background(), db, models.Tenant{ID: 1, Domain: "d", State: "active"})
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	return f
}

func (f *fixture) stage(t *testing.T, name string) (id string) {
	t.Helper()
	err := models.InTx(context.Background(), f.db, func(ctx context.Context, tx bun.Tx) (err error) {
		id, err = outbox.Stage(ctx, tx, 1, f.runner.Wall.Now(), greet{name})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (f *fixture) tick(t *testing.T, after time.Duration, want int) {
	t.Helper()
	f.mu.Lock()
	f.now = f.now.Add(after)
	before := len(f.keys)
	f.mu.Unlock()
	if _, err := f.runner.RunOnce(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := len(f.keys) - before; got != want {
		t.Fatalf("%d attempts, want %d", got, want)
	}
}

func TestAnUnknownOutcomeIsTriedAgainWithTheSameKey(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		f := setup(t, db)
		f.stage(t, "ada")
		f.answer = errors.New("timeout")
		f.tick(t, 0, 1)
		f.tick(t, 0, 0) // not before its pause
		f.answer = nil
		f.tick(t, 10*time.Second, 1)
		f.tick(t, time.Hour, 0)
		if f.keys[0] != f.keys[1] {
			t.Errorf("keys = %v, want the same twice", f.keys)
		}
	})
}

func TestAKeyIsNeverSentAfter23Hours(t *testing.T) {
	t.Parallel()
	f := setup(t, testdb.New(t))
	f.stage(t, "ada")
	f.answer = errors.New("timeout")
	f.tick(t, 0, 1)
	f.tick(t, 22*time.Hour, 1)
	f.tick(t, 2*time.Hour, 1)
	if f.keys[0] != f.keys[1] || f.keys[1] == f.keys[2] {
		t.Errorf("keys = %v, want a new one after 23 hours only", f.keys)
	}
}

func TestAPostponedTaskWaitsThatLong(t *testing.T) {
	t.Parallel()
	f := setup(t, testdb.New(t))
	f.stage(t, "ada")
	f.answer = outbox.Postpone(errors.New("no access"), time.Hour)
	f.tick(t, 0, 1)
	f.tick(t, 59*time.Minute, 0)
	f.tick(t, 2*time.Minute, 1)
}

func TestAClearNoEndsTheTaskAndUndoesIt(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		f := setup(t, db)
		id := f.stage(t, "ada")
		f.answer = outbox.Refuse(fault.New(fault.Conflict, "No such account."))
		f.tick(t, 0, 1)
		f.tick(t, 24*time.Hour, 0)
		if !slices.Equal(f.undone, []string{"ada"}) {
			t.Errorf("undone = %v", f.undone)
		}
		if err := f.runner.Wait(context.Background(), id, time.Second); fault.Message(err) != "No such account." {
			t.Errorf("wait = %v", err)
		}
		f.answer = nil
		if err := models.RetryJob(context.Background(), db, 1, id, models.At(f.now), 23*time.Hour); err != nil {
			t.Fatal(err)
		}
		f.tick(t, 0, 1)
		if err := f.runner.Wait(context.Background(), id, time.Second); err != nil {
			t.Errorf("wait = %v", err)
		}
	})
}

func TestARolledBackTaskNeverRuns(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		f := setup(t, db)
		no := errors.New("no")
		err := models.InTx(context.Background(), db, func(ctx context.Context, tx bun.Tx) error {
			if _, err := outbox.Stage(ctx, tx, 1, f.now, greet{"ada"}); err != nil {
				return err
			}
			return no
		})
		if !errors.Is(err, no) {
			t.Fatal(err)
		}
		f.tick(t, time.Hour, 0)
	})
}

func TestEqualTasksAreFoldedUntilOneIsBegun(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		f := setup(t, db)
		first := f.stage(t, "ada")
		if again := f.stage(t, "ada"); again != first {
			t.Error("an equal task that nobody began was staged twice")
		}
		f.answer = errors.New("timeout")
		f.tick(t, 0, 1)
		if later := f.stage(t, "ada"); later == first {
			t.Error("a task was folded into one that had begun")
		}
	})
}

func TestACrashedWorkersJobIsTakenUp(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		f := setup(t, db)
		f.stage(t, "ada")
		due, err := models.DueJobs(context.Background(), db, models.At(f.now), 10)
		if err != nil || len(due) != 1 {
			t.Fatal(due, err)
		}
		got, err := models.ClaimJob(context.Background(), db, due[0], models.At(f.now.Add(8*time.Second)), models.At(f.now))
		if err != nil || !got {
			t.Fatal(got, err)
		}
		f.tick(t, 7*time.Second, 0)
		f.tick(t, 2*time.Second, 1)
	})
}

func TestOneTaskOfASubjectRunsAtATime(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		f := setup(t, db)
		var running, most, done atomic.Int64
		runner := &outbox.Runner{DB: db, Wall: f.runner.Wall, Business: f.runner.Business, Workers: 4}
		outbox.Handle(runner, func(context.Context, outbox.Job, greet) error {
			most.Store(max(most.Load(), running.Add(1)))
			running.Add(-1)
			done.Add(1)
			return nil
		}, nil)
		for range 12 {
			j := models.Job{ID: models.NewID(), TenantID: 1, Kind: "test.greet", Subject: "greet/ada", Task: `{"Name":"ada"}`, State: models.JobReady, RunAt: models.At(f.now)}
			if err := models.InsertJob(context.Background(), db, j); err != nil {
				t.Fatal(err)
			}
		}
		var wait sync.WaitGroup
		for range 3 {
			wait.Go(func() {
				for done.Load() < 12 {
					if _, err := runner.RunOnce(context.Background()); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wait.Wait()
		if most.Load() != 1 || done.Load() != 12 {
			t.Errorf("%d at once, %d done; want 1 and 12", most.Load(), done.Load())
		}
	})
}

func TestAPanicIsAFailureOfItsTaskOnly(t *testing.T) {
	t.Parallel()
	f := setup(t, testdb.New(t))
	runner := &outbox.Runner{DB: f.db, Wall: f.runner.Wall, Business: f.runner.Business}
	outbox.Handle(runner, func(context.Context, outbox.Job, greet) error { panic("oh") }, nil)
	f.stage(t, "ada")
	if _, err := runner.RunOnce(context.Background()); err != nil {
		t.Fatal(err)
	}
	open, err := models.OpenJobs(context.Background(), f.db, 1, false, 10)
	if err != nil || len(open) != 1 || open[0].Problem == "" {
		t.Errorf("open = %+v, %v", open, err)
	}
}

// Once something succeeds that had failed, everything else is tried again at once:
// what was broken is whole.
func TestARecoveryIsNoticedByAll(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		f := setup(t, db)
		f.stage(t, "ada")
		f.answer = errors.New("timeout")
		for range 6 {
			f.tick(t, 3*time.Minute, 1)
		}
		f.stage(t, "bob")
		f.tick(t, 0, 1)
		f.answer = nil
		f.stage(t, "eve")
		f.tick(t, 0, 1)                     // succeeds at its first attempt, which says nothing of the others
		f.tick(t, 1500*time.Millisecond, 2) // bob's pause is over, and ada's is cut short
		f.tick(t, time.Hour, 0)
	})
}
