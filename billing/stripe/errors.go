package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/stripe/stripe-go/v82"

	"tollgate/billing"
	"tollgate/internal/fault"
)

// refuse says no before Stripe is asked.
func refuse(message string) error {
	return &billing.Refused{Status: http.StatusBadRequest, Code: "parameter_invalid", Message: message}
}

// answered sorts the outcome of a call that gave an object called id. An answer
// without an id is no answer: stripe-go takes "null" for success.
func answered(op, id string, err error) error {
	if err == nil && id == "" {
		return fmt.Errorf("stripe: %s: the answer has no id", op)
	}
	return verdict(op, err)
}

// verdict sorts Stripe's answers. Only a positive list of statuses is a no; after
// anything else nobody knows what happened. Stripe's error itself is not kept,
// because it may carry a payment's client secret.
func verdict(op string, err error) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*stripe.Error](err)
	if !ok {
		return unanswered(op, err)
	}
	switch e.HTTPStatusCode {
	case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusNotFound:
		if e.Type != stripe.ErrorTypeIdempotency { // then an earlier call under this key did something else
			return &billing.Refused{
				Status: e.HTTPStatusCode, Code: string(e.Code), Decline: string(e.DeclineCode), Param: e.Param,
				Message: said(e), RequestID: e.RequestID,
			}
		}
	case http.StatusUnauthorized, http.StatusForbidden:
		return &billing.Barred{Status: e.HTTPStatusCode, Message: said(e)}
	}
	err = fmt.Errorf("stripe: %s: %d %s (request %q): %s", op, e.HTTPStatusCode, e.Code, e.RequestID, said(e))
	if e.HTTPStatusCode == http.StatusTooManyRequests || e.HTTPStatusCode >= http.StatusInternalServerError {
		return fault.From(fault.Unavailable, err, "Stripe has trouble of its own right now; its number for it is "+e.RequestID+".")
	}
	return err
}

// unanswered is an error of the way to Stripe and back. What cannot be read is
// not repeated: it may be anything.
func unanswered(op string, err error) error {
	_, network := errors.AsType[*url.Error](err)
	if network || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault.From(fault.Unavailable, fmt.Errorf("stripe: %s: %w", op, err), "Stripe does not answer right now.")
	}
	return fmt.Errorf("stripe: %s: the answer cannot be read", op)
}

// said is Stripe's message, or some words for its absence.
func said(e *stripe.Error) string {
	if e.Msg != "" {
		return e.Msg
	}
	return "Stripe answered " + http.StatusText(e.HTTPStatusCode) + " and gave no reason."
}

// gone reports whether Stripe says that the object is not there. An address it
// does not know is a 404 too, but says nothing of the object.
func gone(err error) bool {
	no, ok := errors.AsType[*billing.Refused](err)
	return ok && no.Status == http.StatusNotFound && no.Code == string(stripe.ErrorCodeResourceMissing)
}

// refusedWith reports whether err is a no with one of the statuses.
func refusedWith(err error, statuses ...int) bool {
	no, ok := errors.AsType[*billing.Refused](err)
	if !ok {
		return false
	}
	for _, s := range statuses {
		if no.Status == s {
			return true
		}
	}
	return false
}
