package admin

import (
	"time"

	"github.com/a-h/templ"

	"tollgate/views/layout"
	"tollgate/views/ui"
)

// MailsProps is what the page at /admin/mails shows: what people were told, and
// what became of the mails. Its forms send nothing to POST /admin/mails/test and
// /admin/mails/send-kept; rows that say so have POST /admin/mails/{id}/again.
type MailsProps struct {
	layout.Frame
	Lead     string
	Server   string // that sends; "" when mails are kept
	Kept     int64
	Filters  []ui.Link
	Narrowed bool
	Rows     []MailRow
	Pager    ui.Pager
}

// A MailRow is one mail.
type MailRow struct {
	ID, Subject string
	Name, To    string // of whom it is for; To is "" without an address
	At          time.Time
	Tone        ui.Tone
	Word        string // Sent, Waiting, Kept, Failed, No mail
	Reason      string // why; "" when there is nothing to say
	Again       bool   // it could be sent again
}

// MailProps is what the page at /admin/mails/{id} shows. The mail itself is at
// /admin/mails/{id}/html.
type MailProps struct {
	layout.Frame
	MailRow
	Server    string
	Lead      string
	Sent      time.Time // zero: not
	MessageID string
	Text      string
}

// addressee is of whom the mail is for, with the address if there is one.
func (r MailRow) addressee() string {
	if r.To == "" {
		return r.Name
	}
	return r.Name + ", " + r.To
}

func mailURL(id string) templ.SafeURL { return templ.URL("/admin/mails/" + id) }
