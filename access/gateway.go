package access

// A KeyType is the kind of key a call was made with.
type KeyType string

// The key types, as WSO2 spells them.
const (
	Production KeyType = "PRODUCTION"
	Sandbox    KeyType = "SANDBOX"
)

// Serves reports whether calls made with keys of type k are let through.
func (s State) Serves(k KeyType) bool {
	switch s.Reason {
	case NotRefused:
		return true
	case HeldInProduction:
		return k == Sandbox
	case IsOver, NeedsApproval, NeedsFirstPaying, PaymentExpired, PaymentRefused, PaymentDeclined, PaymentUnderWay,
		HeldByPublisher, HeldByDispute, HeldByRefund, NeedsAgreeing, NeedsPaying:
	}
	return false
}

// ServesSome reports whether calls of any kind are let through.
func (s State) ServesSome() bool { return s.Serves(Production) || s.Serves(Sandbox) }

// A Problem is what the gateway answers to a call it refuses: an HTTP status and
// the type and title of a problem document (RFC 9457).
type Problem struct {
	Status int
	Type   string // last part of the type URI
	Title  string
}

// problems maps reasons to answers. What paying would cure is 402, the rest 403.
var problems = map[Reason]Problem{
	IsOver:           {403, "subscription-ended", "The subscription has ended."},
	NeedsApproval:    {403, "subscription-awaits-approval", "The subscription waits for approval."},
	NeedsFirstPaying: {402, "payment-required", "The subscription has not been paid yet."},
	PaymentExpired:   {402, "payment-required", "The subscription was not paid in time."},
	PaymentRefused:   {402, "payment-required", "The subscription has not been paid yet."},
	PaymentDeclined:  {402, "payment-required", "The payment for the subscription did not go through."},
	PaymentUnderWay:  {402, "payment-processing", "The payment is being processed."},
	HeldByPublisher:  {403, "subscription-blocked", "The publisher has blocked the subscription."},
	HeldByDispute:    {403, "payment-disputed", "A payment for the subscription is disputed."},
	HeldByRefund:     {403, "payment-refunded", "The payment for the subscription was given back."},
	NeedsAgreeing:    {402, "payment-authentication-required", "The bank asks the cardholder to confirm a payment for the subscription."},
	NeedsPaying:      {402, "payment-required", "A payment for the subscription is due."},
	HeldInProduction: {403, "subscription-blocked", "The publisher has blocked production calls."},
}

// Refusal returns the gateway's answer to a call with a key of type k, and false
// when the call is served.
func (s State) Refusal(k KeyType) (Problem, bool) {
	if s.Serves(k) {
		return Problem{}, false
	}
	return problems[s.Reason], true
}
