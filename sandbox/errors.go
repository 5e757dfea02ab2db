package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// An apiError is an answer in Stripe's error shape. Handlers return one for
// everything the caller did wrong; any other error becomes a 500 api_error.
type apiError struct {
	Status        int    `json:"-"`
	Type          string `json:"type"`
	Code          string `json:"code,omitempty"`
	DeclineCode   string `json:"decline_code,omitempty"`
	Message       string `json:"message"`
	Param         string `json:"param,omitempty"`
	DocURL        string `json:"doc_url,omitempty"`
	RequestLogURL string `json:"request_log_url,omitempty"`
	Charge        string `json:"charge,omitempty"`         // the id of the charge that failed
	PaymentIntent any    `json:"payment_intent,omitempty"` // a resource; rendered like any other
	PaymentMethod any    `json:"payment_method,omitempty"`

	early  bool // found before execution began: the answer is not kept for the idempotency key
	commit bool // what the call changed stays, although it failed
}

// Error returns Stripe's message.
func (e *apiError) Error() string { return e.Message }

// keep makes the effects of a call that answers with err stay: a declined
// charge is an error to the caller, and yet a failed payment on the books.
func keep(err error) error {
	if e, ok := errors.AsType[*apiError](err); ok {
		kept := *e
		kept.commit = true
		return &kept
	}
	return err
}

// invalid is the plain 400: message, about param ("" when about none).
func invalid(param, format string, args ...any) error {
	return &apiError{Status: http.StatusBadRequest, Type: "invalid_request_error",
		Message: fmt.Sprintf(format, args...), Param: param}
}

// invalidCode is invalid with one of Stripe's error codes.
func invalidCode(code, param, format string, args ...any) error {
	return &apiError{Status: http.StatusBadRequest, Type: "invalid_request_error", Code: code,
		Message: fmt.Sprintf(format, args...), Param: param}
}

// missingParam says that param, which this call needs, was not sent.
func missingParam(param string) error {
	return invalidCode("parameter_missing", param, "Missing required param: %s.", param)
}

// noSuch says that a parameter names an object of that kind that does not exist
// (or is another account's, which looks the same).
func noSuch(kind, id, param string) error {
	return invalidCode("resource_missing", param, "No such %s: '%s'", spoken(kind), id)
}

// notFound is noSuch for the object that the URL itself names.
func notFound(kind, id, param string) error {
	return &apiError{Status: http.StatusNotFound, Type: "invalid_request_error", Code: "resource_missing",
		Message: fmt.Sprintf("No such %s: '%s'", spoken(kind), id), Param: param}
}

// cardError is a 402: the card was refused with code and, for declines, a
// decline code.
func cardError(code, declineCode, message string) *apiError {
	return &apiError{Status: http.StatusPaymentRequired, Type: "card_error", Code: code,
		DeclineCode: declineCode, Message: message}
}

// spoken is how Stripe's messages call a kind of object.
func spoken(kind string) string {
	switch kind {
	case "payment_method":
		return "PaymentMethod"
	case "billing.meter_event_summary":
		return "meter event summary"
	case "billing.meter":
		return "meter"
	case "test_helpers.test_clock":
		return "test clock"
	case "billing_portal.configuration":
		return "configuration"
	}
	return strings.ReplaceAll(kind, "_", " ")
}

// early marks err as found before execution began.
func early(err error) error {
	if e, ok := errors.AsType[*apiError](err); ok {
		e.early = true
	}
	return err
}

// emptyParam says that param was sent as "" although it cannot be unset.
func emptyParam(param string) error {
	return invalidCode("parameter_invalid_empty", param, "You passed an empty string for '%[1]s'. We assume empty values are an attempt to unset a parameter; however '%[1]s' cannot be unset. You should remove '%[1]s' from your request or supply a non-empty value.", param)
}
