package sheet

import (
	"strings"

	"tollgate/billing"
	"tollgate/views/ui"
)

// troubles are what happened that somebody should look at.
var troubles = map[string]ui.Tone{
	"payment_failed": ui.Bad, "payment_action": ui.Attention, "blocked": ui.Bad, "dispute": ui.Bad, "duplicate": ui.Attention,
	"account_lost": ui.Bad, "end_refused": ui.Bad, "not_refunded": ui.Attention, "grace_began": ui.Attention,
}

// History returns a part of a timeline as people read it. invoice is where an invoice
// is shown, by its id.
func History(p billing.TimelinePage, invoice func(id string) string) []ui.Happening {
	var out []ui.Happening
	for _, e := range p.Rows {
		h := ui.Happening{At: e.At.Time(), Text: e.Text, Note: "by " + e.ActorName, Tone: troubles[e.Kind]}
		switch {
		case e.EventType != "":
			h.Note = "told by " + e.EventType
		case e.Actor == "stripe":
			h.Note = "read from Stripe"
		case e.Actor == "system":
			h.Note = ""
		}
		if e.LinkType == "invoice" && e.LinkID != "" && invoice != nil {
			h.Link, h.Word = invoice(e.LinkID), "View Invoice"
		}
		out = append(out, h)
	}
	return out
}

// FileName is what a download about something is called: small letters, digits and
// dashes only.
func FileName(about, what string) string {
	words := strings.FieldsFunc(strings.ToLower(about+" "+what), func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9') })
	return strings.Join(words, "-") + ".csv"
}
