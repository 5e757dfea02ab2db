package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tollgate/sandbox/views"
)

// clockPages are the pages that move the clock.
var clockPages = []pageRoute{
	{"GET /clock", (*Server).showClock},
	{"POST /clock", (*Server).moveClock},
}

var strides = []views.Link{
	{Href: "1h", Text: "1 hour"}, {Href: "1d", Text: "1 day"}, {Href: "1w", Text: "1 week"}, {Href: "1mo", Text: "1 month"}, {Href: "1y", Text: "1 year"},
}

func (s *Server) showClock(w http.ResponseWriter, r *http.Request) {
	since, _ := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	s.clockPage(w, r, http.StatusOK, views.ClockProps{}, since)
}

// clockPage shows the clock; since (an event's place, 0 for none) is where what
// just happened begins.
func (s *Server) clockPage(w http.ResponseWriter, r *http.Request, status int, p views.ClockProps, since int64) {
	p.Now, p.Strides = s.Now(), strides
	if far := ahead(s.Offset()); far != "" {
		p.Offset = ", " + far + " ahead of the machine's clock"
	}
	err := s.read(r.Context(), "", func(t *tx) error {
		return errors.Join(t.dueNext(&p), t.whoFollows(&p), t.happened(&p, since))
	})
	if err != nil {
		s.failed(w, r, err)
		return
	}
	if since > 0 {
		p.Said = "The clock has moved; what happened on the way is below."
	}
	s.page(w, r, status, views.Clock(p))
}

// ahead is how far the clock was moved, in words; "" for less than a minute.
func ahead(d time.Duration) string {
	days, hours, minutes := int64(d/(24*time.Hour)), int64(d/time.Hour)%24, int64(d/time.Minute)%60
	var parts []string
	for _, part := range []struct {
		n    int64
		unit string
	}{{days, "day"}, {hours, "hour"}, {minutes, "minute"}} {
		switch part.n {
		case 0:
		case 1:
			parts = append(parts, "1 "+part.unit)
		default:
			parts = append(parts, strconv.FormatInt(part.n, 10)+" "+part.unit+"s")
		}
	}
	return strings.Join(parts[:min(len(parts), 2)], " and ")
}

// timerWords say what a timer will do.
var timerWords = map[string]string{
	subscriptionRenews: "Renew the subscription", subscriptionEnds: "End the subscription", subscriptionExpires: "Give up waiting for the first payment",
	collectionResumes: "Collect again",
	chargeDisputed:    "Dispute the charge", disputeDue: "Lose the dispute that nobody answered", refundArrives: "Tell of the refund's arrival",
	pendingExpires: "Give up waiting for the change to be paid",
	phaseTurns:     "Begin the next phase of the schedule, or release it",
	trialEnds:      "Warn of the trial's end", invoiceFinalizes: "Finalize the invoice and charge it", invoiceRetries: "Try the payment again",
	usageCounts:     "Count meter events that were accepted, or reject them",
	debitSettles:    "Hear what the bank says to the debit",
	invoiceComes:    "Announce the next invoice",
	checkoutExpires: "Expire the checkout", clockExpires: "Delete the test clock",
}

func (t *tx) dueNext(p *views.ClockProps) error {
	p.Due = views.Table{Caption: "The next things that fall due by this clock", Heads: []string{"What", "Object", "When"}, Empty: "Nothing is planned."}
	lines, err := rows(t, func(row *sql.Rows, one *timer) error {
		var due int64
		err := row.Scan(&one.Account, &one.Kind, &one.ID, &due)
		one.Due = time.UnixMilli(due).UTC()
		return err
	}, `SELECT account, kind, id, due FROM timers WHERE clock = '' ORDER BY due, id LIMIT 20`)
	for _, one := range lines {
		p.Due.Rows = append(p.Due.Rows, []views.Cell{{Text: either(timerWords[one.Kind], one.Kind)}, {Text: one.ID, ID: true}, {Text: when(one.Due.Unix())}})
	}
	return err
}

func (t *tx) whoFollows(p *views.ClockProps) error {
	p.Followers = views.Table{Caption: "Programs that are told of every step", Heads: []string{"Name", "Address"}, Empty: "Nobody. POST /_sandbox/followers registers a program."}
	lines, err := rows(t, func(row *sql.Rows, f *follower) error { return row.Scan(&f.Name, &f.URL) }, `SELECT name, url FROM followers ORDER BY name`)
	for _, f := range lines {
		p.Followers.Rows = append(p.Followers.Rows, []views.Cell{{Text: f.Name}, {Text: f.URL, ID: true}})
	}
	return err
}

// An eventLine is an event in a list over all accounts.
type eventLine struct {
	account, id, kind string
	at                int64
}

func (t *tx) happened(p *views.ClockProps, since int64) error {
	if since <= 0 {
		return nil
	}
	p.Happened = views.Table{Caption: "What happened on the way, in this order", Heads: []string{"Event", "Type", "Account", "When"}}
	lines, err := rows(t, func(row *sql.Rows, e *eventLine) error { return row.Scan(&e.account, &e.id, &e.kind, &e.at) },
		`SELECT account, id, json_extract(doc, '$.type'), json_extract(doc, '$.created') FROM objects WHERE type = 'event' AND seq > ? ORDER BY seq LIMIT 200`, since)
	for _, e := range lines {
		p.Happened.Rows = append(p.Happened.Rows, []views.Cell{{Text: e.id, Href: "/dashboard/" + e.account + "/event/" + e.id}, {Text: e.kind}, {Text: e.account, ID: true}, {Text: when(e.at)}})
	}
	return err
}

// lastEvent is the place of the newest event.
func (s *Server) lastEvent(ctx context.Context) (seq int64, err error) {
	err = s.read(ctx, "", func(t *tx) error {
		_, err := t.scan(`SELECT COALESCE(MAX(seq), 0) FROM objects WHERE type = 'event'`, nil, &seq)
		return err
	})
	return max(seq, 1), err
}

func (s *Server) moveClock(w http.ResponseWriter, r *http.Request) {
	to, problem := s.whereTo(r)
	if problem != "" {
		s.clockPage(w, r, http.StatusUnprocessableEntity, views.ClockProps{To: views.Field{Value: r.PostFormValue("to"), Problem: problem}}, 0)
		return
	}
	since, err := s.lastEvent(r.Context())
	if err != nil {
		s.failed(w, r, err)
		return
	}
	// Half a month is not a state to leave things in because a browser went away.
	if err := s.Advance(context.WithoutCancel(r.Context()), to); err != nil {
		s.log.ErrorContext(r.Context(), "sandbox: the clock stopped on its way", "error", err)
		s.clockPage(w, r, http.StatusBadGateway, views.ClockProps{Problem: "The clock stopped on its way: " + err.Error() + ". What was done stays; move it again to go on."}, 0)
		return
	}
	http.Redirect(w, r, "/clock?since="+strconv.FormatInt(since, 10), http.StatusSeeOther)
}

// whereTo is the instant that was asked for, or what is wrong with it.
func (s *Server) whereTo(r *http.Request) (time.Time, string) {
	now := s.Now()
	if by := r.PostFormValue("by"); by != "" {
		to, err := destination(now, nil, by)
		if err != nil {
			return to, "Choose one of the buttons."
		}
		return to, ""
	}
	day, err := time.Parse(time.DateOnly, r.PostFormValue("to"))
	if err != nil {
		return day, "Choose a day."
	}
	to := day.Add(now.Sub(now.Truncate(24 * time.Hour)))
	switch {
	case !to.After(now):
		return to, "The clock only moves forward: choose a later day."
	case to.After(now.AddDate(5, 0, 0)):
		return to, "At most five years at once."
	}
	return to, ""
}
