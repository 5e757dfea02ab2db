package sandbox_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v82"
)

// What can happen to a call that reports use, and what a client finds that tries
// again: with the same key the same answer, with another key that the event is
// there already.
func TestReportsOfUseMeetFaults(t *testing.T) {
	t.Parallel()
	const call = `{"call":"POST /v1/billing/meter_events",`
	for fault, want := range map[string]struct {
		status  int // 0 for no answer
		counted any
	}{
		call + `"status":429}`:                                 {http.StatusTooManyRequests, nil},
		call + `"status":503}`:                                 {http.StatusServiceUnavailable, nil},
		call + `"status":500,"after":true}`:                    {http.StatusInternalServerError, 5.0},
		call + `"how":"lock","status":429}`:                    {http.StatusTooManyRequests, nil},
		call + `"how":"timeout"}`:                              {0, nil},
		call + `"how":"timeout","after":true}`:                 {0, 5.0},
		call + `"how":"slow","by":"90s"}`:                      {0, nil},
		call + `"how":"slow","by":"90s","after":true}`:         {0, 5.0},
		`{"meter_event":"*","how":"duplicate"}`:                {http.StatusOK, 10.0},
		`{"meter_event":"*","how":"late","by":"1h"}`:           {http.StatusOK, nil},
		`{"meter_event":"*","how":"reject","code":"no_meter"}`: {http.StatusOK, nil},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.inject(fault)
			if status := s.reportOnce(t, "first"); status != want.status {
				t.Errorf("answered %d, want %d", status, want.status)
			}
			if got := s.counted(); got != want.counted {
				t.Errorf("counted %v, want %v", got, want.counted)
			}
			if status := s.reportOnce(t, "first"); status != http.StatusOK {
				t.Errorf("the same again: %d", status)
			}
			if status := s.reportOnce(t, "second"); status != http.StatusBadRequest {
				t.Errorf("again with another key: %d", status)
			}
			if fault[2] == 'c' {
				if got := s.counted(); got != 5.0 {
					t.Errorf("at last counted %v", got)
				}
			}
		})
	}
}

// reportOnce sends one event through stripe-go, which waits for a second at most
// and does not try again, and returns the status, 0 when there was no answer.
func (s shop) reportOnce(t *testing.T, key string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	p := &stripe.BillingMeterEventCreateParams{EventName: stripe.String("calls"), Identifier: stripe.String("u1_window"),
		Payload: map[string]string{"stripe_customer_id": s.customer, "value": "5"}}
	p.SetIdempotencyKey(key)
	_, err := s.client(oneKey).V1BillingMeterEvents.Create(ctx, p)
	if e, ok := errors.AsType[*stripe.Error](err); ok {
		return e.HTTPStatusCode
	}
	if err != nil {
		return 0
	}
	return http.StatusOK
}
