package sandbox

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"tollgate/sandbox/views"
)

// settingPages are where an account's settings are changed by hand.
var settingPages = []pageRoute{
	{"GET /dashboard/{account}/settings", (*Server).showSettings},
	{"POST /dashboard/{account}/settings", (*Server).takeSettings},
}

func (s *Server) showSettings(w http.ResponseWriter, r *http.Request) {
	a, err := s.Settings(r.Context(), r.PathValue("account"))
	if err != nil {
		s.failed(w, r, err)
		return
	}
	p := settingsProps(a)
	p.Said = map[string]string{"saved": "The settings are saved."}[r.URL.Query().Get("done")]
	s.settingsPage(w, r, http.StatusOK, p)
}

// settingsProps are the fields of the page for a.
func settingsProps(a AccountSettings) views.SettingsProps {
	var days []string
	for _, d := range a.RetryDays {
		days = append(days, strconv.Itoa(d))
	}
	return views.SettingsProps{
		RetryDays: views.Field{Value: strings.Join(days, ", ")},
		After: choices(a.AfterRetries, dunningCancels, "Cancel the subscription", dunningUnpaid, "Mark it unpaid: its next invoices stay drafts",
			dunningPastDue, "Leave it past due"),
		Upcoming: views.Field{Value: strconv.Itoa(a.UpcomingDays)}, OfferDebits: a.OfferDebits,
		DebitHours:   views.Field{Value: strconv.Itoa(a.DebitHours)},
		WhileDebited: choices(a.WhileDebited, subActive, "Active", subIncomplete, "Incomplete"),
		UsageDelay:   views.Field{Value: strconv.Itoa(a.UsageDelay)},
		UsageChecks:  choices(a.UsageChecks, checksAtOnce, "At once: the call is answered with 400", checksLater, "Later: it is accepted, and rejected when it would be counted"),
		Calls:        views.Field{Value: strconv.Itoa(a.CallsPerSecond)}, ConnectCalls: views.Field{Value: strconv.Itoa(a.ConnectCallsPerSecond)},
	}
}

// choices are values and their texts in turn, of which one is chosen.
func choices(chosen string, pairs ...string) (out []views.Choice) {
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, views.Choice{Value: pairs[i], Text: pairs[i+1], Chosen: pairs[i] == chosen})
	}
	return out
}

func (s *Server) settingsPage(w http.ResponseWriter, r *http.Request, status int, p views.SettingsProps) {
	account := r.PathValue("account")
	h, err := s.homeOf(r.Context(), account)
	if err != nil {
		s.gone(w, r, "There is no such account", "No key has opened it, and nobody has made it.")
		return
	}
	p.Account, p.Action, p.Crumbs = account, "/dashboard/"+account+"/settings", s.crumbs(h, "settings")
	if p.Tabs, err = s.tabs(r.Context(), account, "settings"); err != nil {
		s.failed(w, r, err)
		return
	}
	s.page(w, r, status, views.Settings(p))
}

func (s *Server) takeSettings(w http.ResponseWriter, r *http.Request) {
	account := r.PathValue("account")
	if _, err := s.homeOf(r.Context(), account); err != nil {
		s.settingsPage(w, r, http.StatusNotFound, views.SettingsProps{})
		return
	}
	a, err := typedSettings(r)
	if err == nil {
		err = s.SetSettings(r.Context(), account, a)
	}
	wrong, ok := errors.AsType[*settingProblem](err)
	switch {
	case ok:
		s.settingsPage(w, r, http.StatusUnprocessableEntity, retyped(r, a, wrong))
	case err != nil:
		s.failed(w, r, err)
	default:
		http.Redirect(w, r, "/dashboard/"+account+"/settings?done=saved", http.StatusSeeOther)
	}
}

// typedSettings reads the form. What is no number is a settingProblem.
func typedSettings(r *http.Request) (a AccountSettings, err error) {
	a = AccountSettings{RetryDays: []int{}, AfterRetries: r.PostFormValue("after_retries"), OfferDebits: r.PostFormValue("offer_debits") == "yes",
		WhileDebited: r.PostFormValue("while_debited"), UsageChecks: r.PostFormValue("usage_checks")}
	for part := range strings.FieldsFuncSeq(r.PostFormValue("retry_days"), func(c rune) bool { return c == ',' || c == ' ' }) {
		days, wrong := strconv.Atoi(part)
		if wrong != nil {
			err = &settingProblem{"retry_days", "Write whole numbers of days, parted by commas, such as 3, 5, 7."}
		}
		a.RetryDays = append(a.RetryDays, days)
	}
	for _, field := range []struct {
		name string
		into *int
	}{{"upcoming_days", &a.UpcomingDays}, {"debit_hours", &a.DebitHours}, {"usage_delay_seconds", &a.UsageDelay},
		{"calls_per_second", &a.CallsPerSecond}, {"connect_calls_per_second", &a.ConnectCallsPerSecond}} {
		n, wrong := strconv.Atoi(strings.TrimSpace(r.PostFormValue(field.name)))
		if wrong != nil && err == nil {
			err = &settingProblem{field.name, "Write a whole number."}
		}
		*field.into = n
	}
	return a, err
}

// retyped is the page with what was typed, and what is wrong with it.
func retyped(r *http.Request, a AccountSettings, wrong *settingProblem) views.SettingsProps {
	p := settingsProps(a)
	fields := map[string]*views.Field{"retry_days": &p.RetryDays, "upcoming_days": &p.Upcoming, "debit_hours": &p.DebitHours,
		"usage_delay_seconds": &p.UsageDelay, "calls_per_second": &p.Calls, "connect_calls_per_second": &p.ConnectCalls}
	for name, f := range fields {
		f.Value = r.PostFormValue(name)
	}
	if f := fields[wrong.setting]; f != nil {
		f.Problem = wrong.message
	}
	return p
}
