package sandbox

import (
	"encoding/json"
	"time"

	"tollgate/money"
)

// An Invoice is what a customer is asked to pay, and what became of it.
type Invoice struct {
	base
	AccountCountry           *string            `json:"account_country"`
	AccountName              *string            `json:"account_name"`
	AccountTaxIDs            []string           `json:"account_tax_ids"`
	AmountDue                int64              `json:"amount_due"`
	AmountOverpaid           int64              `json:"amount_overpaid"`
	AmountPaid               int64              `json:"amount_paid"`
	AmountPaidOffStripe      int64              `json:"amount_paid_off_stripe"`
	AmountRemaining          int64              `json:"amount_remaining"`
	AmountShipping           int64              `json:"amount_shipping"`
	Application              *string            `json:"application"`
	AttemptCount             int64              `json:"attempt_count"`
	Attempted                bool               `json:"attempted"`
	AutoAdvance              bool               `json:"auto_advance"`
	AutomaticTax             invoiceTax         `json:"automatic_tax"`
	AutomaticallyFinalizesAt *int64             `json:"automatically_finalizes_at"`
	BillingReason            string             `json:"billing_reason"`
	CollectionMethod         string             `json:"collection_method"`
	Created                  int64              `json:"created"`
	Currency                 string             `json:"currency"`
	CustomFields             []customField      `json:"custom_fields"`
	Customer                 string             `json:"customer"`
	CustomerAddress          *address           `json:"customer_address"`
	CustomerEmail            *string            `json:"customer_email"`
	CustomerName             *string            `json:"customer_name"`
	CustomerPhone            *string            `json:"customer_phone"`
	CustomerShipping         *shipping          `json:"customer_shipping"`
	CustomerTaxExempt        string             `json:"customer_tax_exempt"`
	CustomerTaxIDs           []struct{}         `json:"customer_tax_ids"`
	DefaultPaymentMethod     *string            `json:"default_payment_method"`
	DefaultSource            *string            `json:"default_source"`
	DefaultTaxRates          []struct{}         `json:"default_tax_rates"`
	Description              *string            `json:"description"`
	Discounts                []string           `json:"discounts"`
	DueDate                  *int64             `json:"due_date"`
	EffectiveAt              *int64             `json:"effective_at"`
	EndingBalance            *int64             `json:"ending_balance"`
	Footer                   *string            `json:"footer"`
	FromInvoice              *struct{}          `json:"from_invoice"`
	HostedInvoiceURL         *string            `json:"hosted_invoice_url"`
	InvoicePDF               *string            `json:"invoice_pdf"`
	Issuer                   reference          `json:"issuer"`
	LastFinalizationError    *struct{}          `json:"last_finalization_error"`
	LatestRevision           *string            `json:"latest_revision"`
	Lines                    lineList           `json:"lines"`
	Livemode                 bool               `json:"livemode"`
	Metadata                 map[string]string  `json:"metadata"`
	NextPaymentAttempt       *int64             `json:"next_payment_attempt"`
	Number                   *string            `json:"number"`
	OnBehalfOf               *string            `json:"on_behalf_of"`
	Parent                   *invoiceParent     `json:"parent"`
	PaymentSettings          invoicePaying      `json:"payment_settings"`
	PeriodEnd                int64              `json:"period_end"`
	PeriodStart              int64              `json:"period_start"`
	PostPaymentCreditNotes   int64              `json:"post_payment_credit_notes_amount"`
	PrePaymentCreditNotes    int64              `json:"pre_payment_credit_notes_amount"`
	ReceiptNumber            *string            `json:"receipt_number"`
	Rendering                *struct{}          `json:"rendering"`
	ShippingCost             *struct{}          `json:"shipping_cost"`
	ShippingDetails          *struct{}          `json:"shipping_details"`
	StartingBalance          int64              `json:"starting_balance"`
	StatementDescriptor      *string            `json:"statement_descriptor"`
	Status                   string             `json:"status"`
	StatusTransitions        invoiceTransitions `json:"status_transitions"`
	Subtotal                 int64              `json:"subtotal"`
	SubtotalExcludingTax     int64              `json:"subtotal_excluding_tax"`
	TestClock                *string            `json:"test_clock"`
	Total                    int64              `json:"total"`
	TotalDiscountAmounts     []struct{}         `json:"total_discount_amounts"`
	TotalExcludingTax        int64              `json:"total_excluding_tax"`
	TotalPretaxCreditAmounts []struct{}         `json:"total_pretax_credit_amounts"`
	TotalTaxes               []struct{}         `json:"total_taxes"`
	WebhooksDeliveredAt      *int64             `json:"webhooks_delivered_at"`
	Token                    string             `json:"_token"`             // of its hosted page
	PaymentIntent            string             `json:"_payment_intent"`    // "" while there is none
	Retries                  int                `json:"_retries"`           // automatic attempts after the first
	Refused                  string             `json:"_refused,omitempty"` // the card that a bank refused for good
	FeePercent               *json.Number       `json:"_fee_percent"`       // the platform's share, nil for none
}

type invoiceTax struct {
	DisabledReason *string   `json:"disabled_reason"`
	Enabled        bool      `json:"enabled"`
	Liability      *struct{} `json:"liability"`
	Provider       *string   `json:"provider"`
	Status         *string   `json:"status"`
}

type invoicePaying struct {
	DefaultMandate *string   `json:"default_mandate"`
	MethodOptions  *struct{} `json:"payment_method_options"`
	MethodTypes    []string  `json:"payment_method_types"`
}

type invoiceTransitions struct {
	FinalizedAt           *int64 `json:"finalized_at"`
	MarkedUncollectibleAt *int64 `json:"marked_uncollectible_at"`
	PaidAt                *int64 `json:"paid_at"`
	VoidedAt              *int64 `json:"voided_at"`
}

// An invoiceParent says what an invoice came from.
type invoiceParent struct {
	Type                string             `json:"type"`
	QuoteDetails        *struct{}          `json:"quote_details"`
	SubscriptionDetails *invoiceSubDetails `json:"subscription_details"`
}

type invoiceSubDetails struct {
	Metadata     map[string]string `json:"metadata"`
	Subscription string            `json:"subscription"`
}

// A lineList is the list of an invoice's lines. The document holds all of them;
// callers see the first ten and page for the rest.
type lineList struct {
	Object     string        `json:"object"`
	Data       []InvoiceLine `json:"data"`
	HasMore    bool          `json:"has_more"`
	TotalCount int           `json:"total_count"`
	URL        string        `json:"url"`
}

// An InvoiceLine is one line of an invoice.
type InvoiceLine struct {
	base
	Amount              int64             `json:"amount"`
	Currency            string            `json:"currency"`
	Description         string            `json:"description"`
	DiscountAmounts     []struct{}        `json:"discount_amounts"`
	Discountable        bool              `json:"discountable"`
	Discounts           []string          `json:"discounts"`
	Invoice             string            `json:"invoice"`
	Livemode            bool              `json:"livemode"`
	Metadata            map[string]string `json:"metadata"`
	Parent              *lineParent       `json:"parent"`
	Period              linePeriod        `json:"period"`
	PretaxCreditAmounts []struct{}        `json:"pretax_credit_amounts"`
	Pricing             *linePricing      `json:"pricing"`
	Quantity            *int64            `json:"quantity"`
	QuantityDecimal     *string           `json:"quantity_decimal"`
	Subscription        *string           `json:"subscription"`
	Subtotal            int64             `json:"subtotal"`
	Taxes               []struct{}        `json:"taxes"`
	Meter               string            `json:"_meter,omitempty"` // counts the quantity anew when the invoice is finalized
	MeteredPrice        string            `json:"_metered_price,omitempty"`
}

type linePeriod struct {
	End   int64 `json:"end"`
	Start int64 `json:"start"`
}

type lineParent struct {
	InvoiceItemDetails *lineItemParent `json:"invoice_item_details"`
	SubscriptionItem   *lineSubParent  `json:"subscription_item_details"`
	Type               string          `json:"type"`
}

type lineItemParent struct {
	InvoiceItem      string    `json:"invoice_item"`
	Proration        bool      `json:"proration"`
	ProrationDetails *struct{} `json:"proration_details"`
	Subscription     *string   `json:"subscription"`
}

type lineSubParent struct {
	InvoiceItem      *string           `json:"invoice_item"`
	Proration        bool              `json:"proration"`
	ProrationDetails *prorationDetails `json:"proration_details"`
	Subscription     string            `json:"subscription"`
	SubscriptionItem string            `json:"subscription_item"`
}

type prorationDetails struct {
	CreditedItems *struct{} `json:"credited_items"`
}

type linePricing struct {
	PriceDetails      priceDetails `json:"price_details"`
	Type              string       `json:"type"`
	UnitAmountDecimal *string      `json:"unit_amount_decimal"`
}

type priceDetails struct {
	Price   string `json:"price"`
	Product string `json:"product"`
}

func (*Invoice) kind() string     { return "invoice" }
func (*InvoiceLine) kind() string { return "line_item" }

// The statuses of an invoice.
const (
	invoiceDraft         = "draft"
	invoiceOpen          = "open"
	invoicePaid          = "paid"
	invoiceVoid          = "void"
	invoiceUncollectible = "uncollectible"
)

// subscription is the id of the subscription behind i, "" for none.
func (i *Invoice) subscription() string {
	if i.Parent == nil || i.Parent.SubscriptionDetails == nil {
		return ""
	}
	return i.Parent.SubscriptionDetails.Subscription
}

func (i *Invoice) currency() money.Currency { return money.MustCurrency(i.Currency) }

func (i *Invoice) clock() string {
	if i.TestClock == nil {
		return ""
	}
	return *i.TestClock
}

// paper is i as it is printed.
func (i *Invoice) paper(seller string) paper {
	c := i.currency()
	p := paper{
		status: i.Status, seller: seller, created: time.Unix(i.Created, 0).UTC(),
		balance: money.New(i.Total-i.AmountDue, c).Neg(), total: money.New(i.Total, c), due: money.New(i.AmountDue, c),
	}
	if i.Number != nil {
		p.number = *i.Number
	}
	if i.CustomerName != nil {
		p.customer = *i.CustomerName
	}
	if i.CustomerEmail != nil {
		p.email = *i.CustomerEmail
	}
	if at := i.StatusTransitions.PaidAt; at != nil {
		p.paidAt = time.Unix(*at, 0).UTC()
	}
	for _, l := range i.Lines.Data {
		line := paperLine{text: l.Description, amount: money.New(l.Amount, c), quantity: 1,
			period: span{time.Unix(l.Period.Start, 0).UTC(), time.Unix(l.Period.End, 0).UTC()}}
		if l.Quantity != nil {
			line.quantity = *l.Quantity
		}
		p.lines = append(p.lines, line)
	}
	return p
}

// shownLines is how many lines an invoice shows by itself.
const shownLines = 10

var invoiceKinds = map[string]kind{
	"invoice": {
		prefix: "in_1", random: 23,
		refs: map[string]string{
			"customer": "customer", "default_payment_method": "payment_method", "test_clock": "test_helpers.test_clock",
			"parent.subscription_details.subscription": "subscription",
			"application": "application", "default_source": "payment_method", "discounts": "discount", "on_behalf_of": "account",
		},
		include: map[string]func(*tx, tree) (any, error){
			"payments":            invoicePayments,
			"confirmation_secret": confirmationSecret,
		},
		complete: func(_ *tx, o tree) error { firstLines(o); return nil },
		shape:    shapeInvoice,
	},
	"line_item": {
		prefix: "il_1", random: 23,
		refs:  map[string]string{"pricing.price_details.price": "price", "pricing.price_details.product": "product"},
		shape: shapeLine,
	},
}

// firstLines cuts the list of lines to what an invoice shows by itself.
func firstLines(o tree) {
	lines, ok := o["lines"].(tree)
	if !ok {
		return
	}
	if data, _ := lines["data"].([]any); len(data) > shownLines {
		lines["data"], lines["has_more"] = data[:shownLines], true
	}
}

func shapeInvoice(o tree, at version) {
	if at.before(dahlia) {
		delete(o, "amount_paid_off_stripe")
	}
}

func shapeLine(o tree, at version) {
	if at.before(dahlia) {
		delete(o, "quantity_decimal")
	}
	if at.before(clover) {
		delete(o, "subtotal")
	}
}
