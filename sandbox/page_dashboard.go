package sandbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"tollgate/money"
	"tollgate/sandbox/views"
)

// dashboardPages are the pages for whoever builds against the sandbox.
var dashboardPages = []pageRoute{
	{"GET /{$}", (*Server).showAccounts},
	{"GET /dashboard/{account}", (*Server).showAccount},
	{"GET /dashboard/{account}/{kind}", (*Server).showKind},
	{"GET /dashboard/{account}/{kind}/{id}", (*Server).showObject},
	{"POST /dashboard/{account}/event/{id}/resend", (*Server).sendAgain},
	{"POST /dashboard/{account}/{kind}/{id}/{action}", (*Server).takeAction},
	{"GET /dashboard/{account}/logs", (*Server).showLogs},
	{"GET /dashboard/{account}/logs/{id}", (*Server).showLog},
}

// A section is a kind of object as the dashboard lists it.
type section struct {
	kind, text string
	heads      []string
	cells      []string // paths into the object, after its id
}

var sections = []section{
	{"customer", "Customers", []string{"Customer", "Name", "E-mail", "Created"}, []string{"name", "email", "created"}},
	{"subscription", "Subscriptions", []string{"Subscription", "State", "Customer", "Period ends", "Ends"}, []string{"status", "customer", "items.data.0.current_period_end", "cancel_at"}},
	{"subscription_schedule", "Schedules", []string{"Schedule", "State", "Subscription", "Phase ends", "Then"}, []string{"status", "subscription", "current_phase.end_date", "end_behavior"}},
	{"invoice", "Invoices", []string{"Invoice", "Number", "State", "Total", "Created"}, []string{"number", "status", "total", "created"}},
	{"checkout.session", "Checkouts", []string{"Session", "State", "Payment", "Total", "Created"}, []string{"status", "payment_status", "amount_total", "created"}},
	{"payment_intent", "Payments", []string{"Payment", "State", "Amount", "Created"}, []string{"status", "amount", "created"}},
	{"charge", "Charges", []string{"Charge", "State", "Amount", "Given back", "Disputed", "Created"}, []string{"status", "amount", "amount_refunded", "disputed", "created"}},
	{"refund", "Refunds", []string{"Refund", "Charge", "Amount", "Created"}, []string{"charge", "amount", "created"}},
	{"dispute", "Disputes", []string{"Dispute", "State", "Charge", "Reason", "Amount", "Answer by"}, []string{"status", "charge", "reason", "amount", "evidence_details.due_by"}},
	{"product", "Products", []string{"Product", "Name", "Active", "Created"}, []string{"name", "active", "created"}},
	{"price", "Prices", []string{"Price", "Product", "Unit amount", "Active", "Created"}, []string{"product", "unit_amount_decimal", "active", "created"}},
	{"billing.meter", "Meters", []string{"Meter", "Name", "Event", "State"}, []string{"display_name", "event_name", "status"}},
	{"webhook_endpoint", "Webhooks", []string{"Endpoint", "Address", "State"}, []string{"url", "status"}},
	{"event", "Events", []string{"Event", "Type", "Created"}, []string{"type", "created"}},
	{"v2.core.event_destination", "Event destinations", []string{"Destination", "Name", "Address", "State"}, []string{"name", "_url", "status"}},
	{"v2.core.event", "Thin events", []string{"Event", "Type", "Created"}, []string{"type", "created"}},
}

// shownObjects is how many objects a page lists.
const shownObjects = 100

func (s *Server) showAccounts(w http.ResponseWriter, r *http.Request) {
	lines, err := s.platforms(r.Context())
	if err != nil {
		s.failed(w, r, err)
		return
	}
	p := views.DashboardProps{Title: "Accounts", Lead: "A secret test key opens a platform account of its own at first use. What one key makes, another never sees."}
	t := views.Table{Caption: "Platform accounts, newest first", Heads: []string{"Account", "Key", "Connected accounts", "Opened"},
		Empty: "No key was used yet. Point a Stripe client at this address with any key such as sk_test_0123456789abcdef."}
	for _, l := range lines {
		n, err := s.countOf(r.Context(), l.Account, "account")
		if err != nil {
			s.failed(w, r, err)
			return
		}
		t.Rows = append(t.Rows, []views.Cell{{Text: l.Account, Href: "/dashboard/" + l.Account}, {Text: l.Key, ID: true}, {Text: strconv.Itoa(n)}, {Text: when(l.Opened.Unix())}})
	}
	p.Tables = []views.Table{t}
	s.page(w, r, http.StatusOK, views.Dashboard(p))
}

// countOf is how many live objects of a kind an account has.
func (s *Server) countOf(ctx context.Context, account, kind string) (n int, err error) {
	err = s.read(ctx, account, func(t *tx) error {
		_, err := t.scan(`SELECT COUNT(*) FROM objects WHERE account = ? AND type = ? AND deleted = 0`, []any{account, kind}, &n)
		return err
	})
	return n, err
}

// tabs lead through what an account holds.
func (s *Server) tabs(ctx context.Context, account, current string) ([]views.Link, error) {
	tabs := []views.Link{{Href: "/dashboard/" + account, Text: "Overview", Current: current == ""}}
	for _, x := range sections {
		n, err := s.countOf(ctx, account, x.kind)
		if err != nil {
			return nil, err
		}
		tabs = append(tabs, views.Link{Href: "/dashboard/" + account + "/" + x.kind, Text: x.text, Count: strconv.Itoa(n), Current: x.kind == current})
	}
	tabs = append(tabs, views.Link{Href: "/dashboard/" + account + "/logs", Text: "API calls", Current: current == "logs"})
	return append(tabs, views.Link{Href: "/dashboard/" + account + "/settings", Text: "Settings", Current: current == "settings"}), nil
}

func (s *Server) showAccount(w http.ResponseWriter, r *http.Request) {
	account := r.PathValue("account")
	h, err := s.homeOf(r.Context(), account)
	if err != nil {
		s.gone(w, r, "There is no such account", "No key has opened it, and nobody has made it.")
		return
	}
	p := views.DashboardProps{Title: account, Crumbs: s.crumbs(h, "")}
	if p.Tabs, err = s.tabs(r.Context(), account, ""); err != nil {
		s.failed(w, r, err)
		return
	}
	name, err := s.seller(r, account)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	if name != account {
		p.Lead = name
	}
	var access bool
	if err := s.read(r.Context(), account, func(t *tx) error {
		gone, err := t.revoked(h)
		access = !gone
		return err
	}); err != nil {
		s.failed(w, r, err)
		return
	}
	p.Facts = []views.Fact{{Term: "API version", Text: string(h.Version)}}
	if h.Platform != account {
		p.Facts = append(p.Facts, views.Fact{Term: "Connected to", Text: h.Platform, Href: "/dashboard/" + h.Platform})
		p.Actions = append(p.Actions, accessAction(account, access))
		if !access {
			p.Facts[len(p.Facts)-1].Term = "Was connected to"
		}
	}
	if err := s.read(r.Context(), account, func(t *tx) error { return t.overview(&p, h) }); err != nil {
		s.failed(w, r, err)
		return
	}
	s.page(w, r, http.StatusOK, views.Dashboard(p))
}

// overview adds what stands out of an account: whether it may charge, and the
// accounts connected to it.
func (t *tx) overview(p *views.DashboardProps, h home) error {
	own, err := t.ownAccount()
	if err != nil {
		return err
	}
	if own != nil {
		p.Facts = append(p.Facts, yes("Charges", own.ChargesEnabled), yes("Payouts", own.PayoutsEnabled), views.Fact{Term: "Country", Text: own.Country})
	}
	if h.Platform != t.account {
		return nil
	}
	connected, err := all[Account](t)
	if err != nil {
		return err
	}
	list := views.Table{Caption: "Connected accounts", Heads: []string{"Account", "Name", "Charges"}, Empty: "No account is connected. POST /v1/accounts makes one."}
	for _, a := range connected {
		if a.ID != t.account {
			f := yes("", a.ChargesEnabled)
			if a.Revoked {
				f = views.Fact{Text: "Disconnected", Tone: "quiet"}
			}
			list.Rows = append(list.Rows, []views.Cell{{Text: a.ID, Href: "/dashboard/" + a.ID}, {Text: text(a.displayName())}, {Text: f.Text, Tone: f.Tone}})
		}
	}
	p.Tables = append(p.Tables, list)
	return nil
}

func yes(term string, on bool) views.Fact {
	if on {
		return views.Fact{Term: term, Text: "Enabled", Tone: "good"}
	}
	return views.Fact{Term: term, Text: "Not enabled", Tone: "attention"}
}

// crumbs are the way to a page of an account.
func (s *Server) crumbs(h home, section string) []views.Link {
	out := []views.Link{{Href: "/", Text: "Accounts"}}
	if h.Platform != h.ID {
		out = append(out, views.Link{Href: "/dashboard/" + h.Platform, Text: h.Platform})
	}
	if section != "" {
		out = append(out, views.Link{Href: "/dashboard/" + h.ID, Text: h.ID})
	}
	return out
}

func sectionOf(kind string) (section, bool) {
	for _, x := range sections {
		if x.kind == kind {
			return x, true
		}
	}
	return section{}, false
}

func (s *Server) showKind(w http.ResponseWriter, r *http.Request) {
	account, kind := r.PathValue("account"), r.PathValue("kind")
	h, err := s.homeOf(r.Context(), account)
	x, known := sectionOf(kind)
	if err != nil || !known {
		s.gone(w, r, "There is no such page", "The dashboard lists customers, subscriptions, invoices and the like of an account.")
		return
	}
	p := views.DashboardProps{Title: x.text, Crumbs: s.crumbs(h, kind)}
	if p.Tabs, err = s.tabs(r.Context(), account, kind); err != nil {
		s.failed(w, r, err)
		return
	}
	t := views.Table{Caption: x.text + ", newest first", Heads: x.heads, Empty: "There are none."}
	err = s.read(r.Context(), account, func(tx *tx) error {
		docs, err := rows(tx, func(row *sql.Rows, d *string) error { return row.Scan(d) },
			`SELECT doc FROM objects WHERE account = ? AND type = ? AND deleted = 0 ORDER BY seq DESC LIMIT ?`, account, kind, shownObjects)
		for _, d := range docs {
			t.Rows = append(t.Rows, x.row(account, d))
		}
		if p.Tables = append(p.Tables, t); err != nil || kind != "billing.meter" {
			return err
		}
		lost, err := tx.usageTable("")
		if len(lost.Rows) > 0 {
			p.Tables = append(p.Tables, lost)
		}
		return err
	})
	if err == nil && kind == "webhook_endpoint" {
		var sent views.Table
		sent, err = s.sent(r.Context(), account, "")
		p.Tables = append(p.Tables, sent)
	}
	if err != nil {
		s.failed(w, r, err)
		return
	}
	s.page(w, r, http.StatusOK, views.Dashboard(p))
}

// row is one object of a section.
func (x section) row(account, doc string) []views.Cell {
	planted, err := parseJSON([]byte(doc))
	o, ok := planted.(tree)
	if err != nil || !ok {
		return []views.Cell{{Text: "An object that cannot be read"}}
	}
	id, _ := o["id"].(string)
	cells := []views.Cell{{Text: id, Href: "/dashboard/" + account + "/" + x.kind + "/" + id}}
	for _, path := range x.cells {
		cells = append(cells, shown(o, path))
	}
	return cells
}

// shown is one property of an object as people read it.
func shown(o tree, path string) views.Cell {
	var v any = o
	for part := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case tree:
			v = in[part]
		case []any:
			n, err := strconv.Atoi(part)
			if v = nil; err == nil && n < len(in) {
				v = in[n]
			}
		}
	}
	name := path[strings.LastIndex(path, ".")+1:]
	switch v := v.(type) {
	case nil:
		return views.Cell{}
	case bool:
		return views.Cell{Text: map[bool]string{true: "Yes", false: "No"}[v]}
	case string:
		if name == "status" || name == "payment_status" {
			return views.Cell{Text: spell(v), Tone: either(tones[v], "quiet")}
		}
		return views.Cell{Text: v}
	case json.Number:
		return number(o, name, v)
	}
	return views.Cell{}
}

// number is a number as an instant, or as money in the object's currency.
func number(o tree, name string, v json.Number) views.Cell {
	n, err := v.Int64()
	if err != nil {
		return views.Cell{Text: v.String()}
	}
	if strings.Contains(name, "amount") || name == "total" {
		code, _ := o["currency"].(string)
		if c, err := money.ParseCurrency(code); err == nil {
			return views.Cell{Text: money.New(n, c).String(), Number: true}
		}
	}
	return views.Cell{Text: when(n)}
}
