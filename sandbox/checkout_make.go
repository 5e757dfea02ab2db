package sandbox

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

type basketParams struct {
	Price     string      `p:"price"`
	Quantity  *int64      `p:"quantity,min=1"`
	PriceData *priceData  `p:"price_data"`
	Others    unsimulated `p:"adjustable_quantity dynamic_tax_rates metadata tax_rates"`
}

// priceData is a price that is made where it is sold.
type priceData struct {
	Currency    string           `p:"currency,required"`
	Product     string           `p:"product"`
	ProductData *productInPrice  `p:"product_data"`
	Recurring   *recurringParams `p:"recurring"`
	TaxBehavior string           `p:"tax_behavior,enum=exclusive|inclusive|unspecified"`
	amountParams
}

// price makes the price that d describes.
func (d *priceData) price(t *tx) (*Price, error) {
	return t.newPrice(priceCreate{amountParams: d.amountParams, Currency: d.Currency, Product: d.Product, ProductData: d.ProductData,
		Recurring: d.Recurring, TaxBehavior: d.TaxBehavior})
}

type checkoutSubscription struct {
	Description     *string       `p:"description,max=500"`
	Metadata        metadataParam `p:"metadata"`
	FeePercent      feePercent    `p:"application_fee_percent"`
	TrialPeriodDays *int64        `p:"trial_period_days,min=1,most=730"`
	TrialEnd        *int64        `p:"trial_end"`
	TrialSettings   *trialParams  `p:"trial_settings"`
	BillingMode     *modeParams   `p:"billing_mode"`
	Others          unsimulated   `p:"billing_cycle_anchor billing_cycle_anchor_config default_tax_rates invoice_settings on_behalf_of pending_invoice_item_interval proration_behavior transfer_data"`
}

// checkoutIntent is what the payment of a session in payment mode is made with.
type checkoutIntent struct {
	CaptureMethod string        `p:"capture_method,enum=automatic|automatic_async|manual"`
	Description   *string       `p:"description,max=1000"`
	Future        string        `p:"setup_future_usage,enum=off_session|on_session"`
	Metadata      metadataParam `p:"metadata"`
	ReceiptEmail  *string       `p:"receipt_email"`
	Shipping      *shipping     `p:"shipping"`
	Descriptor    *string       `p:"statement_descriptor,max=22"`
	Suffix        *string       `p:"statement_descriptor_suffix,max=22"`
	Others        unsimulated   `p:"application_fee_amount on_behalf_of transfer_data transfer_group"`
}

type checkoutCreate struct {
	Mode              string                `p:"mode,enum=payment|setup|subscription"`
	LineItems         []basketParams        `p:"line_items"`
	SuccessURL        string                `p:"success_url,max=5000"`
	CancelURL         *string               `p:"cancel_url,max=5000"`
	Customer          *string               `p:"customer"`
	CustomerEmail     *string               `p:"customer_email"`
	CustomerCreation  string                `p:"customer_creation,enum=always|if_required"`
	ClientReferenceID *string               `p:"client_reference_id,max=200"`
	ExpiresAt         *int64                `p:"expires_at"`
	Metadata          metadataParam         `p:"metadata"`
	SubscriptionData  *checkoutSubscription `p:"subscription_data"`
	AllowPromotion    *bool                 `p:"allow_promotion_codes"`
	AutomaticTax      *struct {
		Enabled bool        `p:"enabled,required"`
		Others  unsimulated `p:"liability"`
	} `p:"automatic_tax"`
	BillingAddress   *string  `p:"billing_address_collection,enum=auto|required"`
	MethodCollection string   `p:"payment_method_collection,enum=always|if_required"`
	MethodTypes      []string `p:"payment_method_types"`
	Locale           *string  `p:"locale"`
	UIMode           string   `p:"ui_mode,enum=custom|elements|embedded|embedded_page|form|hosted|hosted_page"`
	Currency         string   `p:"currency"`
	SubmitType       *string  `p:"submit_type,enum=auto|book|donate|pay|subscribe"`
	CustomerUpdate   *struct {
		Address  string `p:"address,enum=auto|never"`
		Name     string `p:"name,enum=auto|never"`
		Shipping string `p:"shipping,enum=auto|never"`
	} `p:"customer_update"`
	IntentData *checkoutIntent `p:"payment_intent_data"`
	Others     unsimulated     `p:"adaptive_pricing after_expiration branding_settings consent_collection custom_fields custom_text customer_account discounts excluded_payment_method_types integration_identifier invoice_creation managed_payments name_collection optional_items origin_context payment_method_configuration payment_method_data payment_method_options permissions phone_number_collection redirect_on_completion return_url saved_payment_method_options setup_intent_data shipping_address_collection shipping_options tax_id_collection wallet_options"`
}

func createCheckout(r *request) (any, error) {
	in, err := read[checkoutCreate](r)
	if err != nil {
		return nil, err
	}
	if err := in.check(r); err != nil {
		return nil, err
	}
	s := &CheckoutSession{
		AllowPromotionCodes: in.AllowPromotion, BillingAddress: in.BillingAddress, CancelURL: in.CancelURL, ClientReferenceID: in.ClientReferenceID,
		Created: r.unix(), CustomFields: []struct{}{}, Customer: in.Customer, CustomerEmail: in.CustomerEmail, Discounts: []struct{}{},
		Locale: in.Locale, Mode: in.Mode, MethodTypes: in.MethodTypes, PaymentStatus: "unpaid", ShippingOptions: []struct{}{},
		Status: checkoutOpen, SuccessURL: &in.SuccessURL, UIMode: "hosted_page", TotalDetails: &checkoutTotals{},
		MethodOptions: tree{"card": tree{"request_three_d_secure": "automatic"}},
	}
	s.ID = r.s.newID("checkout.session")
	s.SubmitType = in.SubmitType
	if in.Mode == "subscription" {
		collect := either(in.MethodCollection, "always")
		s.MethodCollection = &collect
		s.SavedMethodOptions = &savedMethods{Filters: []string{"always"}}
	} else {
		creation := either(in.CustomerCreation, "if_required")
		s.CustomerCreation = &creation
	}
	if s.Metadata, err = in.Metadata.apply(nil); err != nil {
		return nil, err
	}
	if err := r.fillBasket(s, in.LineItems); err != nil {
		return nil, err
	}
	if err := r.offerMethods(s); err != nil {
		return nil, err
	}
	if in.Currency != "" && !strings.EqualFold(in.Currency, *s.Currency) {
		return nil, invalid("currency", "The prices of the line items are in %s; this sandbox does not simulate prices in several currencies.", *s.Currency)
	}
	if err := r.fillTerms(s, in); err != nil {
		return nil, err
	}
	return s, r.openCheckout(s, in.ExpiresAt)
}

// check refuses what does not go together.
func (in *checkoutCreate) check(r *request) error {
	switch {
	case in.Mode == "":
		return missingParam("mode")
	case in.Mode == "setup":
		return invalid("mode", "This sandbox does not simulate mode=setup.")
	case len(in.LineItems) == 0:
		return missingParam("line_items")
	case in.SuccessURL == "":
		return missingParam("success_url")
	case !isWebURL(in.SuccessURL):
		return invalidCode("url_invalid", "success_url", "Not a valid URL")
	case in.CancelURL != nil && !isWebURL(*in.CancelURL):
		return invalidCode("url_invalid", "cancel_url", "Not a valid URL")
	case in.Customer != nil && in.CustomerEmail != nil:
		return invalid("customer_email", "You may only specify one of these parameters: customer, customer_email.")
	case in.CustomerEmail != nil && !isEmail(*in.CustomerEmail):
		return invalidCode("email_invalid", "customer_email", "Invalid email address: %s", shorten(*in.CustomerEmail))
	case in.Mode != "subscription" && in.SubscriptionData != nil:
		return invalid("subscription_data", "You can not pass `subscription_data` in `payment` mode.")
	case in.Mode != "payment" && (in.CustomerCreation != "" || in.IntentData != nil):
		return invalid("customer_creation", "`customer_creation` and `payment_intent_data` can only be used in `payment` mode.")
	case in.Mode != "subscription" && in.MethodCollection != "":
		return invalid("payment_method_collection", "You can only set `payment_method_collection` if there are recurring prices.")
	case in.CustomerUpdate != nil && in.Customer == nil:
		return invalid("customer_update", "`customer_update` can only be used with `customer`.")
	}
	if err := in.simulated(); err != nil || in.Customer == nil {
		return err
	}
	_, err := get[Customer](r.tx, *in.Customer, "customer")
	return err
}

// simulated refuses what Stripe would take and this sandbox does not play.
func (in *checkoutCreate) simulated() error {
	switch {
	case in.UIMode != "" && !strings.HasPrefix(in.UIMode, "hosted"):
		return invalid("ui_mode", "This sandbox simulates the hosted page only: ui_mode must be hosted, or hosted_page from 2026-03-25.dahlia on.")
	case in.AutomaticTax != nil && in.AutomaticTax.Enabled:
		return invalid("automatic_tax[enabled]", "This sandbox does not simulate Stripe Tax.")
	case in.IntentData != nil && in.IntentData.CaptureMethod == "manual":
		return invalid("payment_intent_data[capture_method]", "This sandbox captures at once: it does not simulate capture_method=manual.")
	}
	return onlyCards(in.MethodTypes)
}

// onlyCards refuses lists of payment methods without cards in them: the others
// are never offered.
func onlyCards(types []string) error {
	if len(types) > 0 && !slices.Contains(types, "card") {
		return invalid("payment_method_types", "This sandbox simulates cards only: payment_method_types must contain card.")
	}
	return nil
}

// fillBasket puts the line items into s: prices of one currency, and of one
// interval in a subscription.
func (t *tx) fillBasket(s *CheckoutSession, in []basketParams) error {
	for n, line := range in {
		at := "line_items[" + strconv.Itoa(n) + "]"
		p, err := t.basketPrice(line, at)
		if err != nil {
			return err
		}
		if err := t.fits(s, p, at); err != nil {
			return err
		}
		item := basketItem{ID: "li_1" + t.s.random(23), Price: *p, Quantity: line.Quantity}
		switch {
		case p.metered() && line.Quantity != nil:
			return invalid(at+"[quantity]", "Quantity should not be specified where usage_type is `metered`. Remove quantity from `%s`", at)
		case !p.metered() && line.Quantity == nil:
			return invalid(at+"[quantity]", "Quantity is required. Add `quantity` to `%s`", at)
		}
		s.Basket = append(s.Basket, item)
		s.Currency = &item.Price.Currency
	}
	return nil
}

// basketPrice is the price a line names, or makes one of the data it brings.
func (t *tx) basketPrice(line basketParams, at string) (*Price, error) {
	if d := line.PriceData; d != nil {
		return d.price(t)
	}
	if line.Price == "" {
		return nil, missingParam(at + "[price]")
	}
	return get[Price](t, line.Price, at+"[price]")
}

func (t *tx) fits(s *CheckoutSession, p *Price, at string) error {
	switch {
	case !p.Active:
		return invalid(at+"[price]", "The price specified is inactive. This field only accepts active prices.")
	case s.Mode == "payment" && p.Recurring != nil:
		return invalid(at+"[price]", "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.")
	case s.Mode == "subscription" && p.Recurring == nil:
		return invalid(at+"[price]", "You must provide at least one recurring price in `subscription` mode when using prices; this sandbox takes no one-time prices beside them.")
	case s.Currency != nil && *s.Currency != p.Currency:
		return invalid(at+"[price]", "All prices must have the same currency; %s has %s.", p.ID, p.Currency)
	case len(s.Basket) > 0 && s.Mode == "subscription" && s.Basket[0].Price.interval() != p.interval():
		return invalid(at+"[price]", "Checkout does not support multiple prices with different billing intervals.")
	}
	return nil
}

// fillTerms notes what the subscription is to be made with.
func (r *request) fillTerms(s *CheckoutSession, in checkoutCreate) (err error) {
	s.Terms = subscriptionData{Metadata: map[string]string{}, Mode: modeOf(nil, r.version).Type, MissingCard: "create_invoice"}
	if s.Customer != nil {
		c, err := get[Customer](r.tx, *s.Customer, "customer")
		if err != nil {
			return err
		}
		s.Terms.TestClock = c.clock()
	}
	if u := in.CustomerUpdate; u != nil {
		s.Terms.UpdateAddress, s.Terms.UpdateName = u.Address == "auto", u.Name == "auto"
	}
	if in.IntentData != nil {
		if s.Intent, err = in.IntentData.kept(); err != nil {
			return err
		}
	}
	d := in.SubscriptionData
	if d == nil {
		return nil
	}
	if s.Terms.Metadata, err = d.Metadata.apply(nil); err != nil {
		return err
	}
	s.Terms.Description, s.Terms.TrialDays, s.Terms.TrialEnd = d.Description, d.TrialPeriodDays, d.TrialEnd
	s.Terms.Mode = modeOf(d.BillingMode, r.version).Type
	if d.TrialSettings != nil && d.TrialSettings.End != nil {
		s.Terms.MissingCard = d.TrialSettings.End.Missing
	}
	s.Terms.Fee = d.FeePercent.number()
	if d.TrialEnd != nil && *d.TrialEnd < r.now.Add(48*time.Hour).Unix() {
		return invalid("subscription_data[trial_end]", "The `trial_end` date has to be at least 2 days in the future.")
	}
	return nil
}

// openCheckout keeps a new session and plans its end.
func (t *tx) openCheckout(s *CheckoutSession, expires *int64) error {
	due, err := s.dueNow()
	if err != nil {
		return err
	}
	total := due.Minor()
	s.AmountSubtotal, s.AmountTotal = &total, &total
	s.ExpiresAt = t.now.Add(checkoutLife).Unix()
	if expires != nil {
		if *expires < t.now.Add(30*time.Minute).Unix() || *expires > s.ExpiresAt {
			return invalid("expires_at", "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from Checkout Session creation.")
		}
		s.ExpiresAt = *expires
	}
	url := t.s.url("/c/pay/" + s.ID)
	s.URL = &url
	if err := t.insert(s); err != nil {
		return err
	}
	return t.schedule(checkoutExpires, s.ID, "", time.Unix(s.ExpiresAt, 0))
}
