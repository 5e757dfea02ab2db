package usage

import (
	"context"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
)

// A Status is how the publishing of a tenant's usage stands. State and Status are the
// words of WSO2's REST contract; times are business time, zero for never.
type Status struct {
	State     string // INITIATED, RUNNING or COMPLETED
	Status    string // INPROGRESS, SUCCESSFULL or UNSUCCESSFULL
	Started   time.Time
	Published time.Time // when the last run began that sent all it had
	Finished  time.Time
	Asked     bool          // somebody has asked for a run that is not over
	Every     time.Duration // between two runs

	Windows, Done int64 // of this tenant, in the last run: all, and those that Stripe has
	Waiting       int64 // windows to be sent
	WaitingUnits  int64
	Unsealed      time.Time // the oldest hour with calls in no window
	Oldest        time.Time // start of the oldest window to be sent
	PerSecond     int64     // windows a second, of the last run
	Troubles      []Trouble
}

// A Trouble is windows of one account that do not reach Stripe by themselves, or not
// at the first attempt.
type Trouble struct {
	Account        string
	State          string // one of the Window constants
	Windows, Units int64
	Problem        string // of one of them
	Oldest         time.Time
	NextTry        time.Time // wall time; zero: only when somebody asks for it
}

// Status returns how the publishing of the actor's tenant stands.
func (p *Publisher) Status(ctx context.Context, who accounts.Actor) (Status, error) {
	var s Status
	if !who.Runs() {
		return s, fault.New(fault.Forbidden, "Only an administrator may see how usage is published.")
	}
	row, err := models.EnsureUsageRun(ctx, p.DB)
	if err != nil {
		return s, err
	}
	s = Status{State: row.State, Status: row.Status, Started: row.StartedTime.Time(), Published: row.PublishedTime.Time(),
		Finished: row.FinishedTime.Time(), Asked: !row.AskedAt.IsZero(), Every: p.every()}
	if now := models.At(p.Wall.Now()); row.State == models.RunRunning && row.LeaseUntil <= now {
		s.State, s.Status = models.RunCompleted, models.RunFailed // its process died; another takes over within seconds
	}
	if s.Asked && s.State != models.RunRunning {
		s.State, s.Status = models.RunInitiated, models.RunInProgress
	}
	open := []string{models.WindowSealed, models.WindowSending, models.WindowUnknown, models.WindowRefused} // of the others there are many
	sums, err := models.WindowSums(ctx, p.DB, models.WindowQuery{Tenant: &who.Tenant, States: open})
	if err != nil {
		return s, err
	}
	for _, state := range []string{models.WindowSealed, models.WindowSending, models.WindowUnknown} {
		s.Waiting += sums[state].Windows
		s.WaitingUnits += sums[state].Units
		s.Oldest = earlier(models.At(s.Oldest), sums[state].Oldest).Time()
	}
	if s.Done, err = models.WindowsSentSince(ctx, p.DB, who.Tenant, row.StartedTime); err != nil {
		return s, err
	}
	s.Windows = s.Done + s.Waiting + sums[models.WindowRefused].Windows
	if took := models.At(p.Business.Now()) - row.StartedTime; row.FinishedTime > row.StartedTime {
		s.PerSecond = row.Done * 1000 / int64(row.FinishedTime-row.StartedTime)
	} else if row.State == models.RunRunning && took > 0 {
		s.PerSecond = row.Done * 1000 / int64(took)
	}
	hour, err := models.FirstUnsealedHourOf(ctx, p.DB, who.Tenant)
	if err != nil {
		return s, err
	}
	s.Unsealed = hour.Time()
	s.Troubles, err = p.troubles(ctx, who.Tenant)
	return s, err
}

func (p *Publisher) troubles(ctx context.Context, tenant models.TenantID) ([]Trouble, error) {
	states := []string{models.WindowSealed, models.WindowSending, models.WindowUnknown, models.WindowRefused}
	rows, err := models.WindowAccounts(ctx, p.DB, models.WindowQuery{Tenant: &tenant, States: states})
	var out []Trouble
	for _, r := range rows {
		if r.Problem == "" {
			continue
		}
		t := Trouble{Account: r.Account, State: r.State, Windows: r.Windows, Units: r.Units, Problem: r.Problem, Oldest: r.Oldest.Time(), NextTry: r.NextTry.Time()}
		if r.State == models.WindowRefused {
			t.NextTry = time.Time{}
		}
		out = append(out, t)
	}
	return out, err
}

// errRunning is WSO2's answer to whoever asks while a run that was asked for goes on.
var errRunning = fault.New(fault.Conflict, "A job is already running")

// PublishNow asks for everything up to now to be sealed and sent, of every tenant. It
// returns at once. While a run that somebody asked for is not over, it is a Conflict
// fault: many who ask at the same time get one run.
func (p *Publisher) PublishNow(ctx context.Context, who accounts.Actor) error {
	if !who.Runs() {
		return fault.New(fault.Forbidden, "Only an administrator may publish usage.")
	}
	if _, err := models.EnsureUsageRun(ctx, p.DB); err != nil {
		return err
	}
	err := models.InTx(ctx, p.DB, func(ctx context.Context, tx bun.Tx) error {
		ok, err := models.AskUsageRun(ctx, tx, who.Person, models.At(p.Business.Now()))
		if err != nil {
			return err
		}
		if !ok {
			return errRunning
		}
		return models.InsertAudit(ctx, tx, who.Did(p.Wall.Now(), "usage.publish", accounts.Object{Type: "usage", ID: models.UsagePublisher, Name: "Usage"}, nil))
	})
	if err == nil {
		p.Wake()
	}
	return err
}

// A Choice says which of a tenant's windows are meant: one, those of an account, or
// all that Stripe refused or may have.
type Choice struct{ Window, Account string }

// TryAgain has windows sent again that Stripe refused, and has Stripe asked again
// about those that it may have. It returns how many.
func (p *Publisher) TryAgain(ctx context.Context, who accounts.Actor, c Choice) (int, error) {
	n, err := p.change(ctx, who, c, "usage.again", nil, func(ctx context.Context, tx bun.Tx, w *models.UsageWindow) error {
		w.NextTryAt = models.At(p.Wall.Now())
		if w.State == models.WindowUnknown {
			return nil
		}
		f, err := readFacts(ctx, tx, w.TenantID, w.SubscriptionID)
		if err != nil {
			return err
		}
		w.State, w.Problem, w.FirstTriedAt = models.WindowSealed, "", 0
		if w.EventName == "" || w.CustomerID == "" {
			if w.Problem = f.route(w); w.Problem != "" {
				w.State = models.WindowRefused
				return nil
			}
		}
		return nil
	})
	if err == nil {
		p.Wake()
	}
	return n, err
}

// WriteOff makes windows unbillable that Stripe refused or may have, for a reason
// that people read. It returns how many.
func (p *Publisher) WriteOff(ctx context.Context, who accounts.Actor, c Choice, reason string) (int, error) {
	var f fault.Fields
	f.Check(reason != "", "reason", "Say why it is not billed.")
	f.Check(len([]rune(reason)) <= 300, "reason", "At most 300 letters.")
	if err := f.Err(); err != nil {
		return 0, err
	}
	details := map[string]string{"reason": reason}
	return p.change(ctx, who, c, "usage.write_off", details, func(_ context.Context, _ bun.Tx, w *models.UsageWindow) error {
		w.State, w.Note = models.WindowUnbillable, clip("Written off by "+who.Name+": "+reason, 500)
		return nil
	})
}

// change changes the chosen windows and writes who did it, all or nothing.
func (p *Publisher) change(ctx context.Context, who accounts.Actor, c Choice, action string, details map[string]string,
	do func(context.Context, bun.Tx, *models.UsageWindow) error,
) (n int, err error) {
	if !who.Runs() {
		return 0, fault.New(fault.Forbidden, "Only an administrator may decide what becomes of usage.")
	}
	err = models.InTx(ctx, p.DB, func(ctx context.Context, tx bun.Tx) error {
		n = 0
		chosen, err := p.chosen(ctx, tx, who, c)
		if err != nil {
			return err
		}
		var units int64
		for _, w := range chosen {
			if err := do(ctx, tx, &w); err != nil {
				return err
			}
			if err := models.SaveWindow(ctx, tx, w); err != nil {
				return err
			}
			n, units = n+1, units+w.Quantity
		}
		if n == 0 {
			return nil
		}
		told := map[string]string{"windows": strconv.Itoa(n), "units": strconv.FormatInt(units, 10), "account": c.Account}
		for k, v := range details {
			told[k] = v
		}
		what := accounts.Object{Type: "usage", ID: c.Window, Name: "Usage"}
		if what.ID == "" {
			what.ID = models.UsagePublisher
		}
		return models.InsertAudit(ctx, tx, who.Did(p.Wall.Now(), action, what, told))
	})
	return n, err
}

func (p *Publisher) chosen(ctx context.Context, tx bun.Tx, who accounts.Actor, c Choice) ([]models.UsageWindow, error) {
	states := []string{models.WindowRefused, models.WindowUnknown}
	if c.Window != "" {
		w, err := models.WindowOf(ctx, tx, who.Tenant, c.Window)
		if err == nil && w.State != states[0] && w.State != states[1] {
			err = fault.New(fault.Conflict, "This window is not refused any more.")
		}
		return []models.UsageWindow{w}, err
	}
	q := models.WindowQuery{Tenant: &who.Tenant, States: states}
	if c.Account != "" {
		q.Account = &c.Account
	}
	return models.Windows(ctx, tx, q)
}
