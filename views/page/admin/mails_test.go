package admin_test

import (
	"testing"

	"tollgate/internal/golden"
	"tollgate/views/page/admin"
	"tollgate/views/ui"
)

func mailRows() []admin.MailRow {
	return []admin.MailRow{
		{ID: "m1", Subject: "The payment for City Weather failed", Name: "Ada Byron", To: "ada@example.com", At: now, Tone: ui.Bad, Word: "Failed", Reason: "550 5.1.1 No such person here", Again: true},
		{ID: "m2", Subject: "Your subscription has ended", Name: "Bob", At: morn, Tone: ui.Quiet, Word: "No mail", Reason: "Bob has no e-mail address.", Again: true},
		{ID: "m3", Subject: "Your plan has changed", Name: "Ada Byron", To: "ada@example.com", At: morn, Tone: ui.Good, Word: "Sent"},
	}
}

func TestMailPages(t *testing.T) {
	t.Parallel()
	filters := []ui.Link{{Href: "/admin/mails", Label: "All", Current: true}, {Href: "/admin/mails?state=failed", Label: "Failed"}}
	const server = "mail.example:587 as billing@acme.example"
	golden.HTML(t, "mails", admin.Mails(admin.MailsProps{
		Frame: inside("Mails", "/admin/mails"), Lead: "Mails are sent by " + server + ". 4 mails were kept before that.", Server: server, Kept: 4, Filters: filters,
		Rows: mailRows(), Pager: ui.Pager{Showing: "3 mails", Next: "/admin/mails?after=1.a"},
	}))
	golden.HTML(t, "mails_kept", admin.Mails(admin.MailsProps{
		Frame: inside("Mails", "/admin/mails"), Lead: "Mails are kept, not sent.", Kept: 1, Filters: filters, Pager: ui.Pager{Showing: "1 mail"},
		Rows: []admin.MailRow{{ID: "m1", Subject: "A test of your mails", Name: "Mara Quist", To: "mara@example.com", At: now, Tone: ui.Attention, Word: "Kept", Again: true}},
	}))
	golden.HTML(t, "mails_none", admin.Mails(admin.MailsProps{Frame: inside("Mails", "/admin/mails"), Server: server, Lead: "Mails are sent by " + server + ".", Filters: filters}))
	golden.HTML(t, "mails_narrowed", admin.Mails(admin.MailsProps{Frame: inside("Mails", "/admin/mails"), Server: server, Lead: "Mails are sent by " + server + ".", Filters: filters, Narrowed: true}))
	evilRow := admin.MailRow{ID: hostile, Subject: hostile, Name: hostile, To: hostile, At: now, Tone: ui.Bad, Word: hostile, Reason: hostile, Again: true}
	golden.HTML(t, "mails_hostile", admin.Mails(admin.MailsProps{Frame: evil(), Lead: hostile, Server: hostile, Kept: 1, Rows: []admin.MailRow{evilRow}}))
	golden.HTML(t, "mail", admin.Mail(admin.MailProps{
		Frame: inside("The payment for City Weather failed", "/admin/mails"), MailRow: mailRows()[0], Server: server, Lead: "The mail server refused it. Remove the reason, then send it again.",
		MessageID: "m1@portal.example", Text: "Acme APIs\n\nThe payment for City Weather failed\n",
	}))
	golden.HTML(t, "mail_sent", admin.Mail(admin.MailProps{
		Frame: inside("Your plan has changed", "/admin/mails"), MailRow: mailRows()[2], Server: server, Lead: "The mail server took this mail to ada@example.com.",
		Sent: now, MessageID: "m3@portal.example", Text: "Acme APIs\n\nYour plan has changed\n",
	}))
	golden.HTML(t, "mail_hostile", admin.Mail(admin.MailProps{Frame: evil(), MailRow: evilRow, Lead: hostile, MessageID: hostile, Text: hostile}))
}
