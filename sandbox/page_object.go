package sandbox

import (
	"context"
	"database/sql"
	"net/http"
	"net/url"

	"tollgate/sandbox/views"
)

// A trial is an action that was tried on an object's page and refused.
type trial struct {
	action string
	form   url.Values
	why    *apiError
}

// field reports whether what was wrong is said at a field of the form.
func (a trial) field(kind string) bool {
	for _, one := range handActions {
		if one.kind != kind || one.name != a.action {
			continue
		}
		for _, f := range one.fields {
			if f.Name == a.why.Param {
				return true
			}
		}
	}
	return false
}

func (s *Server) showObject(w http.ResponseWriter, r *http.Request) {
	s.objectPage(w, r, r.PathValue("account"), r.PathValue("kind"), r.PathValue("id"), trial{})
}

// objectPage is the page of one object, with what is wrong with what was tried.
func (s *Server) objectPage(w http.ResponseWriter, r *http.Request, account, kind, id string, tried trial) {
	h, err := s.homeOf(r.Context(), account)
	x, known := sectionOf(kind)
	if err != nil || !known {
		s.gone(w, r, "There is no such page", "The dashboard lists customers, subscriptions, invoices and the like of an account.")
		return
	}
	p := views.DashboardProps{Title: id, Crumbs: append(s.crumbs(h, kind), views.Link{Href: "/dashboard/" + account + "/" + kind, Text: x.text})}
	var found bool
	err = s.read(r.Context(), account, func(t *tx) error {
		doc, err := t.doc(kind, id)
		if found = doc != nil; err != nil || !found {
			return err
		}
		p.DocTitle = "As the API answers it"
		if p.Document, p.Facts, err = t.document(kind, doc, h.Version); err != nil {
			return err
		}
		if o, err := t.objectTree(kind, id); err == nil { // what is deleted has no actions
			p.Actions = actionsOf(account, kind, id, o, tried)
		}
		return nil
	})
	if err == nil && found {
		err = s.about(r.Context(), &p, account, kind, id)
	}
	switch {
	case err != nil:
		s.failed(w, r, err)
	case !found:
		s.gone(w, r, "There is no such object", "It was never made, or it was deleted.")
	default:
		s.page(w, r, tried.status(&p, kind), views.Dashboard(said(p, kind, r.URL.Query().Get("done"))))
	}
}

// status is the status of the page after the trial; what has no field is said on top.
func (a trial) status(p *views.DashboardProps, kind string) int {
	switch {
	case a.why == nil:
		return http.StatusOK
	case a.field(kind):
		return http.StatusUnprocessableEntity
	}
	p.Problem = a.why.Message
	return http.StatusConflict
}

// said is p with what was just done.
func said(p views.DashboardProps, kind, done string) views.DashboardProps {
	if p.Problem == "" {
		p.Said = doneWords(kind, done)
	}
	return p
}

// document is an object as the API answers it, and the page that customers see of it.
func (t *tx) document(kind string, doc []byte, at version) (text string, facts []views.Fact, err error) {
	planted, err := parseJSON(doc)
	if err != nil {
		return "", nil, err
	}
	if err := t.complete(planted); err != nil {
		return "", nil, err
	}
	if kind != "event" {
		if err := t.s.shape(planted, at); err != nil {
			return "", nil, err
		}
	}
	page := map[string]string{"checkout.session": "url", "invoice": "hosted_invoice_url"}[kind]
	if o, ok := planted.(tree); ok && page != "" {
		if address, ok := o[page].(string); ok {
			facts = append(facts, views.Fact{Term: "Customer's page", Text: address, Href: address})
		}
	}
	return string(encode(planted)), facts, nil
}

// about adds what belongs to an object: the deliveries of an event, the events of
// anything else.
func (s *Server) about(ctx context.Context, p *views.DashboardProps, account, kind, id string) error {
	if kind == "v2.core.event" {
		sent, err := s.sent(ctx, account, id)
		p.Tables = append(p.Tables, sent)
		return err
	}
	if kind == "event" {
		sent, err := s.sent(ctx, account, id)
		p.Tables, p.Action, p.ActionText = append(p.Tables, sent), "/dashboard/"+account+"/event/"+url.PathEscape(id)+"/resend", "Send again"
		return err
	}
	p.Facts = append(p.Facts, secretFact(account, kind, id)...)
	t := views.Table{Caption: "Events about it, newest first", Heads: []string{"Event", "Type", "When"}, Empty: "Nothing was told about it."}
	err := s.read(ctx, account, func(tx *tx) error {
		if kind == "billing.meter" {
			use, err := tx.meterTables(id)
			if p.Tables = append(p.Tables, use...); err != nil {
				return err
			}
		}
		docs, err := rows(tx, func(row *sql.Rows, d *string) error { return row.Scan(d) },
			`SELECT doc FROM objects WHERE account = ? AND type = 'event' AND json_extract(doc, '$.data.object.id') = ? ORDER BY seq DESC LIMIT ?`, account, id, shownObjects)
		events, _ := sectionOf("event")
		for _, d := range docs {
			t.Rows = append(t.Rows, events.row(account, d))
		}
		return err
	})
	p.Tables = append(p.Tables, t)
	return err
}
