package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// AccountSettings are what an account decides in Stripe's dashboard and not by
// its API: how failed payments are tried again, and what becomes of those that
// never succeed ("Manage failed payments" in Stripe's billing settings).
type AccountSettings struct {
	// RetryDays are how many days after each failed attempt the next one comes.
	RetryDays []int `json:"retry_days"`
	// AfterRetries is what becomes of a subscription when the last one failed:
	// cancel, unpaid (its next invoices stay drafts) or past_due (nothing).
	AfterRetries string `json:"after_retries"`
	// UpcomingDays is how many days before a renewal invoice.upcoming is sent; 0
	// for never. Periods that are no longer than that get none.
	UpcomingDays int `json:"upcoming_days"`
	// OfferDebits lets Checkout offer a bank debit, beside cards, where a session
	// does not say which methods it takes.
	OfferDebits bool `json:"offer_debits"`
	// DebitHours is how long the bank takes to answer a debit.
	DebitHours int `json:"debit_hours"`
	// WhileDebited is what a new subscription is until then: active or incomplete.
	// Stripe's documents have both.
	WhileDebited string `json:"while_debited"`
	// UsageDelay is how many seconds of business time pass until an accepted meter
	// event is counted; 0 for none.
	UsageDelay int `json:"usage_delay_seconds"`
	// UsageChecks is when meter events are looked at: at_once, where a wrong one is
	// answered with 400, or later, where it is accepted and rejected when it would
	// be counted. Stripe's documents have both.
	UsageChecks string `json:"usage_checks"`
	// CallsPerSecond and ConnectCallsPerSecond are how many calls of the API the
	// account may make in a second, and how many its platform may make for it; 0 for
	// any number. Stripe's own are 25 in test mode, and 100 for live calls by Connect.
	CallsPerSecond        int `json:"calls_per_second"`
	ConnectCallsPerSecond int `json:"connect_calls_per_second"`
}

// When meter events are checked.
const (
	checksAtOnce = "at_once"
	checksLater  = "later"
)

// usageDelay is how long a meter event waits to be counted.
func (a AccountSettings) usageDelay() time.Duration { return time.Duration(a.UsageDelay) * time.Second }

// The ways to end dunning.
const (
	dunningCancels = "cancel"
	dunningUnpaid  = "unpaid"
	dunningPastDue = "past_due"
)

// The bounds of settings.
const (
	maxRetries  = 8
	maxRetryGap = 60 // days
	maxUpcoming = 90 // days
	maxDebit    = 14 * 24
	maxDelay    = 120    // seconds
	maxPace     = 10_000 // calls per second
)

// DefaultSettings are those of an account that has none of its own, unless
// Options.Defaults says otherwise. Limits of calls are off: whoever tries things
// out by hand or in tests is in nobody's way here.
func DefaultSettings() AccountSettings {
	return AccountSettings{RetryDays: []int{3, 5, 7}, AfterRetries: dunningCancels, UpcomingDays: 7, OfferDebits: true, DebitHours: 72, WhileDebited: subActive,
		UsageChecks: checksAtOnce}
}

// A settingProblem says what is wrong with which setting.
type settingProblem struct{ setting, message string }

func (p *settingProblem) Error() string { return p.setting + ": " + p.message }

// check refuses settings that make no sense.
func (a AccountSettings) check() error {
	switch {
	case len(a.RetryDays) > maxRetries || slices.ContainsFunc(a.RetryDays, func(days int) bool { return days < 1 || days > maxRetryGap }):
		return &settingProblem{"retry_days", fmt.Sprintf("At most %d waits of 1 to %d days each.", maxRetries, maxRetryGap)}
	case !oneOf(a.AfterRetries, []string{dunningCancels, dunningUnpaid, dunningPastDue}):
		return &settingProblem{"after_retries", "Choose cancel, unpaid or past_due."}
	case a.UpcomingDays < 0 || a.UpcomingDays > maxUpcoming:
		return &settingProblem{"upcoming_days", fmt.Sprintf("From 0 (never) to %d days.", maxUpcoming)}
	case a.DebitHours < 1 || a.DebitHours > maxDebit:
		return &settingProblem{"debit_hours", fmt.Sprintf("From 1 to %d hours.", maxDebit)}
	case a.WhileDebited != subActive && a.WhileDebited != subIncomplete:
		return &settingProblem{"while_debited", "Choose active or incomplete."}
	}
	return a.checkUsage()
}

func (a AccountSettings) checkUsage() error {
	switch {
	case a.UsageDelay < 0 || a.UsageDelay > maxDelay:
		return &settingProblem{"usage_delay_seconds", fmt.Sprintf("From 0 (none) to %d seconds.", maxDelay)}
	case a.UsageChecks != checksAtOnce && a.UsageChecks != checksLater:
		return &settingProblem{"usage_checks", "Choose at_once or later."}
	case a.CallsPerSecond < 0 || a.CallsPerSecond > maxPace:
		return &settingProblem{"calls_per_second", fmt.Sprintf("From 0 (any number) to %d.", maxPace)}
	case a.ConnectCallsPerSecond < 0 || a.ConnectCallsPerSecond > maxPace:
		return &settingProblem{"connect_calls_per_second", fmt.Sprintf("From 0 (any number) to %d.", maxPace)}
	}
	return nil
}

// settings are those of the account of t.
func (t *tx) settings() (AccountSettings, error) {
	a := t.s.defaults
	a.RetryDays = slices.Clone(a.RetryDays)
	var doc string
	found, err := t.scan(`SELECT doc FROM account_settings WHERE account = ?`, []any{t.account}, &doc)
	if err != nil || !found {
		return a, err
	}
	if err := json.Unmarshal([]byte(doc), &a); err != nil {
		return a, fmt.Errorf("sandbox: the settings of %s: %w", t.account, err)
	}
	return a, nil
}

// keepSettings keeps a for the account of t. What is planned already stays.
func (t *tx) keepSettings(a AccountSettings) error {
	if err := a.check(); err != nil {
		return err
	}
	doc, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	return t.exec(`INSERT OR REPLACE INTO account_settings (account, doc) VALUES (?, ?)`, t.account, string(doc))
}

// Settings returns the settings of an account, also of one that does not exist.
func (s *Server) Settings(ctx context.Context, account string) (a AccountSettings, err error) {
	err = s.read(ctx, account, func(t *tx) error {
		a, err = t.settings()
		return err
	})
	return a, err
}

// SetSettings changes the settings of an account; it fails when they make no
// sense. They hold for what is planned from now on: a retry that has its moment
// keeps it.
func (s *Server) SetSettings(ctx context.Context, account string, a AccountSettings) error {
	err := s.write(ctx, account, func(t *tx) error { return t.keepSettings(a) })
	s.forgetPace(account)
	return err
}

// settingRoutes are the settings for programs.
var settingRoutes = []pageRoute{
	{"GET /_sandbox/accounts/{account}/settings", (*Server).serveSettings},
	{"POST /_sandbox/accounts/{account}/settings", (*Server).serveNewSettings},
}

// errNoAccount is what somebody gets who asks about an account nobody has.
var errNoAccount = errors.New("there is no such account")

// known404 answers for an account that does not exist, and says that it did.
func (s *Server) known404(w http.ResponseWriter, r *http.Request) bool {
	if _, err := s.homeOf(r.Context(), r.PathValue("account")); err != nil {
		answerProblem(w, http.StatusNotFound, errNoAccount)
		return true
	}
	return false
}

func (s *Server) serveSettings(w http.ResponseWriter, r *http.Request) {
	if s.known404(w, r) {
		return
	}
	a, err := s.Settings(r.Context(), r.PathValue("account"))
	if err != nil {
		s.answerFailure(w, r, err)
		return
	}
	answerJSON(w, http.StatusOK, a)
}

// serveNewSettings changes the settings that are sent and leaves the others.
func (s *Server) serveNewSettings(w http.ResponseWriter, r *http.Request) {
	if s.known404(w, r) {
		return
	}
	account := r.PathValue("account")
	a, err := s.Settings(r.Context(), account)
	if err != nil {
		s.answerFailure(w, r, err)
		return
	}
	if !readJSON(w, r, &a) {
		return
	}
	err = s.SetSettings(r.Context(), account, a)
	if wrong, ok := errors.AsType[*settingProblem](err); ok {
		answerProblem(w, http.StatusBadRequest, wrong)
		return
	}
	if err != nil {
		s.answerFailure(w, r, err)
		return
	}
	answerJSON(w, http.StatusOK, a)
}

// answerFailure answers a program for an error that is not its own.
func (s *Server) answerFailure(w http.ResponseWriter, r *http.Request, err error) {
	s.log.ErrorContext(r.Context(), "sandbox: a call failed", "path", r.URL.Path, "error", err)
	answerProblem(w, http.StatusInternalServerError, errors.New("something went wrong; the sandbox's log says more"))
}
