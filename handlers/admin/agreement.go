package admin

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/models"
	"tollgate/usage"
	"tollgate/views/layout"
	page "tollgate/views/page/admin"
	"tollgate/views/ui"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// AgreementReader tells how far a tenant and Stripe agree.
type AgreementReader interface {
	Agreement(ctx context.Context, who accounts.Actor, limit int) (billing.Agreement, error)
}

// Agreement is the screen of where we and Stripe differ.
type Agreement struct {
	Reconciler interface {
		AgreementReader
		CompareNow(ctx context.Context, who accounts.Actor, patience time.Duration) error
	}
	Business func() time.Time
}

const agreementPath = "/admin/agreement"

// driftsDownloaded is how many differences of each sort a CSV has at most.
const driftsDownloaded = 10_000

// Show answers GET /admin/agreement.
func (h Agreement) Show(c *fiber.Ctx) error {
	a, err := h.Reconciler.Agreement(c.UserContext(), session.Actor(c), pageSize)
	if err != nil {
		return err
	}
	props := page.AgreementProps{Frame: respond.Frame(c, layout.Admin, "In agreement with Stripe", agreementPath), Unset: a.Account == "" && len(a.Comparisons) == 0}
	props.Tone, props.Word, props.Lead = agreementWords(a, h.Business())
	if more := a.OpenCount - int64(len(a.Open)); more > 0 {
		props.More = ui.Plural(more, "older difference is", "older differences are") + " in the CSV."
	}
	names := map[string]string{}
	for _, r := range a.Comparisons {
		names[r.Account] = accountWord(r)
		props.Comparisons = append(props.Comparisons, comparisonRow(r))
	}
	for _, d := range a.Open {
		props.Open = append(props.Open, driftRow(d, names, a.UUIDs))
	}
	for _, d := range a.Healed {
		props.Healed = append(props.Healed, driftRow(d, names, a.UUIDs))
	}
	return respond.Page(c, fiber.StatusOK, page.Agreement(props))
}

// agreementWords says in one sentence how far we agree.
func agreementWords(a billing.Agreement, now time.Time) (ui.Tone, string, string) {
	var closed int64
	for _, r := range a.Comparisons {
		if r.Problem != "" {
			closed++
		}
	}
	person := false
	for _, d := range a.Open {
		person = person || billing.CareOf(d) == billing.CarePerson
	}
	switch {
	case len(a.Comparisons) == 0:
		return ui.Quiet, "Not compared", "Nothing has been compared yet."
	case a.OpenCount > 0:
		lead := ui.Plural(a.OpenCount, "difference", "differences") + ", the oldest for " + ui.Duration(now.Sub(a.Oldest.Time())) + "."
		if person {
			return ui.Bad, "Needs you", lead + " At least one needs somebody to act."
		}
		return ui.Attention, "Differs", lead
	case closed > 0:
		return ui.Attention, "Partly compared", "No difference is known, but " + ui.Plural(closed, "comparison", "comparisons") + " did not succeed."
	case a.LastLooked.IsZero():
		return ui.Quiet, "Being compared", "The first comparison is under way."
	}
	return ui.Good, "In agreement", "What Stripe has and what is here are the same."
}

func accountWord(r billing.Comparison) string {
	switch {
	case r.Account == "":
		return "Your own account"
	case r.AccountName != "":
		return r.AccountName
	}
	return "An account given up"
}

// kindWords are what is compared, in words.
var kindWords = map[string]string{
	billing.CompareEvents: "Undelivered events", billing.CompareSubscriptions: "Subscriptions, customers, checkouts",
	billing.CompareCatalogue: "Products, prices, meters", billing.ComparePayments: "Refunds and disputes",
}

func comparisonRow(r billing.Comparison) page.ComparisonRow {
	row := page.ComparisonRow{
		Account: accountWord(r), AccountID: r.Account, What: kindWords[r.Kind], Tone: ui.Good, Word: "Compared", Problem: r.Problem,
		Finished: r.FinishedAt.Time(), Next: r.DueAt.Time(),
		Compared: ui.Count(int64(r.Compared)), Found: ui.Count(int64(r.Found)), Healed: ui.Count(int64(r.Healed)),
	}
	switch {
	case r.Problem != "":
		row.Tone, row.Word = ui.Bad, "Failed"
	case r.FinishedAt.IsZero():
		row.Tone, row.Word = ui.Quiet, "Not yet"
	}
	return row
}

// objectWords and fieldWords say what differs.
var (
	objectWords = map[string]string{
		"subscription": "Subscription", "customer": "Customer", "checkout.session": "Checkout", "product": "Product", "price": "Price",
		"billing.meter": "Meter", "refund": "Refund", "dispute": "Dispute",
		usage.DriftObject: "Units",
	}
	fieldWords = map[string]string{
		"status": "status", "period": "period", "cancel_at": "end", "collection": "payments", "collection_paused": "pause", "items": "prices",
		"quantity": "quantity", "discount": "discount", "metadata": "our mark", "customer": "who pays", "price": "price", "schedule": "planned change",
		"existence": "existence", "second": "a second one", "link": "a new one", "orphan": "an orphan", "active": "on sale", "name": "name", "amount": "amount",
		"ledger": "gateways and ledger", "windows": "ledger and windows", "units": "counted by Stripe", "invoice": "on the invoice", "unknown": "counted or not", "before change": "before an end or change",
	}
	careWords = map[billing.Care]struct {
		tone ui.Tone
		word string
	}{
		billing.CareOurs: {ui.Quiet, "By itself"}, billing.CareShown: {ui.Attention, "Shown only"}, billing.CarePerson: {ui.Bad, "Needs you"},
	}
)

func driftRow(d models.Drift, accounts map[string]string, uuids map[int64]string) page.DriftRow {
	care := careWords[billing.CareOf(d)]
	row := page.DriftRow{
		Name: d.Name, Kind: objectWords[d.ObjectType], ID: d.ObjectID, Account: accounts[d.Account], Field: fieldWords[d.Field],
		Ours: d.Ours, Theirs: d.Theirs, Tone: care.tone, Word: care.word, Remedy: d.Remedy, Since: d.FirstSeen.Time(), Healed: d.HealedAt.Time(),
	}
	if row.Account == "" {
		row.Account = d.Account
	}
	if uuid := uuids[d.AMSubscriptionID]; uuid != "" {
		row.Href = "/admin/subscriptions/" + uuid
		if d.ObjectType == usage.DriftObject {
			row.Href = unitsPath + "/" + uuid
		}
	}
	return row
}

// Compare answers POST /admin/agreement/compare.
func (h Agreement) Compare(c *fiber.Ctx) error {
	err := h.Reconciler.CompareNow(c.UserContext(), session.Actor(c), patience)
	return back(c, err, agreementPath, "Everything was compared. What differs is being put right where that can be done by itself.")
}

// CSV answers GET /admin/agreement.csv.
func (h Agreement) CSV(c *fiber.Ctx) error {
	a, err := h.Reconciler.Agreement(c.UserContext(), session.Actor(c), driftsDownloaded)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, d := range append(a.Open, a.Healed...) {
		rows = append(rows, []string{
			d.Account, d.ObjectType, d.ObjectID, d.Field, d.Name, d.Ours, d.Theirs, d.Remedy, stamp(d.FirstSeen), stamp(d.LastSeen), stamp(d.HealedAt),
		})
	}
	header := []string{"account", "object", "id", "field", "name", "ours", "stripe", "remedy", "first_seen", "last_seen", "healed_at"}
	return respond.CSV(c, "differences.csv", header, rows)
}

// stamp is an instant as RFC 3339 writes it; "" for none.
func stamp(at models.Instant) string {
	if at.IsZero() {
		return ""
	}
	return at.Time().Format(time.RFC3339)
}

// agreementHealth is the card of the overview.
func agreementHealth(a billing.Agreement, now time.Time) page.Health {
	h := page.Health{More: ui.Link{Href: agreementPath, Label: "In agreement with Stripe"}}
	h.Tone, h.Word, h.Sentence = agreementWords(a, now)
	h.Facts = []page.Fact{{Name: "Differences", Value: ui.Count(a.OpenCount)}, {Name: "Comparisons", Value: ui.Count(int64(len(a.Comparisons)))}}
	return h
}
