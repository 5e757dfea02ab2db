package account

import (
	"time"

	"tollgate/views/layout"
	"tollgate/views/ui"
)

// NoticesProps is what the page at /account/notices shows: what the person was
// told, newest first. Its forms send until to POST /account/notices/read, and
// nothing to POST /account/notices/{id}/read.
type NoticesProps struct {
	layout.Frame
	Lead  string
	Rows  []NoticeRow
	Until string // the newest they see, for the form that reads all; "" when nothing is new
	Pager ui.Pager
}

// A NoticeRow is one notice.
type NoticeRow struct {
	ID, Subject       string
	Paragraphs        []string
	Urgent, Read      bool
	At                time.Time // business time
	Ago               string
	LinkText, LinkURL string // "" without a link
	Mail              string // what became of its mail; "" when there is nothing to say
}
