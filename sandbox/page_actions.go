package sandbox

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"tollgate/money"
	"tollgate/sandbox/views"
)

// A handAction is something that a person does to one kind of object.
type handAction struct {
	kind, name   string
	title, text  string
	button, done string
	danger       bool
	fields       []views.ActionField
	fits         func(o tree) bool // whether it can be done to the object as it is
	do           func(t *tx, id string, form url.Values) error
}

// is fits objects whose property has one of the values.
func is(property string, values ...any) func(tree) bool {
	return func(o tree) bool { return slices.Contains(values, o[property]) }
}

func both(a, b func(tree) bool) func(tree) bool {
	return func(o tree) bool { return a(o) && b(o) }
}

var (
	living     = is("status", subActive, subTrialing, subPastDue, subUnpaid, subIncomplete, subPaused)
	undecided  = is("status", disputeOpen, disputeReview, inquiryOpen, inquiryReview)
	onSchedule = func(o tree) bool { return o["schedule"] != nil }
	free       = func(o tree) bool { return o["schedule"] == nil }
)

// handActions are what can be done on the page of an object.
var handActions = slices.Concat(catalogueActions, subscriptionActions, moneyActions)

var catalogueActions = []handAction{
	{kind: "price", name: "archive", title: "Archive this price.", text: "Nobody can subscribe to it any more; who has it keeps it.", button: "Archive price", done: "The price is archived.",
		fits: is("active", true), do: func(t *tx, id string, _ url.Values) error { return t.activatePrice(id, false) }},
	{kind: "price", name: "activate", title: "Sell this price again.", button: "Activate price", done: "The price is on sale again.",
		fits: is("active", false), do: func(t *tx, id string, _ url.Values) error { return t.activatePrice(id, true) }},
	{kind: "product", name: "rename", title: "Rename this product.", button: "Rename product", done: "The product is renamed.",
		fields: []views.ActionField{{Name: "name", Label: "Name"}}, fits: func(tree) bool { return true },
		do: func(t *tx, id string, form url.Values) error {
			name := strings.TrimSpace(form.Get("name"))
			if name == "" || len(name) > 250 {
				return invalid("name", "Type a name of at most 250 characters.")
			}
			return t.editProduct(id, func(p *Product) { p.Name = name })
		}},
	{kind: "product", name: "archive", title: "Archive this product.", text: "Its prices stay as they are.", button: "Archive product", done: "The product is archived.",
		fits: is("active", true), do: func(t *tx, id string, _ url.Values) error {
			return t.editProduct(id, func(p *Product) { p.Active = false })
		}},
	{kind: "product", name: "activate", title: "Sell this product again.", button: "Activate product", done: "The product is on sale again.",
		fits: is("active", false), do: func(t *tx, id string, _ url.Values) error {
			return t.editProduct(id, func(p *Product) { p.Active = true })
		}},
	{kind: "customer", name: "delete", title: "Delete this customer.", text: "All their subscriptions end now, and their cards are gone.", button: "Delete customer", danger: true,
		fits: func(tree) bool { return true }, do: func(t *tx, id string, _ url.Values) error {
			c, err := get[Customer](t, id, "customer")
			if err != nil {
				return err
			}
			_, err = t.deleteCustomer(c)
			return err
		}},
}

var subscriptionActions = []handAction{
	{kind: "subscription", name: "cancel-later", title: "Cancel this subscription when its period ends.", button: "Cancel at period end", done: "The subscription ends when its period does.",
		fits: both(both(living, free), is("cancel_at", nil)), do: onSubscription(func(t *tx, s *Subscription, _ url.Values) error {
			t.cancelLater(s, s.period().end.Unix(), true)
			return t.change(s)
		})},
	{kind: "subscription", name: "keep", title: "Take the cancellation back.", button: "Don't cancel", done: "The subscription goes on.",
		fits: both(both(living, free), func(o tree) bool { return o["cancel_at"] != nil }), do: onSubscription(func(t *tx, s *Subscription, _ url.Values) error {
			s.keepOn()
			return t.change(s)
		})},
	{kind: "subscription", name: "pause", title: "Pause collection.", text: "The subscription stays active, and nobody pays.", button: "Pause collection", done: "Collection is paused.",
		fields: []views.ActionField{{Name: "behavior", Label: "Invoices meanwhile", Options: [][2]string{{"void", "are voided"}, {"keep_as_draft", "stay drafts"}, {"mark_uncollectible", "are marked uncollectible"}}}},
		fits:   both(living, is("pause_collection", nil)), do: onSubscription(func(t *tx, s *Subscription, form url.Values) error {
			behavior := form.Get("behavior")
			if !oneOf(behavior, []string{"void", "keep_as_draft", "mark_uncollectible"}) {
				return invalid("behavior", "Choose one of these.")
			}
			if err := t.applyPause(s, clearable[pauseParams]{Sent: true, Value: pauseParams{Behavior: behavior}}); err != nil {
				return err
			}
			return t.change(s)
		})},
	{kind: "subscription", name: "collect", title: "Collect again.", button: "Resume collection", done: "Invoices are collected again.",
		fits: both(living, func(o tree) bool { return o["pause_collection"] != nil }), do: onSubscription(func(t *tx, s *Subscription, _ url.Values) error {
			if err := t.applyPause(s, clearable[pauseParams]{Sent: true, Cleared: true}); err != nil {
				return err
			}
			return t.change(s)
		})},
	{kind: "subscription", name: "price", title: "Move this subscription to another price.", text: "Its first item, from now on.", button: "Change price", done: "The price is changed.",
		fields: []views.ActionField{{Name: "price", Label: "Price, such as price_…"},
			{Name: "proration", Label: "The difference", Options: [][2]string{{"create_prorations", "is on the next invoice"}, {"always_invoice", "is invoiced now"}, {"none", "is nobody's"}}}},
		fits: living, do: onSubscription(repriceByHand)},
	{kind: "subscription", name: "cancel", title: "Cancel this subscription now.", text: "It cannot be taken back.", button: "Cancel now", done: "The subscription is canceled.", danger: true,
		fields: []views.ActionField{{Name: "money", Label: "Money", Options: [][2]string{{"nothing", "bill nothing, give nothing back"}, {"settle", "bill what was used and give back the rest"}}}},
		fits:   living, do: onSubscription(func(t *tx, s *Subscription, form url.Values) error {
			settle := form.Get("money") == "settle"
			return t.cancelNow(s, settle, settle)
		})},
	{kind: "subscription_schedule", name: "release", title: "Release the subscription.", text: "What was planned does not happen; the subscription goes on as it is.", button: "Release", done: "The subscription is released.",
		fits: is("status", scheduleActive, scheduleWaits), do: func(t *tx, id string, _ url.Values) error {
			c, s, on, err := t.scheduleAndClock(id)
			if err != nil {
				return err
			}
			return on.release(c, s, false)
		}},
}

var moneyActions = []handAction{
	{kind: "charge", name: "refund", title: "Give money back.", button: "Refund", done: "The money is on its way back.",
		fields: []views.ActionField{{Name: "amount", Label: "Amount; empty for all that is left"}}, fits: both(is("paid", true), is("refunded", false)), do: refundByHand},
	{kind: "charge", name: "dispute", title: "Dispute this charge, as its holder's bank.", text: "The money leaves the account until it is decided.", button: "Dispute charge", done: "The charge is disputed.", danger: true,
		fields: []views.ActionField{{Name: "reason", Label: "Reason", Options: reasonOptions()}}, fits: both(is("paid", true), is("disputed", false)),
		do: func(t *tx, id string, form url.Values) error {
			if !oneOf(form.Get("reason"), disputeReasons) {
				return invalid("reason", "Choose one of these.")
			}
			c, err := get[Charge](t, id, "charge")
			if err != nil {
				return err
			}
			on, err := t.atCharge(c)
			if err != nil {
				return err
			}
			_, err = on.dispute(c, form.Get("reason"))
			return err
		}},
	{kind: "dispute", name: "win", title: "Decide for the account, as the bank.", text: "The money comes back.", button: "Won", done: "The dispute is decided.",
		fits: undecided, do: decideByHand(disputeWon)},
	{kind: "dispute", name: "lose", title: "Decide for the holder, as the bank.", text: "The money stays with them.", button: "Lost", done: "The dispute is decided.",
		fits: undecided, do: decideByHand(disputeLost)},
	{kind: "invoice", name: "void", title: "Void this invoice.", text: "Nobody owes it any more.", button: "Void invoice", done: "The invoice is void.", danger: true,
		fits: is("status", invoiceOpen, invoiceUncollectible), do: onInvoice((*tx).voidNow)},
	{kind: "invoice", name: "give-up", title: "Mark this invoice uncollectible.", text: "Its subscription goes on as if it were paid.", button: "Mark uncollectible", done: "The invoice is uncollectible.",
		fits: is("status", invoiceOpen), do: onInvoice((*tx).giveUpNow)},
}

func reasonOptions() [][2]string {
	var out [][2]string
	for _, r := range disputeReasons {
		out = append(out, [2]string{r, spell(r)})
	}
	return out
}

func decideByHand(status string) func(*tx, string, url.Values) error {
	return func(t *tx, id string, _ url.Values) error {
		_, err := t.decideByID(id, status)
		return err
	}
}

// onSubscription is fn on a living subscription at the time that it goes by.
func onSubscription(fn func(*tx, *Subscription, url.Values) error) func(*tx, string, url.Values) error {
	return func(t *tx, id string, form url.Values) error {
		s, err := get[Subscription](t, id, "subscription")
		if err != nil {
			return err
		}
		on, err := t.onClock(s.clock())
		if err != nil {
			return err
		}
		return fn(on, s, form)
	}
}

func onInvoice(fn func(*tx, *Invoice) error) func(*tx, string, url.Values) error {
	return func(t *tx, id string, _ url.Values) error {
		i, err := get[Invoice](t, id, "invoice")
		if err != nil {
			return err
		}
		on, err := t.onClock(i.clock())
		if err != nil {
			return err
		}
		return fn(on, i)
	}
}

// repriceByHand changes the price of a subscription's first item, as an update by
// the API would.
func repriceByHand(t *tx, s *Subscription, form url.Values) error {
	behavior := form.Get("proration")
	if !oneOf(behavior, []string{"create_prorations", "always_invoice", "none"}) {
		return invalid("proration", "Choose one of these.")
	}
	in := subscriptionUpdate{subscriptionParams: subscriptionParams{ProrationBehavior: behavior, OffSession: true,
		Items: []itemParams{{ID: s.Items.Data[0].ID, Price: strings.TrimSpace(form.Get("price"))}}}}
	if in.Items[0].Price == "" {
		return invalid("price", "Type the id of a price; the page of prices lists them.")
	}
	err := t.update(s, in)
	if e, ok := errors.AsType[*apiError](err); ok && strings.HasPrefix(e.Param, "items[0]") {
		return invalid("price", "%s", e.Message)
	}
	return err
}

func refundByHand(t *tx, id string, form url.Values) error {
	c, err := get[Charge](t, id, "charge")
	if err != nil {
		return err
	}
	on, err := t.atCharge(c)
	if err != nil {
		return err
	}
	var amount *int64
	if typed := strings.TrimSpace(form.Get("amount")); typed != "" {
		sum, err := money.ParseAmount(typed, money.MustCurrency(c.Currency))
		if err != nil || sum.Minor() < 1 {
			return invalid("amount", "Type an amount such as 12.50.")
		}
		minor := sum.Minor()
		amount = &minor
	}
	_, err = on.refund(c, amount, nil, map[string]string{})
	return err
}

// actionsOf are the forms on the page of an object. What was tried and refused
// shows what was typed.
func actionsOf(account, kind, id string, o tree, tried trial) []views.Action {
	var out []views.Action
	for _, a := range handActions {
		if a.kind != kind || !a.fits(o) {
			continue
		}
		shown := views.Action{Name: a.name, Title: a.title, Text: a.text, Button: a.button, Danger: a.danger, Fields: slices.Clone(a.fields),
			To: "/dashboard/" + account + "/" + kind + "/" + url.PathEscape(id) + "/" + a.name}
		for n := range shown.Fields {
			f := &shown.Fields[n]
			if v, ok := o[f.Name].(string); ok {
				f.Value = v
			}
			if a.name != tried.action {
				continue
			}
			if f.Value = tried.form.Get(f.Name); tried.why.Param == f.Name {
				f.Problem = tried.why.Message
			}
		}
		out = append(out, shown)
	}
	return out
}

// takeAction does what somebody asked for on the page of an object.
func (s *Server) takeAction(w http.ResponseWriter, r *http.Request) {
	account, kind, id, name := r.PathValue("account"), r.PathValue("kind"), r.PathValue("id"), r.PathValue("action")
	n := slices.IndexFunc(handActions, func(a handAction) bool { return a.kind == kind && a.name == name })
	if n < 0 {
		s.gone(w, r, "There is no such page", "The dashboard knows no such action.")
		return
	}
	a := handActions[n]
	if err := r.ParseForm(); err != nil {
		s.failed(w, r, invalid("", "The form could not be read."))
		return
	}
	err := s.write(r.Context(), account, func(t *tx) error {
		o, err := t.objectTree(kind, id)
		if err != nil {
			return err
		}
		if !a.fits(o) {
			return invalid("", "This is not possible any more: it has changed meanwhile.")
		}
		return a.do(t, id, r.PostForm)
	})
	if e, ok := errors.AsType[*apiError](err); ok {
		s.objectPage(w, r, account, kind, id, trial{name, r.PostForm, e})
		return
	}
	if err != nil {
		s.failed(w, r, err)
		return
	}
	to := "/dashboard/" + account + "/" + kind
	if a.done != "" {
		to += "/" + url.PathEscape(id) + "?done=" + name
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// objectTree is the document of a live object.
func (t *tx) objectTree(kind, id string) (tree, error) {
	doc, err := t.doc(kind, id)
	if err != nil {
		return nil, err
	}
	planted, err := parseJSON(doc)
	o, ok := planted.(tree)
	if doc == nil || err != nil || !ok || o["deleted"] == true {
		return nil, notFound(kind, id, "")
	}
	return o, nil
}

// doneWords says what an action has done.
func doneWords(kind, name string) string {
	if name == "sent" {
		return "Sent again. The table shows how it was answered."
	}
	for _, a := range handActions {
		if a.kind == kind && a.name == name {
			return a.done
		}
	}
	return ""
}
