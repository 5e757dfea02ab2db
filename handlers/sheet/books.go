package sheet

import (
	"net/url"
	"time"

	"tollgate/billing"
	"tollgate/money"
	"tollgate/views/ui"
)

// monthForm is how addresses name a month.
const monthForm = "2006-01"

// firstYear is the first whose months can be asked for.
const firstYear = 2020

// MonthAsked reads a month as an address names it; what is none, or still to come,
// is the month of now.
func MonthAsked(text string, now time.Time) time.Time {
	this, _ := billing.MonthOf(now)
	asked, err := time.Parse(monthForm, text)
	if err != nil || asked.After(this) || asked.Year() < firstYear {
		return this
	}
	return asked
}

// Months is the choice of another month on the page at path. keep are names and
// values that its addresses keep.
func Months(path string, month, now time.Time, keep ...string) ui.Months {
	this, _ := billing.MonthOf(now)
	at := func(t time.Time) ui.Link {
		q := url.Values{"month": {t.Format(monthForm)}}
		for i := 0; i+1 < len(keep); i += 2 {
			if keep[i+1] != "" {
				q.Set(keep[i], keep[i+1])
			}
		}
		return ui.Link{Href: path + "?" + q.Encode(), Label: t.Format("January 2006")}
	}
	m := ui.Months{Action: path, Value: month.Format(monthForm), Before: at(month.AddDate(0, -1, 0))}
	for i := 0; i+1 < len(keep); i += 2 {
		if keep[i+1] != "" {
			m.Keep = append(m.Keep, ui.Hidden{Name: keep[i], Value: keep[i+1]})
		}
	}
	if next := month.AddDate(0, 1, 0); !next.After(this) {
		m.After = at(next)
	}
	return m
}

// BookFigures are the numbers that the page of a month begins with. Money has one for
// each currency.
func BookFigures(b billing.Book) []ui.Figure {
	t := b.Total
	out := []ui.Figure{
		{Name: "Calls", Text: ui.Count(t.Calls), Note: "answered by the APIs"},
		{Name: "Counted", Text: ui.Count(t.Counted), Note: ui.Plural(t.Units, "unit", "units")},
	}
	for _, m := range t.Takings {
		note := "all of it paid"
		if !m.Open.IsZero() {
			note = m.Open.String() + " not paid yet"
		}
		out = append(out, ui.Figure{Name: "Invoiced", Money: m.Invoiced, Note: ui.Plural(m.Invoices, "invoice", "invoices") + ", " + note})
	}
	if len(t.Takings) == 0 {
		out = append(out, ui.Figure{Name: "Invoiced", Text: "Nothing", Note: "no invoice has its date in this month"})
	}
	return out
}

// BookChart draws the calls of a month by day; nil when there was none.
func BookChart(b billing.Book, now time.Time) *ui.Chart {
	if b.Total.Calls == 0 {
		return nil
	}
	u := Use{ID: "calls", Span: Span{From: b.From, To: b.To}, Grain: ByDay, Now: now, Units: b.Total.Units != b.Total.Counted, Low: true}
	for _, d := range b.Days {
		u.Buckets = append(u.Buckets, Bucket{Start: d.Start, Calls: d.Calls, Counted: d.Counted, Units: d.Quantity})
	}
	c := u.Chart()
	return &c
}

// Sold puts a line of the books into a row.
func Sold(l billing.BookLine, name, about, href string) ui.SoldRow {
	r := ui.SoldRow{Name: name, About: about, Href: href, Calls: ui.Count(l.Calls), Counted: ui.Count(l.Counted), Units: ui.Count(l.Units)}
	for _, t := range l.Takings {
		r.Money = append(r.Money, ui.SoldMoney{Invoiced: t.Invoiced, Open: t.Open})
	}
	return r
}

// Takings puts months, the newest first, into rows, one for each currency; to is the
// address of a month. Months before the first one with an invoice are left out.
func Takings(all []billing.MonthTakings, to func(month string) string) []ui.TakingsRow {
	for len(all) > 1 && len(all[len(all)-1].Takings) == 0 {
		all = all[:len(all)-1]
	}
	var rows []ui.TakingsRow
	for _, m := range all {
		row := ui.TakingsRow{Month: m.Month.Format("January 2006"), Href: to(m.Month.Format(monthForm)), Invoices: "0", Nothing: true}
		if len(m.Takings) == 0 {
			rows = append(rows, row)
		}
		for _, t := range m.Takings {
			row.Nothing, row.Invoices = false, ui.Count(t.Invoices)
			row.Invoiced, row.Paid, row.Open, row.Lost = t.Invoiced, t.Paid, t.Open, t.Lost
			rows = append(rows, row)
		}
	}
	return rows
}

// BookHead is the head of a CSV of a month: one row for each subscription and
// currency, and the calls only in the first one of a subscription.
var BookHead = []string{
	"month", "api", "plan", "subscription", "subscriber", "application", "calls", "counted", "units",
	"currency", "invoices", "invoiced", "paid", "open", "given_up",
}

// BookCells are the subscriptions of a month under BookHead. Amounts are in major units.
func BookCells(b billing.Book) [][]string {
	var rows [][]string
	for _, l := range b.Subscriptions {
		begin := []string{b.From.Format(monthForm), l.API, l.Plan, l.UUID, l.Subscriber, l.Application}
		calls := []string{digits(l.Calls), digits(l.Counted), digits(l.Units)}
		if len(l.Takings) == 0 {
			rows = append(rows, append(append(begin, calls...), "", "", "", "", "", ""))
		}
		for i, t := range l.Takings {
			if i > 0 {
				calls = []string{"", "", ""}
			}
			row := append(append(begin[:6:6], calls...), t.Invoiced.Currency().String(), digits(t.Invoices))
			for _, a := range []money.Amount{t.Invoiced, t.Paid, t.Open, t.Lost} {
				row = append(row, a.Decimal())
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// BookName is what a month's CSV is called.
func BookName(b billing.Book) string { return "usage-" + b.From.Format(monthForm) + ".csv" }

// MonthUse are the numbers of one subscription in a month.
func MonthUse(b billing.Book) []ui.Figure {
	units := ui.Plural(b.Total.Units, "unit", "units")
	return []ui.Figure{
		{Name: "Calls", Text: ui.Count(b.Total.Calls)}, {Name: "Counted", Text: ui.Count(b.Total.Counted), Note: units},
		{Name: "Not counted", Text: ui.Count(b.Total.Calls - b.Total.Counted)},
	}
}
