package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v82"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/usage"
)

var _ usage.Sink = (*Engine)(nil)

// barredWait is how long an account is left alone that does not let us in.
const barredWait = 10 * time.Minute

// longestWait is the most that is waited because Stripe says so.
const longestWait = time.Hour

// SendUsage sends one meter event. Stripe has no code for an event that it has
// already, so that is known by its words.
func (e *Engine) SendUsage(ctx context.Context, at accounts.StripeAccount, key string, event usage.MeterEvent) error {
	c, err := e.writing(ctx, at, key)
	if err != nil {
		return counted(err)
	}
	if event.EventName == "" || event.Customer == "" || event.Identifier == "" || event.At.IsZero() {
		return &usage.Declined{Code: "parameter_missing", Message: "A meter event needs a name, a customer, an identifier and a time."}
	}
	p := &stripe.BillingMeterEventCreateParams{
		EventName: &event.EventName, Identifier: &event.Identifier, Timestamp: stripe.Int64(event.At.Unix()),
		Payload: map[string]string{payloadCustomer: event.Customer, payloadValue: strconv.FormatInt(event.Units, 10)},
	}
	c.mark(&p.Params, "")
	made, err := c.V1BillingMeterEvents.Create(ctx, p)
	if err == nil {
		return answered("send usage", made.Identifier, nil)
	}
	if said, ok := errors.AsType[*stripe.Error](err); ok && known(said) {
		return nil
	}
	return slower(err, counted(verdict("send usage", err)))
}

// known reports whether Stripe refuses an event because it has it already.
func known(e *stripe.Error) bool {
	return e.HTTPStatusCode == http.StatusBadRequest && e.Type != stripe.ErrorTypeIdempotency &&
		strings.Contains(strings.ToLower(e.Msg), "already exists with identifier")
}

// counted says an engine's error in the words of a sink.
func counted(err error) error {
	if no, ok := errors.AsType[*billing.Refused](err); ok {
		return &usage.Declined{Code: no.Code, Message: no.Message}
	}
	if barred, ok := errors.AsType[*billing.Barred](err); ok {
		return &usage.Busy{Wait: barredWait, Message: "Stripe does not let us into this account: " + barred.Message}
	}
	return err
}

// slower turns Stripe's "too many requests" into a Busy that says how long to wait.
func slower(raw, err error) error {
	e, ok := errors.AsType[*stripe.Error](raw)
	if !ok || e.HTTPStatusCode != http.StatusTooManyRequests {
		return err
	}
	wait := time.Duration(0)
	if e.LastResponse != nil {
		if seconds, err := strconv.Atoi(e.LastResponse.Header.Get("Retry-After")); err == nil && seconds > 0 {
			wait = min(time.Duration(seconds)*time.Second, longestWait)
		}
	}
	return &usage.Busy{Wait: wait, Message: said(e)}
}

// summary is what a meter has of a customer in a stretch of time, with all digits.
type summary struct {
	ID    string      `json:"id"`
	Value json.Number `json:"aggregated_value"`
}

// UsageTotal returns the units that a meter has of a customer from start to end, both
// on whole minutes. What is not whole is rounded down.
func (e *Engine) UsageTotal(ctx context.Context, at accounts.StripeAccount, meter, customer string, start, end time.Time) (int64, error) {
	c, err := e.reading(ctx, at, meter, customer)
	if err != nil {
		return 0, counted(err)
	}
	query := url.Values{"customer": {customer}, "start_time": {strconv.FormatInt(start.Unix(), 10)}, "end_time": {strconv.FormatInt(end.Unix(), 10)}}
	all, err := list(ctx, c, "read usage", "/v1/billing/meters/"+meter+"/event_summaries", query, func(s summary) string { return s.ID })
	if err != nil {
		return 0, counted(err)
	}
	total := new(big.Rat)
	for _, s := range all {
		value, ok := new(big.Rat).SetString(s.Value.String())
		if !ok {
			return 0, fmt.Errorf("stripe: read usage: %q is no number", s.Value)
		}
		total.Add(total, value)
	}
	whole := new(big.Int).Div(total.Num(), total.Denom())
	if !whole.IsInt64() {
		return 0, fmt.Errorf("stripe: read usage: %s is too much", whole)
	}
	return whole.Int64(), nil
}
