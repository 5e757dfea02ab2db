package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"tollgate/sandbox/views"
)

// faultPages are where things are made to go wrong by hand.
var faultPages = []pageRoute{
	{"GET /faults", (*Server).showFaults},
	{"POST /faults", (*Server).takeFault},
	{"POST /faults/clear", (*Server).takeFaultless},
	{"POST /faults/{id}/remove", (*Server).takeRemoval},
}

// A faultKind is one form of the page.
type faultKind struct {
	kind, title, text string
	fault             Fault    // what all of them are
	fields            []string // what it asks for besides where, whose and how often
}

var webhookFaults = []faultKind{
	{howDuplicate, "Send twice", "The same event comes twice, one right after the other.", Fault{How: howDuplicate}, nil},
	{howReorder, "Send out of order", "The event is held until the next one to the same endpoint was sent, for an hour at most.", Fault{How: howReorder}, nil},
	{howLate, "Send late", "The event comes later, by the sandbox's clock.", Fault{How: howLate}, []string{"by"}},
	{howDrop, "Lose", "The event never comes. Stripe still lists it, as not delivered.", Fault{How: howDrop}, nil},
	{howForge, "Sign wrongly", "The signature is made with another secret.", Fault{How: howForge}, nil},
	{howStale, "Sign an hour ago", "The signature is right, and its time an hour old.", Fault{How: howStale}, nil},
	{howFuture, "Sign an hour ahead", "The signature is right, and its time an hour ahead.", Fault{How: howFuture}, nil},
	{howVersion, "Send in another version", "The event is rendered and labelled as another API version, or names none.", Fault{How: howVersion}, []string{"version"}},
	{howMode, "Send as live", "The event says that it is of live mode.", Fault{How: howMode}, nil},
}

var callFaults = []faultKind{
	{"error", "Answer with an error", "The call is answered with a status of your choice, before or after it has its effect.", Fault{}, []string{"status", "when"}},
	{"limit", "Answer 429", "Too many requests: the call is refused before it has an effect, with or without Retry-After.", Fault{Status: http.StatusTooManyRequests}, []string{"retry_after"}},
	{howLock, "Answer 409, locked", "Another call is said to work on the same object: lock_timeout.", Fault{How: howLock}, nil},
	{howTimeout, "Do not answer", "No answer comes until the caller hangs up, or the time is over.", Fault{How: howTimeout}, []string{"by", "when"}},
	{howSlow, "Answer slowly", "The call has its effect and is answered, after a while of real time. Meanwhile a customer's meter takes no other event.", Fault{How: howSlow}, []string{"by", "when"}},
	{howReset, "Reset the connection", "The connection is reset instead of an answer.", Fault{How: howReset}, []string{"when"}},
}

var usageFaults = []faultKind{
	{"usage-duplicate", "Count twice", "One event is counted as two.", Fault{How: howDuplicate}, nil},
	{"usage-late", "Count late", "The event is counted later, by the sandbox's clock.", Fault{How: howLate}, []string{"by"}},
	{"usage-reject", "Reject later", "The event is accepted, and rejected when it would be counted. Event destinations are told; endpoints of the first API are not.", Fault{How: howReject}, []string{"code"}},
}

// What a form is about: the field that says what the fault befalls.
const (
	onWebhooks = "webhook"
	onCalls    = "call"
	onUsage    = "meter_event"
)

// kindOfFault finds a form of the page, and what it is about; "" for none.
func kindOfFault(kind string) (k faultKind, where string) {
	for where, forms := range map[string][]faultKind{onWebhooks: webhookFaults, onCalls: callFaults, onUsage: usageFaults} {
		for _, k := range forms {
			if k.kind == kind {
				return k, where
			}
		}
	}
	return k, ""
}

func (s *Server) showFaults(w http.ResponseWriter, r *http.Request) {
	said := map[string]string{"injected": "It will go wrong as asked for.", "removed": "The fault is removed.", "cleared": "All faults are removed."}[r.URL.Query().Get("done")]
	s.faultsPage(w, r, http.StatusOK, said, nil)
}

// faultsPage shows the page. wrong is what is wrong with what was typed into the
// form that r sends, nil when nothing was.
func (s *Server) faultsPage(w http.ResponseWriter, r *http.Request, status int, said string, wrong *faultProblem) {
	accounts, err := s.accountChoices(r.Context())
	if err != nil {
		s.failed(w, r, err)
		return
	}
	p := views.FaultsProps{Said: said}
	for _, f := range s.Faults() {
		p.Faults = append(p.Faults, f.line())
	}
	for _, k := range webhookFaults {
		p.Webhooks = append(p.Webhooks, k.form(r, onWebhooks, accounts, wrong))
	}
	for _, k := range callFaults {
		p.Calls = append(p.Calls, k.form(r, onCalls, accounts, wrong))
	}
	for _, k := range usageFaults {
		p.Usage = append(p.Usage, k.form(r, onUsage, accounts, wrong))
	}
	if wrong != nil {
		p.Problem = "Nothing was changed: see the field that is marked below."
	}
	s.page(w, r, status, views.Faults(p))
}

// accountChoices are the accounts that a fault may be for.
func (s *Server) accountChoices(ctx context.Context) (out []views.Choice, err error) {
	out = []views.Choice{{Value: "", Text: "Everybody's"}}
	err = s.read(ctx, "", func(t *tx) error {
		accounts, err := rows(t, func(row *sql.Rows, id *string) error { return row.Scan(id) }, `SELECT id FROM accounts ORDER BY created DESC, id LIMIT ?`, shownObjects)
		for _, id := range accounts {
			out = append(out, views.Choice{Value: id, Text: id})
		}
		return err
	})
	return out, err
}

// oftens are the answers to how often.
var oftens = []string{"1", "Once", "2", "Twice", "5", "5 times", "25", "25 times", "standing", "Until it is removed"}

// form is the form of k, with what r typed into it when it was this one.
func (k faultKind) form(r *http.Request, where string, accounts []views.Choice, wrong *faultProblem) views.FaultForm {
	mine := r.Method == http.MethodPost && r.PostFormValue("kind") == k.kind && wrong != nil
	f := views.FaultForm{Kind: k.kind, Title: k.title, Text: k.text, Open: mine}
	fields := map[string]views.FaultField{
		"webhook":     textOf("webhook", "Type of event", "*", "Or a pattern, such as invoice.*. A star is all."),
		"call":        textOf("call", "Calls that begin with", "POST /v1/", "A method and how the path begins."),
		"status":      textOf("status", "Status", "500", "From 400 to 599."),
		"retry_after": textOf("retry_after", "Retry-After, in seconds", "2", "0 for none."),
		"by":          textOf("by", "For how long", map[string]string{howLate: "1h", howTimeout: "90s", howSlow: "5s", "usage-late": "1h"}[k.kind], "Such as 90s, 5m, 2h or 3d."),
		"meter_event": textOf("meter_event", "Name of the event", "*", "The event_name of a meter, or a pattern. A star is all."),
		"code":        {Name: "code", Label: "Why", Choices: codeChoices()},
		"version":     {Name: "version", Label: "API version", Choices: versionChoices()},
		"when":        {Name: "when", Label: "The call has its effect", Choices: choices("before", "before", "Not at all", "after", "Before it fails")},
		"account":     {Name: "account", Label: "Whose", Choices: accounts},
		"often":       {Name: "often", Label: "How often", Choices: choices("1", oftens...)},
		"percent":     textOf("percent", "Of a hundred, it befalls", "100", "By chance, drawn with the seed."),
		"seed":        textOf("seed", "Seed", "1", "The same seed draws the same."),
	}
	for _, name := range append(append([]string{where}, k.fields...), "account", "often", "percent", "seed") {
		field := fields[name]
		if mine {
			field = retypedField(r, field, wrong)
		}
		f.Fields = append(f.Fields, field)
	}
	return f
}

func textOf(name, label, value, hint string) views.FaultField {
	return views.FaultField{Name: name, Label: label, Hint: hint, Field: views.Field{Value: value}}
}

// retypedField is a field with what was typed into it.
func retypedField(r *http.Request, f views.FaultField, wrong *faultProblem) views.FaultField {
	f.Value = r.PostFormValue(f.Name)
	if wrong.part == f.Name {
		f.Problem = wrong.message
	}
	chosen := make([]views.Choice, len(f.Choices))
	for i, c := range f.Choices {
		c.Chosen = c.Value == f.Value
		chosen[i] = c
	}
	f.Choices = chosen
	return f
}

func versionChoices() []views.Choice {
	out := []views.Choice{{Value: nullVersion, Text: "None (null)", Chosen: true}}
	for _, v := range versions {
		out = append(out, views.Choice{Value: string(v), Text: string(v)})
	}
	return out
}

// codeChoices are the reasons to reject a meter event.
func codeChoices() (out []views.Choice) {
	for _, code := range slices.Sorted(maps.Keys(rejections)) {
		out = append(out, views.Choice{Value: code, Text: code, Chosen: code == "meter_event_customer_not_found"})
	}
	return out
}

func (s *Server) takeFault(w http.ResponseWriter, r *http.Request) {
	k, where := kindOfFault(r.PostFormValue("kind"))
	if where == "" {
		s.faultsPage(w, r, http.StatusBadRequest, "", nil)
		return
	}
	f, err := k.typed(r, where)
	if err == nil {
		_, err = s.inject(f)
	}
	if err == nil {
		http.Redirect(w, r, "/faults?done=injected", http.StatusSeeOther)
		return
	}
	wrong, ok := errors.AsType[*faultProblem](err)
	if !ok { // neither a call, nor a webhook, nor a meter event was named
		wrong = &faultProblem{where, "Say what it befalls."}
	}
	s.faultsPage(w, r, http.StatusUnprocessableEntity, "", wrong)
}

// typed reads the form of k.
func (k faultKind) typed(r *http.Request, where string) (f Fault, err error) {
	f = k.fault
	value := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	switch where {
	case onCalls:
		f.Call = value(onCalls)
	case onWebhooks:
		f.Webhook = value(onWebhooks)
	case onUsage:
		f.MeterEvent = value(onUsage)
	}
	f.Account, f.After = value("account"), value("when") == "after"
	number := func(name string, least int) int {
		text := value(name)
		n, wrong := strconv.Atoi(text)
		if err == nil && (wrong != nil || n < least) {
			err = &faultProblem{name, "Write a whole number of at least " + strconv.Itoa(least) + "."}
		}
		return n
	}
	for _, name := range k.fields {
		switch name {
		case "status":
			f.Status = number("status", 1)
		case "retry_after":
			f.RetryAfter = number("retry_after", 0)
		case "by":
			if f.By = value("by"); f.By == "" {
				err = &faultProblem{"by", "Write a time such as 90s, 5m, 2h or 3d."}
			}
		case "version":
			f.Version = value("version")
		case "code":
			f.Code = value("code")
		}
	}
	if f.Percent = number("percent", 1); f.Percent == 100 {
		f.Percent = 0
	}
	f.Seed = uint64(max(number("seed", 0), 0))
	if f.Standing = value("often") == "standing"; !f.Standing {
		f.Times, _ = strconv.Atoi(value("often")) // chosen from a list; anything else is once
	}
	return f, err
}

func (s *Server) takeRemoval(w http.ResponseWriter, r *http.Request) {
	s.Remove(r.PathValue("id")) // one that has struck for the last time is gone too
	http.Redirect(w, r, "/faults?done=removed", http.StatusSeeOther)
}

func (s *Server) takeFaultless(w http.ResponseWriter, r *http.Request) {
	s.RemoveFaults()
	http.Redirect(w, r, "/faults?done=cleared", http.StatusSeeOther)
}

// line is f as the page lists it.
func (f Fault) line() views.FaultLine {
	l := views.FaultLine{What: f.words(), Account: either(f.Account, "Everybody's"), Odds: "Each time", Left: "Until it is removed",
		Struck: strconv.Itoa(f.Struck), Remove: "/faults/" + f.ID + "/remove", Name: f.words()}
	if f.Percent > 0 {
		l.Odds = strconv.Itoa(f.Percent) + " of 100, seed " + strconv.FormatUint(f.Seed, 10)
	}
	if !f.Standing {
		l.Left = strconv.Itoa(f.Times) + " more"
	}
	return l
}

// words say what f does.
func (f Fault) words() string {
	if f.Webhook != "" {
		does := map[string]string{howDuplicate: "sent twice", howReorder: "sent after the next", howDrop: "lost", howForge: "signed wrongly",
			howStale: "signed an hour ago", howFuture: "signed an hour ahead", howMode: "sent as live",
			howLate: "sent " + either(f.By, "1h") + " late", howVersion: "sent as version " + f.Version}[f.How]
		return "Webhooks " + f.Webhook + ": " + does
	}
	if f.MeterEvent != "" {
		does := map[string]string{howDuplicate: "counted twice", howLate: "counted " + either(f.By, "1h") + " late", howReject: "rejected later: " + f.Code}[f.How]
		return "Meter events " + f.MeterEvent + ": " + does
	}
	does := "answered with " + strconv.Itoa(f.Status)
	switch {
	case f.How == howLock:
		does = "answered with " + strconv.Itoa(max(f.Status, http.StatusConflict)) + ", locked"
	case f.How == howTimeout:
		does = "not answered for " + either(f.By, "90s")
	case f.How == howSlow:
		does = "answered " + either(f.By, "5s") + " late"
	case f.How == howReset:
		does = "connection reset"
	case f.Status == 0:
		does = "connection closed"
	case f.RetryAfter > 0:
		does += ", Retry-After " + strconv.Itoa(f.RetryAfter)
	}
	if f.After {
		does += ", after its effect"
	}
	return f.Call + ": " + does
}
