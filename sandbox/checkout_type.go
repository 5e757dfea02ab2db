package sandbox

import (
	"encoding/json"
	"time"

	"tollgate/money"
)

// A CheckoutSession is one hosted Checkout: a basket, until it is paid or over.
type CheckoutSession struct {
	base
	AdaptivePricing      *struct{}         `json:"adaptive_pricing"`
	AfterExpiration      *struct{}         `json:"after_expiration"`
	AllowPromotionCodes  *bool             `json:"allow_promotion_codes"`
	AmountSubtotal       *int64            `json:"amount_subtotal"`
	AmountTotal          *int64            `json:"amount_total"`
	AutomaticTax         checkoutTax       `json:"automatic_tax"`
	BillingAddress       *string           `json:"billing_address_collection"`
	CancelURL            *string           `json:"cancel_url"`
	ClientReferenceID    *string           `json:"client_reference_id"`
	ClientSecret         *string           `json:"client_secret"`
	CollectedInformation *struct{}         `json:"collected_information"`
	Consent              *struct{}         `json:"consent"`
	ConsentCollection    *struct{}         `json:"consent_collection"`
	Created              int64             `json:"created"`
	Currency             *string           `json:"currency"`
	CurrencyConversion   *struct{}         `json:"currency_conversion"`
	CustomFields         []struct{}        `json:"custom_fields"`
	CustomText           checkoutText      `json:"custom_text"`
	Customer             *string           `json:"customer"`
	CustomerCreation     *string           `json:"customer_creation"`
	CustomerDetails      *customerDetails  `json:"customer_details"`
	CustomerEmail        *string           `json:"customer_email"`
	Discounts            []struct{}        `json:"discounts"`
	ExpiresAt            int64             `json:"expires_at"`
	Invoice              *string           `json:"invoice"`
	InvoiceCreation      *struct{}         `json:"invoice_creation"`
	Livemode             bool              `json:"livemode"`
	Locale               *string           `json:"locale"`
	Metadata             map[string]string `json:"metadata"`
	Mode                 string            `json:"mode"`
	OriginContext        *string           `json:"origin_context"`
	PaymentIntent        *string           `json:"payment_intent"`
	PaymentLink          *string           `json:"payment_link"`
	MethodCollection     *string           `json:"payment_method_collection"`
	MethodConfiguration  *struct{}         `json:"payment_method_configuration_details"`
	MethodOptions        tree              `json:"payment_method_options"`
	MethodTypes          []string          `json:"payment_method_types"`
	PaymentStatus        string            `json:"payment_status"`
	Permissions          *struct{}         `json:"permissions"`
	PhoneNumbers         checkoutPhones    `json:"phone_number_collection"`
	RecoveredFrom        *string           `json:"recovered_from"`
	SavedMethodOptions   *savedMethods     `json:"saved_payment_method_options"`
	SetupIntent          *string           `json:"setup_intent"`
	ShippingAddress      *struct{}         `json:"shipping_address_collection"`
	ShippingCost         *struct{}         `json:"shipping_cost"`
	ShippingOptions      []struct{}        `json:"shipping_options"`
	Status               string            `json:"status"`
	SubmitType           *string           `json:"submit_type"`
	Subscription         *string           `json:"subscription"`
	SuccessURL           *string           `json:"success_url"`
	TotalDetails         *checkoutTotals   `json:"total_details"`
	UIMode               string            `json:"ui_mode"`
	URL                  *string           `json:"url"`
	WalletOptions        *struct{}         `json:"wallet_options"`
	Basket               []basketItem      `json:"_basket"`
	Terms                subscriptionData  `json:"_terms"`
	Intent               *intentData       `json:"_intent,omitempty"`
	Settled              bool              `json:"_settled,omitempty"` // the bank has answered its debit
}

type checkoutTax struct {
	Enabled   bool      `json:"enabled"`
	Liability *struct{} `json:"liability"`
	Provider  *string   `json:"provider"`
	Status    *string   `json:"status"`
}

type checkoutText struct {
	AfterSubmit *struct{} `json:"after_submit"`
	Shipping    *struct{} `json:"shipping_address"`
	Submit      *struct{} `json:"submit"`
	Terms       *struct{} `json:"terms_of_service_acceptance"`
}

type checkoutPhones struct {
	Enabled bool `json:"enabled"`
}

type savedMethods struct {
	Filters []string `json:"allow_redisplay_filters"`
	Remove  *string  `json:"payment_method_remove"`
	Save    *string  `json:"payment_method_save"`
}

type customerDetails struct {
	Address      *address   `json:"address"`
	BusinessName *string    `json:"business_name"`
	Email        *string    `json:"email"`
	Individual   *string    `json:"individual_name"`
	Name         *string    `json:"name"`
	Phone        *string    `json:"phone"`
	TaxExempt    *string    `json:"tax_exempt"`
	TaxIDs       []struct{} `json:"tax_ids"`
}

type checkoutTotals struct {
	Discount int64 `json:"amount_discount"`
	Shipping int64 `json:"amount_shipping"`
	Tax      int64 `json:"amount_tax"`
}

// A basketItem is a price in the basket.
type basketItem struct {
	ID       string `json:"id"`
	Price    Price  `json:"price"`
	Quantity *int64 `json:"quantity"`
}

// subscriptionData is what the subscription will be made with.
type subscriptionData struct {
	Metadata    map[string]string `json:"metadata"`
	Description *string           `json:"description"`
	Fee         *json.Number      `json:"fee"`
	TrialDays   *int64            `json:"trial_days"`
	TrialEnd    *int64            `json:"trial_end"`
	MissingCard string            `json:"missing_card"`
	Mode        string            `json:"mode"`
	TestClock   string            `json:"test_clock"`

	UpdateAddress bool `json:"update_address,omitempty"` // what is typed becomes the customer's
	UpdateName    bool `json:"update_name,omitempty"`
}

// intentData is what the payment intent of a session in payment mode will have.
type intentData struct {
	Description  *string           `json:"description"`
	Descriptor   *string           `json:"descriptor"`
	Suffix       *string           `json:"suffix"`
	FutureUsage  *string           `json:"future_usage"`
	Metadata     map[string]string `json:"metadata"`
	ReceiptEmail *string           `json:"receipt_email"`
	Shipping     *shipping         `json:"shipping"`
}

// kept is d as the session keeps it.
func (d *checkoutIntent) kept() (*intentData, error) {
	metadata, err := d.Metadata.apply(nil)
	return &intentData{Description: d.Description, Descriptor: d.Descriptor, Suffix: d.Suffix, FutureUsage: optional(d.Future),
		Metadata: metadata, ReceiptEmail: d.ReceiptEmail, Shipping: d.Shipping}, err
}

func (*CheckoutSession) kind() string { return "checkout.session" }

// The statuses of a checkout session.
const (
	checkoutOpen     = "open"
	checkoutComplete = "complete"
	checkoutExpired  = "expired"
)

// checkoutLife is how long a session stays open unless it says otherwise, and
// the most it may say.
const checkoutLife = 24 * time.Hour

// checkoutExpires is the timer that closes a session that nobody paid.
const checkoutExpires = "checkout.expire"

var checkoutTimers = map[string]func(*tx, string) error{checkoutExpires: expireCheckoutTimer}

var checkoutKinds = map[string]kind{"checkout.session": {
	prefix: "cs_test_a1", random: 56,
	refs: map[string]string{"customer": "customer", "subscription": "subscription", "invoice": "invoice", "payment_intent": "payment_intent",
		"setup_intent": "setup_intent", "payment_link": "payment_link"},
	include: map[string]func(*tx, tree) (any, error){
		"line_items": func(t *tx, o tree) (any, error) {
			s, err := find[CheckoutSession](t, o["id"].(string))
			if err != nil || s == nil {
				return nil, err
			}
			lines, err := t.basketLines(s)
			return sublist("/v1/checkout/sessions/"+s.ID+"/line_items", lines), err
		},
	},
	shape: shapeCheckout,
}}

// shapeCheckout names the modes as versions before dahlia did.
func shapeCheckout(o tree, at version) {
	if at.before(dahlia) && o["ui_mode"] == "hosted_page" {
		o["ui_mode"] = "hosted"
	}
	if details, ok := o["customer_details"].(tree); ok && at.before(clover) {
		delete(details, "business_name")
		delete(details, "individual_name")
	}
}

// clock is the test clock that the session's customer goes by.
func (s *CheckoutSession) clock() string { return s.Terms.TestClock }

// dueNow is what has to be paid when the session completes.
func (s *CheckoutSession) dueNow() (money.Amount, error) {
	var sum money.Amount
	for _, b := range s.Basket {
		quantity := int64(0)
		if b.Quantity != nil {
			quantity = *b.Quantity
		}
		part, err := b.Price.amount(quantity)
		if err != nil {
			return sum, err
		}
		if b.Price.metered() || s.Terms.TrialDays != nil || s.Terms.TrialEnd != nil {
			part = money.New(0, part.Currency())
		}
		if sum, err = plus(sum, part); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// A checkoutLine is a line of the basket as callers see it.
type checkoutLine struct {
	ID             string     `json:"id"`
	Object         string     `json:"object"`
	AmountDiscount int64      `json:"amount_discount"`
	AmountSubtotal int64      `json:"amount_subtotal"`
	AmountTax      int64      `json:"amount_tax"`
	AmountTotal    int64      `json:"amount_total"`
	Currency       string     `json:"currency"`
	Description    string     `json:"description"`
	Metadata       tree       `json:"metadata"`
	Adjustable     *struct{}  `json:"adjustable_quantity"`
	Price          Price      `json:"price"`
	Quantity       *int64     `json:"quantity"`
	Taxes          []struct{} `json:"taxes,omitempty"`
}

func (t *tx) basketLines(s *CheckoutSession) ([]checkoutLine, error) {
	lines := []checkoutLine{}
	for _, b := range s.Basket {
		alone := CheckoutSession{Basket: []basketItem{b}, Terms: s.Terms}
		due, err := alone.dueNow()
		if err != nil {
			return nil, err
		}
		product, err := find[Product](t, b.Price.Product)
		if err != nil {
			return nil, err
		}
		l := checkoutLine{ID: b.ID, Object: "item", AmountSubtotal: due.Minor(), AmountTotal: due.Minor(), Currency: b.Price.Currency,
			Metadata: tree{}, Price: b.Price, Quantity: b.Quantity}
		if product != nil {
			l.Description = product.Name
		}
		lines = append(lines, l)
	}
	return lines, nil
}
