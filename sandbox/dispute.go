package sandbox

import (
	"time"
)

// A Dispute is a holder's bank taking a payment back, until it is decided who
// keeps the money.
type Dispute struct {
	base
	Amount              int64             `json:"amount"`
	BalanceTransactions []tree            `json:"balance_transactions"`
	Charge              string            `json:"charge"`
	Created             int64             `json:"created"`
	Currency            string            `json:"currency"`
	EnhancedTypes       []string          `json:"enhanced_eligibility_types"`
	Evidence            tree              `json:"evidence"`
	EvidenceDetails     evidenceDetails   `json:"evidence_details"`
	Refundable          bool              `json:"is_charge_refundable"`
	Livemode            bool              `json:"livemode"`
	Metadata            map[string]string `json:"metadata"`
	PaymentIntent       *string           `json:"payment_intent"`
	MethodDetails       tree              `json:"payment_method_details"`
	Reason              string            `json:"reason"`
	Status              string            `json:"status"`
}

type evidenceDetails struct {
	DueBy       *int64 `json:"due_by"`
	Eligibility tree   `json:"enhanced_eligibility"`
	Has         bool   `json:"has_evidence"`
	PastDue     bool   `json:"past_due"`
	Submissions int64  `json:"submission_count"`
}

func (*Dispute) kind() string { return "dispute" }

// The statuses of a dispute. An inquiry is a question that moves no money yet.
const (
	disputeOpen    = "needs_response"
	disputeReview  = "under_review"
	disputeWon     = "won"
	disputeLost    = "lost"
	inquiryOpen    = "warning_needs_response"
	inquiryReview  = "warning_under_review"
	inquiryClosed  = "warning_closed"
	disputeFee     = 1500 // minor units; what a lost case costs beside its amount
	disputeAnswer  = 9 * 24 * time.Hour
	evidenceFields = "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal customer_communication customer_email_address customer_name customer_purchase_ip customer_signature duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt refund_policy refund_policy_disclosure refund_refusal_explanation service_date service_documentation shipping_address shipping_carrier shipping_date shipping_documentation shipping_tracking_number uncategorized_file uncategorized_text"
)

// decided reports whether d is closed.
func (d *Dispute) decided() bool {
	return d.Status == disputeWon || d.Status == disputeLost || d.Status == inquiryClosed
}

func (d *Dispute) inquiry() bool {
	return d.Status == inquiryOpen || d.Status == inquiryReview || d.Status == inquiryClosed
}

var (
	disputeKinds = map[string]kind{"dispute": {prefix: "du_1", random: 23,
		refs: map[string]string{"charge": "charge", "payment_intent": "payment_intent"}}}
	disputeTimers = map[string]func(*tx, string) error{chargeDisputed: disputeCharge, disputeDue: loseUnanswered}
)

// The timers of disputes.
const (
	chargeDisputed = "charge.dispute"
	disputeDue     = "dispute.due"
)

// planDispute has the bank dispute c right after it was paid, when its card is
// one that does.
func (t *tx) planDispute(c *Charge, m *PaymentMethod) error {
	if m.testCard().dispute == "" {
		return nil
	}
	return t.schedule(chargeDisputed, c.ID, "", t.s.Now())
}

func disputeCharge(t *tx, id string) error {
	c, err := find[Charge](t, id)
	if err != nil || c == nil || c.Disputed {
		return err
	}
	m, err := find[PaymentMethod](t, text(c.PaymentMethod))
	if err != nil || m == nil {
		return err
	}
	on, err := t.atCharge(c)
	if err != nil {
		return err
	}
	_, err = on.dispute(c, m.testCard().dispute)
	return err
}

// disputable reports what keeps c from being disputed, if anything.
func (c *Charge) disputable() error {
	switch {
	case !c.Paid:
		return invalid("charge", "This charge (%s) did not succeed, so nobody can dispute it.", c.ID)
	case c.Disputed:
		return invalid("charge", "This charge (%s) is or was disputed already.", c.ID)
	}
	return nil
}

// dispute takes c back for reason; "inquiry" only asks about it.
func (t *tx) dispute(c *Charge, reason string) (*Dispute, error) {
	if err := c.disputable(); err != nil {
		return nil, err
	}
	due := t.now.Add(disputeAnswer).Unix()
	d := &Dispute{Amount: c.Amount - c.AmountRefunded, BalanceTransactions: []tree{}, Charge: c.ID, Created: t.unix(), Currency: c.Currency, EnhancedTypes: []string{},
		Evidence: noEvidence(), EvidenceDetails: evidenceDetails{DueBy: &due, Eligibility: tree{}}, Metadata: map[string]string{}, PaymentIntent: c.PaymentIntent,
		Reason: reason, Status: disputeOpen}
	card, kind := tree{}, "chargeback"
	if reason == "inquiry" {
		d.Reason, d.Status, d.Refundable, kind = "fraudulent", inquiryOpen, true, "inquiry"
	}
	if of, ok := c.MethodDetails["card"].(tree); ok {
		card = of
	}
	d.MethodDetails = tree{"type": "card", "card": tree{"brand": card["brand"], "case_type": kind, "network": card["network"], "network_reason_code": "83"}}
	d.ID = t.s.newID("dispute")
	if !d.inquiry() {
		d.move(t, -d.Amount, disputeFee)
	}
	if err := t.insert(d); err != nil {
		return nil, err
	}
	c.Disputed = true
	if err := t.save(c); err != nil {
		return nil, err
	}
	if err := t.schedule(disputeDue, d.ID, "", t.s.Now().Add(disputeAnswer)); err != nil {
		return nil, err
	}
	if err := t.emit("charge.dispute.created", d); err != nil || d.inquiry() {
		return d, err
	}
	return d, t.emit("charge.dispute.funds_withdrawn", d)
}

func noEvidence() tree {
	e := tree{"enhanced_evidence": tree{}}
	for name := range wordSet(evidenceFields) {
		e[name] = nil
	}
	return e
}

// move notes that money went from the account's balance, or back to it.
func (d *Dispute) move(t *tx, amount, fee int64) {
	word := map[bool]string{true: "dispute", false: "dispute_reversal"}[amount < 0]
	details := []tree{}
	if fee != 0 {
		details = append(details, tree{"amount": fee, "application": nil, "currency": d.Currency, "description": "Dispute fee", "type": "stripe_fee"})
	}
	d.BalanceTransactions = append(d.BalanceTransactions, tree{"id": "txn_1" + t.s.random(23), "object": "balance_transaction", "amount": amount,
		"available_on": t.unix(), "balance_type": "payments", "created": t.unix(), "currency": d.Currency, "description": "Chargeback for " + d.Charge,
		"exchange_rate": nil, "fee": fee, "fee_details": details, "net": amount - fee, "reporting_category": word, "source": d.ID, "status": "available", "type": "adjustment"})
}

// loseUnanswered is the timer of a dispute that nobody answered.
func loseUnanswered(t *tx, id string) error {
	d, err := find[Dispute](t, id)
	if err != nil || d == nil || d.Status != disputeOpen && d.Status != inquiryOpen {
		return err
	}
	d.EvidenceDetails.PastDue = true
	return t.decide(d, disputeLost)
}

// decide closes d: won, and the money comes back, or lost. An inquiry just ends.
func (t *tx) decide(d *Dispute, status string) error {
	if d.decided() {
		return invalid("", "This dispute is already closed: it is %s.", d.Status)
	}
	if d.inquiry() {
		status = inquiryClosed
	}
	d.Status = status
	if status == disputeWon {
		d.Refundable = true
		d.move(t, d.Amount, 0)
	}
	if err := t.save(d); err != nil {
		return err
	}
	if err := t.unschedule(disputeDue, d.ID); err != nil {
		return err
	}
	if status == disputeWon {
		if err := t.emit("charge.dispute.funds_reinstated", d); err != nil {
			return err
		}
	}
	return t.emit("charge.dispute.closed", d)
}
