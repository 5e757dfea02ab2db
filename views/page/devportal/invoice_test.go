package devportal_test

import (
	"time"

	"github.com/a-h/templ"

	"tollgate/money"
	"tollgate/views/page/devportal"
	"tollgate/views/ui"
)

func invoiceRows() []ui.InvoiceRow {
	row := func(number string, issued time.Time, state string, tone ui.Tone, minor int64) ui.InvoiceRow {
		return ui.InvoiceRow{
			Href: "/devportal/subscriptions/s1/invoice?id=in_" + number, Number: number, Issued: issued, For: "Weather v1, Gold", State: state, Tone: tone,
			Total: money.New(minor, usd), PDF: "https://pay.stripe.com/invoice/acct_1/test_1/pdf", Hosted: "https://invoice.stripe.com/i/acct_1/test_1",
		}
	}
	return []ui.InvoiceRow{
		row("NW-2026-0318", day(11, 14), "Open", ui.Attention, 4900), row("NW-2026-0261", day(10, 14), "Paid", ui.Good, 4900), row("NW-2026-0207", day(9, 14), "Void", ui.Quiet, 117222),
	}
}

func paid() ui.Invoice {
	return ui.Invoice{
		Number: "NW-2026-0318", State: "Paid", Tone: ui.Good, For: "Weather v1, Pay as you go",
		From: []string{"Northwind Weather Ltd", "United Kingdom"}, To: []string{"Ada Byron", "Harvest planner", "ada@example.com"},
		PeriodStart: day(10, 14), PeriodEnd: day(11, 14), Issued: day(11, 14), PaidAt: day(11, 14),
		Lines: []ui.InvoiceLine{
			{Text: "24,318 × Weather v1, Pay as you go", Quantity: "24,318", Unit: rate("0.002"), Amount: money.New(4864, usd), Start: day(10, 14), End: day(11, 14)},
			{Text: "Credit for the interruption on 3 Nov", Amount: money.New(-162, usd)},
		},
		Subtotal: money.New(4702, usd), Tax: money.New(0, usd), Total: money.New(4702, usd), Paid: money.New(4702, usd), ToPay: money.New(0, usd),
		PDF: "https://pay.stripe.com/invoice/acct_1/test_1/pdf", Hosted: "https://invoice.stripe.com/i/acct_1/test_1",
	}
}

func open() ui.Invoice {
	i := paid()
	i.State, i.Tone, i.PaidAt, i.NextAttempt, i.Paid = "Open", ui.Attention, time.Time{}, day(12, 11), money.New(0, usd)
	i.Credit, i.ToPay = money.New(702, usd), money.New(4000, usd)
	return i
}

func coming() *ui.Invoice {
	return &ui.Invoice{
		For: "Weather v1, Pay as you go", State: "Not final", Tone: ui.Quiet, PeriodStart: day(11, 14), PeriodEnd: day(12, 14),
		Lines:    []ui.InvoiceLine{{Text: "21,430 × Weather v1, Pay as you go", Unit: rate("0.002"), Amount: money.New(4286, usd), Start: day(11, 14), End: day(12, 14)}},
		Subtotal: money.New(4286, usd), Tax: money.New(0, usd), Total: money.New(4286, usd), Paid: money.New(0, usd), ToPay: money.New(4286, usd),
	}
}

// sheet returns what View Invoice opens for a subscription that runs, changed.
func sheet(change func(*devportal.InvoiceProps)) templ.Component {
	shown := paid()
	p := devportal.InvoiceProps{
		Frame: frame("Invoice NW-2026-0318", "/devportal/subscriptions", ui.Link{Href: "/devportal/subscriptions", Label: "My subscriptions"},
			ui.Link{Href: "/devportal/subscriptions/s2", Label: "Weather v1, Pay as you go"}, ui.Link{Label: "Invoice"}),
		ID: "s2", Name: "Weather v1, Pay as you go", TenantDomain: "carbon.super", Manages: true, Shown: &shown, Upcoming: coming(), Read: now, Past: invoiceRows()[1:],
	}
	change(&p)
	return devportal.Invoice(p)
}

func invoices() map[string]templ.Component {
	evilInvoice := ui.Invoice{
		Number: hostile, State: hostile, Tone: ui.Bad, For: hostile, From: []string{hostile, hostile}, To: []string{hostile}, PDF: "javascript:alert(1)", Hosted: "javascript:alert(1)",
		Lines: []ui.InvoiceLine{{Text: hostile, Quantity: hostile, Amount: money.New(1, usd)}},
	}
	evilRow := ui.InvoiceRow{Href: "javascript:alert(1)", Number: hostile, For: hostile, Who: hostile, State: hostile, Tone: ui.Quiet, PDF: "javascript:alert(1)", Hosted: "javascript:alert(1)"}
	return map[string]templ.Component{
		"invoice": sheet(func(*devportal.InvoiceProps) {}),
		"invoice_open": sheet(func(p *devportal.InvoiceProps) {
			unpaid := open()
			p.Shown, p.Past = &unpaid, nil
		}),
		"invoice_none_yet": sheet(func(p *devportal.InvoiceProps) {
			p.Shown, p.Past, p.Upcoming = nil, nil, nil
			p.ShownNote, p.UpcomingNote = "The first one is issued when the payment is completed.", "The first invoice is issued when the payment is completed."
		}),
		"invoice_no_preview": sheet(func(p *devportal.InvoiceProps) {
			p.Earlier, p.Upcoming = true, nil
			p.UpcomingNote = "Stripe does not answer right now, so the next invoice cannot be shown. Everything else on this page is as last read."
		}),
		"invoice_hostile": devportal.Invoice(devportal.InvoiceProps{
			Frame: evil(), ID: hostile, Name: hostile, TenantDomain: hostile, Manages: true, Shown: &evilInvoice, Upcoming: &evilInvoice, Past: []ui.InvoiceRow{evilRow},
		}),
		"invoices":         devportal.Invoices(devportal.InvoicesProps{Frame: frame("Invoices", "/devportal/invoices"), Rows: invoiceRows(), Pager: ui.Pager{Showing: "1 to 3", Next: "/devportal/invoices?after=3"}}),
		"invoices_empty":   devportal.Invoices(devportal.InvoicesProps{Frame: frame("Invoices", "/devportal/invoices")}),
		"invoices_hostile": devportal.Invoices(devportal.InvoicesProps{Frame: evil(), Rows: []ui.InvoiceRow{evilRow}}),
	}
}
