package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/clock"
	"tollgate/internal/outbox"
	"tollgate/internal/testdb"
	"tollgate/models"
)

type errand struct{ Name, About string }

func (errand) Kind() string      { return "test.errand" }
func (e errand) Subject() string { return e.About }

// A crew performs errands: those that have words of their own in do, and the rest
// at once. It keeps in which order they were begun.
type crew struct {
	t      *testing.T
	db     *bun.DB
	runner *outbox.Runner
	do     map[string]func(ctx context.Context) error
	mu     sync.Mutex
	begun  []string
	claims map[string]int // tried, by the job's id
	result chan error
	next   time.Time
}

func hire(t *testing.T, db *bun.DB, workers int) *crew {
	t.Helper()
	wall := clock.NewWall(time.Now)
	c := &crew{
		t: t, db: db, do: map[string]func(context.Context) error{}, claims: map[string]int{}, result: make(chan error, 1),
		runner: &outbox.Runner{DB: db, Wall: wall, Business: clock.NewBusiness(wall), Workers: workers, Chance: func() float64 { return 0.5 }},
	}
	outbox.Handle(c.runner, func(ctx context.Context, _ outbox.Job, e errand) error {
		c.mu.Lock()
		c.begun = append(c.begun, e.Name)
		do := c.do[e.Name]
		c.mu.Unlock()
		if do == nil {
			return nil
		}
		return do(ctx)
	}, func(context.Context, bun.Tx, outbox.Job, errand, error) error { return errBroken })
	if ok, err := models.InsertTenant(context.Background(), db, models.Tenant{ID: 1, Domain: "d", State: "active"}); err != nil || !ok {
		t.Fatal(ok, err)
	}
	db.AddQueryHook(c)
	return c
}

// errBroken is what comes of undoing a refused errand.
var errBroken = errors.New("cannot be undone")

// BeforeQuery counts how often a worker tries to get a job.
func (c *crew) BeforeQuery(ctx context.Context, q *bun.QueryEvent) context.Context {
	if _, where, ok := strings.Cut(q.Query, "attempts = attempts + 1"); ok {
		_, id, _ := strings.Cut(where, "(id = '")
		id, _, _ = strings.Cut(id, "'")
		c.mu.Lock()
		c.claims[id]++
		c.mu.Unlock()
	}
	return ctx
}

// AfterQuery makes a crew a bun.QueryHook.
func (*crew) AfterQuery(context.Context, *bun.QueryEvent) {}

// stage stages an errand about something of its own, or about what is named.
func (c *crew) stage(name string, about ...string) (id string) {
	c.t.Helper()
	e := errand{name, strings.Join(append(about, name)[:1], "")}
	err := models.InTx(context.Background(), c.db, func(ctx context.Context, tx bun.Tx) (err error) {
		id, err = outbox.Stage(ctx, tx, 1, c.runner.Wall.Now(), e)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return id
}

// start begins one RunOnce.
func (c *crew) start(ctx context.Context) {
	go func() {
		var err error
		c.next, err = c.runner.RunOnce(ctx)
		c.result <- err
	}()
}

func (c *crew) has(names ...string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(c.begun, name) })
}

func (c *crew) tried(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.claims[id]
}

// many are the names of n errands.
func many(what string, n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprint(what, " ", i))
	}
	return names
}

// lasting takes a while, whoever waits for it.
func lasting(d time.Duration) func(context.Context) error {
	return func(context.Context) error { time.Sleep(d); return nil }
}

// More work than one look finds goes on beside a job that does not end.
func TestASlowJobTakesOneSlot(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		c := hire(t, db, 2)
		release, all := make(chan struct{}), make(chan struct{})
		c.do["slow"] = func(context.Context) error { <-release; return nil }
		c.do["last"] = func(context.Context) error { close(all); return nil }
		c.stage("slow")
		quick := many("quick", 70)
		for _, name := range quick {
			c.stage(name)
		}
		c.stage("last")
		c.start(t.Context())
		select {
		case <-all:
		case <-time.After(time.Minute):
			t.Error("the others wait for the slow one")
		}
		close(release)
		if err := <-c.result; err != nil || !c.next.IsZero() || !c.has(quick...) {
			t.Errorf("next %v, %v; began %v", c.next, err, c.begun)
		}
	})
}

// What is staged while a slow job runs begins at once when somebody says so, and
// within a second when nobody does; and so does what has to be tried again.
func TestNewWorkBeginsBesideASlowJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := hire(t, testdb.New(t), 2)
		c.do["slow"] = lasting(30 * time.Second)
		tries := 0
		c.do["shaky"] = func(context.Context) error {
			if tries++; tries < 3 {
				return errors.New("timeout")
			}
			return nil
		}
		began := time.Now()
		c.stage("slow")
		c.start(t.Context())
		time.Sleep(1500 * time.Millisecond)
		c.stage("told of")
		c.runner.Wake()
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if !c.has("slow", "told of") {
			t.Errorf("began %v", c.begun)
		}
		c.stage("untold")
		c.stage("shaky")
		time.Sleep(time.Second)
		synctest.Wait()
		if !c.has("untold", "shaky") {
			t.Errorf("within a second it began %v", c.begun)
		}
		time.Sleep(5 * time.Second) // pauses of a second and of two
		synctest.Wait()
		if tries != 3 {
			t.Errorf("tried %d times", tries)
		}
		if err := <-c.result; err != nil || !c.next.IsZero() {
			t.Errorf("next %v, %v", c.next, err)
		}
		if took := time.Since(began); took < 30*time.Second || took > 31*time.Second {
			t.Errorf("returned after %s, want when the slow job ended", took)
		}
	})
}

// One worker takes jobs in the order in which they are due, whatever stages more.
func TestOneWorkerKeepsTheOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := hire(t, testdb.New(t), 1)
		want := many("errand", 50)
		for _, i := range []int{3, 20, 49} {
			more := fmt.Sprint("after errand ", i)
			c.do[want[i]] = func(context.Context) error {
				time.Sleep(5 * time.Second)
				c.stage(more)
				c.runner.Wake()
				return nil
			}
		}
		for _, name := range want {
			c.stage(name)
			time.Sleep(time.Millisecond)
		}
		for _, i := range []int{3, 20, 49} {
			want = append(want, fmt.Sprint("after errand ", i))
		}
		c.start(t.Context())
		if err := <-c.result; err != nil || !slices.Equal(c.begun, want) {
			t.Errorf("%v; the order is %v", err, c.begun)
		}
	})
}

// A job whose subject another process works on is tried once a second, however
// often somebody says that there is work, and begins soon after it is free.
func TestAHeldJobIsNotSpunOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := hire(t, testdb.New(t), 2)
		theirs := c.stage("theirs", "account")
		j, err := models.JobByID(t.Context(), c.db, theirs)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := models.ClaimJob(t.Context(), c.db, j, models.At(time.Now().Add(time.Hour)), 1); err != nil || !got {
			t.Fatal(got, err)
		}
		j.Attempts++
		held := c.stage("ours", "account")
		c.do["slow"] = lasting(30 * time.Second)
		c.stage("slow")
		c.start(t.Context())
		for range 200 {
			c.runner.Wake()
			time.Sleep(50 * time.Millisecond)
		}
		synctest.Wait()
		if n := c.tried(held); n < 5 || n > 12 || c.has("ours") {
			t.Errorf("in 10 seconds it was tried %d times, want about once a second; begun %v", n, c.begun)
		}
		if err := models.FinishJob(t.Context(), c.db, j, models.JobDone, "", models.At(time.Now()), models.At(time.Now())); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if !c.has("ours") {
			t.Error("it was not begun when it was free")
		}
		if err := <-c.result; err != nil {
			t.Error(err)
		}
	})
}

// A crowd of jobs about what is being worked on here is not even tried, and does
// not hide what stands behind it.
func TestACrowdHidesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := hire(t, testdb.New(t), 2)
		c.do["slow"] = lasting(30 * time.Second)
		c.stage("slow", "account")
		time.Sleep(time.Millisecond)
		crowd := many("crowd", 100)
		var ids []string
		for _, name := range crowd {
			ids = append(ids, c.stage(name, "account"))
		}
		time.Sleep(time.Millisecond)
		c.stage("behind")
		c.start(t.Context())
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		if !c.has("behind") {
			t.Errorf("began %v", c.begun)
		}
		for _, id := range ids {
			if n := c.tried(id); n > 0 {
				t.Fatalf("a job was tried %d times that had to wait", n)
			}
		}
		if err := <-c.result; err != nil || !c.has(crowd...) || len(c.begun) != 102 {
			t.Errorf("%v; began %d", err, len(c.begun))
		}
	})
}

// When the process is to end, nothing more begins, and what is under way is
// waited for and written down.
func TestTheEndWaitsForWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := hire(t, testdb.New(t), 2)
		c.do["slow"] = func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(5 * time.Second)
			return ctx.Err()
		}
		id := c.stage("slow")
		ctx, cancel := context.WithCancel(t.Context())
		c.start(ctx)
		synctest.Wait()
		cancel()
		ended := time.Now()
		c.stage("late")
		c.runner.Wake()
		if err := <-c.result; !errors.Is(err, context.Canceled) {
			t.Errorf("returned %v", err)
		}
		if took := time.Since(ended); took < 5*time.Second {
			t.Errorf("it was waited for %s", took)
		}
		j, err := models.JobByID(t.Context(), c.db, id)
		if err != nil || j.State != models.JobReady || j.Problem == "" || c.has("late") {
			t.Errorf("%v; %+v; begun %v", err, j, c.begun)
		}
	})
}

// A job whose end cannot be written down is reported, but stops no other.
func TestAFailureStopsNoOtherJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := hire(t, testdb.New(t), 2)
		c.do["slow"] = lasting(7 * time.Second)
		c.do["broken"] = func(context.Context) error { return outbox.Refuse(errors.New("no")) }
		c.stage("slow")
		c.stage("broken")
		others := many("other", 40)
		for _, name := range others {
			c.stage(name)
		}
		c.start(t.Context())
		time.Sleep(3 * time.Second)
		c.stage("late")
		time.Sleep(time.Second)
		synctest.Wait()
		if !c.has(others...) || !c.has("late") {
			t.Errorf("began %v", c.begun)
		}
		if err := <-c.result; !errors.Is(err, errBroken) {
			t.Errorf("returned %v", err)
		}
	})
}
