package sandbox

import (
	"context"
	"errors"
	"net/http"
)

var disputeRoutes = []route{
	{"GET", "/v1/disputes", listDisputes},
	{"GET", "/v1/disputes/{dispute}", show[Dispute]("dispute")},
	{"POST", "/v1/disputes/{dispute}", answerDispute},
	{"POST", "/v1/disputes/{dispute}/close", closeDispute},
}

func listDisputes(r *request) (any, error) {
	in, err := read[struct {
		listParams
		createdParam
		Charge string `p:"charge"`
		Intent string `p:"payment_intent"`
	}](r)
	if err != nil {
		return nil, err
	}
	return list[Dispute](r, in.listParams, append(where(map[string]string{"charge": in.Charge, "payment_intent": in.Intent}), in.Created.within("created")...)...)
}

// An evidenceParam is evidence as it is sent: any of the fields of evidence.
type evidenceParam map[string]string

func (e *evidenceParam) decodeParam(d *decoder, path string, n *node) {
	if n.leaf {
		d.fail(invalid(path, "Invalid hash"))
		return
	}
	*e = evidenceParam{}
	known := wordSet(evidenceFields)
	for _, name := range n.names {
		at, sent := join(path, name), n.fields[name]
		switch {
		case name == "enhanced_evidence":
			d.fail(invalid(at, "This sandbox does not simulate the parameter %s. Stripe knows it; leave it out here.", at))
		case !known[name]:
			d.unknown = append(d.unknown, at)
		case !sent.leaf:
			d.fail(invalid(at, "Invalid string: {}"))
		default:
			(*e)[name] = sent.value
		}
	}
}

// answerDispute takes evidence, and with submit (the default) sends it to the
// bank. The words winning_evidence and losing_evidence as uncategorized_text
// decide at once, as in Stripe's test mode; anything else is under review until
// somebody decides at /_sandbox/disputes or on the dashboard.
func answerDispute(r *request) (any, error) {
	in, err := read[struct {
		Evidence evidenceParam `p:"evidence"`
		Metadata metadataParam `p:"metadata"`
		Submit   *bool         `p:"submit"`
	}](r)
	if err != nil {
		return nil, err
	}
	d, t, err := r.openDispute()
	if err != nil {
		return nil, err
	}
	if d.Metadata, err = in.Metadata.apply(d.Metadata); err != nil {
		return nil, err
	}
	for name, value := range in.Evidence {
		d.Evidence[name] = nil
		if value != "" {
			d.Evidence[name] = value
		}
		d.EvidenceDetails.Has = true
	}
	if in.Evidence != nil && (in.Submit == nil || *in.Submit) {
		d.EvidenceDetails.Submissions++
		d.Status = map[bool]string{false: disputeReview, true: inquiryReview}[d.inquiry()]
	}
	if err := t.save(d); err != nil {
		return nil, err
	}
	if err := t.emit("charge.dispute.updated", d); err != nil {
		return nil, err
	}
	switch in.Evidence["uncategorized_text"] {
	case "winning_evidence":
		return d, t.decide(d, disputeWon)
	case "losing_evidence":
		return d, t.decide(d, disputeLost)
	}
	return d, nil
}

// openDispute is the dispute of the URL, and r at the time that it goes by.
func (r *request) openDispute() (*Dispute, *tx, error) {
	d, err := fromPath[Dispute](r, "dispute")
	if err != nil {
		return nil, nil, err
	}
	if d.Status != disputeOpen && d.Status != inquiryOpen {
		return nil, nil, invalid("", "This dispute cannot be answered any more: it is %s.", d.Status)
	}
	c, err := get[Charge](r.tx, d.Charge, "charge")
	if err != nil {
		return nil, nil, err
	}
	t, err := r.atCharge(c)
	return d, t, err
}

// closeDispute gives in: the dispute is lost.
func closeDispute(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	d, t, err := r.openDispute()
	if err != nil {
		return nil, err
	}
	return d, t.decide(d, disputeLost)
}

// disputePages are for programs and scripts that play the bank.
var disputePages = []pageRoute{
	{"POST /_sandbox/disputes", (*Server).serveDispute},
	{"POST /_sandbox/disputes/{dispute}", (*Server).serveDecision},
}

// disputeReasons are the reasons that a bank may give here; "inquiry" only asks.
var disputeReasons = []string{"fraudulent", "product_not_received", "product_unacceptable", "duplicate", "subscription_canceled", "unrecognized", "general", "inquiry"}

// serveDispute has the bank dispute a charge.
func (s *Server) serveDispute(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Charge string `json:"charge"`
		Reason string `json:"reason"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	if in.Reason = either(in.Reason, "fraudulent"); !oneOf(in.Reason, disputeReasons) {
		answerProblem(w, http.StatusBadRequest, errors.New(`the "reason" is one of `+alternatives(disputeReasons)))
		return
	}
	var d *Dispute
	err := s.onObject(r.Context(), "charge", in.Charge, func(t *tx) (err error) {
		c, err := get[Charge](t, in.Charge, "charge")
		if err != nil {
			return err
		}
		if t, err = t.atCharge(c); err != nil {
			return err
		}
		d, err = t.dispute(c, in.Reason)
		return err
	})
	s.answerOwn(w, r, d, err)
}

// serveDecision is how the bank decides: {"status": "won"}, or lost.
func (s *Server) serveDecision(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Status string `json:"status"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	if in.Status != disputeWon && in.Status != disputeLost {
		answerProblem(w, http.StatusBadRequest, errors.New(`the "status" is won or lost`))
		return
	}
	var d *Dispute
	err := s.onObject(r.Context(), "dispute", r.PathValue("dispute"), func(t *tx) (err error) {
		d, err = t.decideByID(r.PathValue("dispute"), in.Status)
		return err
	})
	s.answerOwn(w, r, d, err)
}

// decideByID closes the dispute with that id.
func (t *tx) decideByID(id, status string) (*Dispute, error) {
	d, err := get[Dispute](t, id, "dispute")
	if err != nil {
		return nil, err
	}
	c, err := get[Charge](t, d.Charge, "charge")
	if err != nil {
		return nil, err
	}
	on, err := t.atCharge(c)
	if err != nil {
		return nil, err
	}
	return d, on.decide(d, status)
}

// onObject runs fn on the account that holds the live object of that kind and id.
func (s *Server) onObject(ctx context.Context, kind, id string, fn func(*tx) error) error {
	var account string
	err := s.read(ctx, "", func(t *tx) error {
		_, err := t.scan(`SELECT account FROM objects WHERE type = ? AND id = ? AND deleted = 0`, []any{kind, id}, &account)
		return err
	})
	if err != nil {
		return err
	}
	if account == "" {
		return notFound(kind, id, "")
	}
	return s.write(ctx, account, fn)
}

// answerOwn answers a call of the sandbox's own API with an object, or with what
// kept it from happening.
func (s *Server) answerOwn(w http.ResponseWriter, r *http.Request, o resource, err error) {
	if e, ok := errors.AsType[*apiError](err); ok {
		answerProblem(w, e.Status, e)
		return
	}
	if err != nil {
		s.log.ErrorContext(r.Context(), "sandbox: a call failed", "path", r.URL.Path, "error", err)
		answerProblem(w, http.StatusInternalServerError, errors.New("the sandbox's log says what went wrong"))
		return
	}
	answerJSON(w, http.StatusOK, map[string]string{"id": o.self().ID, "object": o.kind()})
}
