package sandbox

// A PaymentIntent is one attempt to collect a sum, over any number of cards.
type PaymentIntent struct {
	base
	Amount             int64             `json:"amount"`
	AmountCapturable   int64             `json:"amount_capturable"`
	AmountReceived     int64             `json:"amount_received"`
	Application        *string           `json:"application"`
	ApplicationFee     *int64            `json:"application_fee_amount"`
	CanceledAt         *int64            `json:"canceled_at"`
	CancellationReason *string           `json:"cancellation_reason"`
	CaptureMethod      string            `json:"capture_method"`
	ClientSecret       string            `json:"client_secret"`
	ConfirmationMethod string            `json:"confirmation_method"`
	Created            int64             `json:"created"`
	Currency           string            `json:"currency"`
	Customer           *string           `json:"customer"`
	Description        *string           `json:"description"`
	LastPaymentError   *paymentError     `json:"last_payment_error"`
	LatestCharge       *string           `json:"latest_charge"`
	Livemode           bool              `json:"livemode"`
	Metadata           map[string]string `json:"metadata"`
	NextAction         tree              `json:"next_action"`
	OnBehalfOf         *string           `json:"on_behalf_of"`
	PaymentMethod      *string           `json:"payment_method"`
	MethodOptions      tree              `json:"payment_method_options"`
	MethodTypes        []string          `json:"payment_method_types"`
	Processing         *struct{}         `json:"processing"`
	ReceiptEmail       *string           `json:"receipt_email"`
	SetupFutureUsage   *string           `json:"setup_future_usage"`
	Shipping           *shipping         `json:"shipping"`
	Descriptor         *string           `json:"statement_descriptor"`
	DescriptorSuffix   *string           `json:"statement_descriptor_suffix"`
	Status             string            `json:"status"`
	TransferData       *struct{}         `json:"transfer_data"`
	TransferGroup      *string           `json:"transfer_group"`
	Invoice            string            `json:"_invoice,omitempty"`    // the invoice it pays, "" for none
	ReturnURL          string            `json:"_return_url,omitempty"` // where its holder goes after authenticating
}

// A paymentError is why the last attempt failed.
type paymentError struct {
	Charge        *string `json:"charge,omitempty"`
	Code          string  `json:"code"`
	DeclineCode   string  `json:"decline_code,omitempty"`
	DocURL        string  `json:"doc_url"`
	Message       string  `json:"message"`
	PaymentMethod any     `json:"payment_method,omitempty"`
	Type          string  `json:"type"`
}

// A Charge is one answer of a bank.
type Charge struct {
	base
	Amount               int64             `json:"amount"`
	AmountCaptured       int64             `json:"amount_captured"`
	AmountRefunded       int64             `json:"amount_refunded"`
	Application          *string           `json:"application"`
	ApplicationFee       *string           `json:"application_fee"`
	ApplicationFeeAmount *int64            `json:"application_fee_amount"`
	BalanceTransaction   *string           `json:"balance_transaction"`
	BillingDetails       BillingDetails    `json:"billing_details"`
	Descriptor           *string           `json:"calculated_statement_descriptor"`
	Captured             bool              `json:"captured"`
	Created              int64             `json:"created"`
	Currency             string            `json:"currency"`
	Customer             *string           `json:"customer"`
	Description          *string           `json:"description"`
	Disputed             bool              `json:"disputed"`
	FailureCode          *string           `json:"failure_code"`
	FailureMessage       *string           `json:"failure_message"`
	FraudDetails         tree              `json:"fraud_details"`
	Livemode             bool              `json:"livemode"`
	Metadata             map[string]string `json:"metadata"`
	OnBehalfOf           *string           `json:"on_behalf_of"`
	Outcome              *chargeOutcome    `json:"outcome"`
	Paid                 bool              `json:"paid"`
	PaymentIntent        *string           `json:"payment_intent"`
	PaymentMethod        *string           `json:"payment_method"`
	MethodDetails        tree              `json:"payment_method_details"`
	ReceiptEmail         *string           `json:"receipt_email"`
	ReceiptNumber        *string           `json:"receipt_number"`
	ReceiptURL           *string           `json:"receipt_url"`
	Refunded             bool              `json:"refunded"`
	Review               *string           `json:"review"`
	Shipping             *shipping         `json:"shipping"`
	SourceTransfer       *string           `json:"source_transfer"`
	StatementDescriptor  *string           `json:"statement_descriptor"`
	StatementSuffix      *string           `json:"statement_descriptor_suffix"`
	Status               string            `json:"status"`
	TransferData         *struct{}         `json:"transfer_data"`
	TransferGroup        *string           `json:"transfer_group"`
}

type chargeOutcome struct {
	AdviceCode    *string `json:"advice_code"`
	NetworkAdvice *string `json:"network_advice_code"`
	NetworkCode   *string `json:"network_decline_code"`
	NetworkStatus string  `json:"network_status"`
	Reason        *string `json:"reason"`
	RiskLevel     string  `json:"risk_level"`
	RiskScore     int64   `json:"risk_score"`
	SellerMessage string  `json:"seller_message"`
	Type          string  `json:"type"`
}

// An InvoicePayment ties a payment intent to the invoice it is for.
type InvoicePayment struct {
	base
	AmountPaid        *int64                   `json:"amount_paid"`
	AmountRequested   int64                    `json:"amount_requested"`
	Created           int64                    `json:"created"`
	Currency          string                   `json:"currency"`
	Invoice           string                   `json:"invoice"`
	IsDefault         bool                     `json:"is_default"`
	Livemode          bool                     `json:"livemode"`
	Payment           invoicePaymentOf         `json:"payment"`
	Status            string                   `json:"status"`
	StatusTransitions invoicePaymentTransition `json:"status_transitions"`
}

type invoicePaymentOf struct {
	PaymentIntent string `json:"payment_intent"`
	Type          string `json:"type"`
}

type invoicePaymentTransition struct {
	CanceledAt *int64 `json:"canceled_at"`
	PaidAt     *int64 `json:"paid_at"`
}

func (*PaymentIntent) kind() string  { return "payment_intent" }
func (*Charge) kind() string         { return "charge" }
func (*InvoicePayment) kind() string { return "invoice_payment" }

// The statuses of a payment intent.
const (
	intentNeedsMethod  = "requires_payment_method"
	intentNeedsConfirm = "requires_confirmation"
	intentNeedsAction  = "requires_action"
	intentProcessing   = "processing"
	intentSucceeded    = "succeeded"
	intentCanceled     = "canceled"
)

var paymentKinds = map[string]kind{
	"payment_intent": {
		prefix: "pi_3", random: 23,
		refs: map[string]string{"customer": "customer", "payment_method": "payment_method", "latest_charge": "charge",
			"application": "application", "on_behalf_of": "account", "review": "review"},
	},
	"charge": {
		prefix: "ch_3", random: 23,
		refs: map[string]string{"customer": "customer", "payment_intent": "payment_intent", "application": "application",
			"application_fee": "application_fee", "balance_transaction": "balance_transaction", "on_behalf_of": "account", "review": "review"},
		include: map[string]func(*tx, tree) (any, error){
			"refunds": func(t *tx, o tree) (any, error) {
				refunds, err := all[Refund](t, eq("charge", o["id"]))
				return sublist("/v1/charges/"+o["id"].(string)+"/refunds", refunds), err
			},
		},
	},
	"invoice_payment": {
		prefix: "inpay_1", random: 23,
		refs: map[string]string{"invoice": "invoice", "payment.payment_intent": "payment_intent"},
	},
	"refund": {
		prefix: "re_3", random: 23,
		refs: map[string]string{"charge": "charge", "payment_intent": "payment_intent", "balance_transaction": "balance_transaction"},
	},
}
