package sandbox

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tollgate/sandbox/views"
)

// sent is what became of deliveries, of one event or of all.
func (s *Server) sent(ctx context.Context, account, event string) (views.Table, error) {
	t := views.Table{Caption: "Webhooks sent, newest first", Heads: []string{"Event", "Type", "To", "State", "Last answer"}, Empty: "No endpoint listens for this."}
	lines, err := s.deliveries(ctx, account, event, shownObjects)
	for _, d := range lines {
		state := map[string]string{"delivered": "good", "owed": "attention", "failed": "bad", "dropped": "quiet"}[d.State]
		word := capital(d.State)
		if d.State == "owed" && d.Tries > 0 {
			word = "Next try " + when(d.Due.Unix())
		}
		answer := "None yet"
		if n := len(d.Attempts); n > 0 {
			last := d.Attempts[n-1]
			answer = strconv.Itoa(last.Status) + " in " + last.Took.Round(time.Millisecond).String()
			if last.Status == 0 {
				answer = last.Body
			}
		}
		t.Rows = append(t.Rows, []views.Cell{{Text: d.Event, Href: d.href()}, {Text: d.Type}, {Text: d.URL}, {Text: word, Tone: state}, {Text: answer}})
	}
	return t, err
}

// href is the page of the event.
func (d deliveryLine) href() string {
	if strings.HasPrefix(d.Endpoint, destinationPrefix) {
		return "/dashboard/" + d.Account + "/v2.core.event/" + d.Event
	}
	return "/dashboard/" + d.Account + "/event/" + d.Event
}

func (s *Server) sendAgain(w http.ResponseWriter, r *http.Request) {
	account, id := r.PathValue("account"), r.PathValue("id")
	err := s.write(r.Context(), account, func(t *tx) error {
		e, err := get[Event](t, id, "event")
		if err != nil {
			return err
		}
		return t.resend(e, "")
	})
	if err == nil {
		_, err = s.RunOnce(r.Context()) // so that the page shows how it went
	}
	if err != nil {
		s.failed(w, r, err)
		return
	}
	http.Redirect(w, r, "/dashboard/"+account+"/event/"+url.PathEscape(id)+"?done=sent", http.StatusSeeOther)
}

func (s *Server) showLogs(w http.ResponseWriter, r *http.Request) {
	account := r.PathValue("account")
	h, err := s.homeOf(r.Context(), account)
	if err != nil {
		s.gone(w, r, "There is no such account", "No key has opened it, and nobody has made it.")
		return
	}
	lines, err := s.calls(r.Context(), account, shownObjects)
	p := views.DashboardProps{Title: "API calls", Crumbs: s.crumbs(h, "logs")}
	if err == nil {
		p.Tabs, err = s.tabs(r.Context(), account, "logs")
	}
	if err != nil {
		s.failed(w, r, err)
		return
	}
	t := views.Table{Caption: "Calls on this account, newest first", Heads: []string{"Request", "Call", "Answer", "When"}, Empty: "Nobody has called yet."}
	for _, l := range lines {
		t.Rows = append(t.Rows, []views.Cell{{Text: l.ID, Href: "/dashboard/" + account + "/logs/" + l.ID}, {Text: l.Method + " " + l.Path}, answered(l.Status), {Text: when(l.At.Unix())}})
	}
	p.Tables = []views.Table{t}
	s.page(w, r, http.StatusOK, views.Dashboard(p))
}

func answered(status int) views.Cell {
	if status == 0 {
		return views.Cell{Text: "No answer", Tone: "bad"}
	}
	tone := "good"
	if status >= 400 {
		tone = "bad"
	}
	return views.Cell{Text: strconv.Itoa(status), Tone: tone}
}

func (s *Server) showLog(w http.ResponseWriter, r *http.Request) {
	account, id := r.PathValue("account"), r.PathValue("id")
	lines, err := s.calls(r.Context(), account, 10*shownObjects)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	for _, l := range lines {
		if l.ID != id {
			continue
		}
		a := answered(l.Status)
		s.page(w, r, http.StatusOK, views.Dashboard(views.DashboardProps{Title: l.ID, Lead: l.Method + " " + l.Path,
			Crumbs: []views.Link{{Href: "/", Text: "Accounts"}, {Href: "/dashboard/" + account, Text: account}, {Href: "/dashboard/" + account + "/logs", Text: "API calls"}},
			Facts: filled(views.Fact{Term: "Answer", Text: a.Text, Tone: a.Tone}, views.Fact{Term: "Error", Text: l.Error},
				views.Fact{Term: "When", Text: when(l.At.Unix())}, views.Fact{Term: "Took", Text: l.Took.Round(time.Millisecond).String()},
				views.Fact{Term: "API version", Text: l.Version}, views.Fact{Term: "Idempotency key", Text: l.IdempotencyKey}),
			DocTitle: "Parameters", Document: strings.ReplaceAll(l.Params, "&", "\n"),
		}))
		return
	}
	s.gone(w, r, "There is no such call", "The log keeps calls for thirty days.")
}

// filled are the facts that have something to say.
func filled(facts ...views.Fact) []views.Fact {
	return slices.DeleteFunc(facts, func(f views.Fact) bool { return f.Text == "" })
}
