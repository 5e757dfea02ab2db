package publisher

import (
	"tollgate/views/layout"
	"tollgate/views/ui"
)

// UsageProps is what the page at /publisher/usage shows: what was called and billed
// in a month. The parameters are month, api and by (api, plan or subscription).
type UsageProps struct {
	layout.Frame
	Lead    string
	Title   string // of one API; "" for all
	Months  ui.Months
	Figures []ui.Figure
	Chart   *ui.Chart // nil when there was no call
	By      []ui.Link
	Head    string // what the rows are
	Caption string
	Rows    []ui.SoldRow
	Note    string // below the rows; "" for none
	CSV     string
	NoAPI   bool // the publisher has none yet
}

// UnitsProps is what the page at /publisher/units shows.
type UnitsProps struct {
	layout.Frame
	Filters  []ui.Link
	Narrowed bool
	Rows     []ui.UnitsRow
	Pager    ui.Pager
	CSV      string
}

// UnitsOfProps is what the page at /publisher/units/{uuid} shows.
type UnitsOfProps struct {
	layout.Frame
	Heading string
	Body    ui.UnitsOf
}

// A MonthUse is what was called with a subscription in the month that is running.
type MonthUse struct {
	Month   string // December 2026
	Figures []ui.Figure
	Units   string // address of its units, followed to the invoice; "" for none
}
