package admin

import (
	"time"

	"tollgate/views/layout"
	"tollgate/views/ui"
)

// AgreementProps is what the page at /admin/agreement shows: how far we and Stripe
// agree. Its form sends nothing to POST /admin/agreement/compare.
type AgreementProps struct {
	layout.Frame
	Tone        ui.Tone
	Word        string // on the badge
	Lead        string // one sentence of state
	Unset       bool   // no Stripe account is set, so there is nothing to compare with
	More        string // how many open differences are not shown; "" when all are
	Open        []DriftRow
	Healed      []DriftRow
	Comparisons []ComparisonRow
}

// A DriftRow is one difference.
type DriftRow struct {
	Name, Kind, ID string // of the object; Kind is in words
	Href           string // of the subscription that it is about; "" for none
	Account        string // in words
	Field          string // in words
	Ours, Theirs   string
	Tone           ui.Tone
	Word           string // who ends it
	Remedy         string
	Since, Healed  time.Time
}

// A ComparisonRow is how the last comparison of one kind with one account went.
type ComparisonRow struct {
	Account, AccountID string
	What               string
	Tone               ui.Tone
	Word               string
	Problem            string // "" when it went well
	Finished, Next     time.Time
	Compared           string
	Found, Healed      string
}
