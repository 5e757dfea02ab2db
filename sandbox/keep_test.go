package sandbox

import (
	"net/http"
	"testing"
	"time"
)

// An error that keeps its effects answers the same for its key ever after, and
// the objects inside it are shown like any others.
func TestKeptErrorsHaveEffects(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	s := open(t, &now)
	for name, wrap := range map[string]func(error) error{"kept": keep, "undone": func(err error) error { return err }} {
		fail := s.api(route{"POST", "/v1/fail", func(r *request) (any, error) {
			card, _ := cardByKey("visa")
			m := r.newMethod(card, 0, 0, nil)
			if err := r.insert(m); err != nil {
				return nil, err
			}
			e := cardError("card_declined", "generic_decline", "Your card was declined.")
			e.PaymentMethod = m
			return nil, wrap(e)
		}})
		first := post(t, fail, name)
		again := post(t, fail, name)
		if first.Code != http.StatusPaymentRequired || again.Body.String() != first.Body.String() || again.Header().Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s: %d %s, then %s", name, first.Code, first.Body, again.Body)
		}
		body, err := parseJSON(first.Body.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		method := dig(body, []string{"error", "payment_method"}).(tree)
		if method["object"] != "payment_method" || method["_card"] != nil {
			t.Errorf("%s: the method inside is %v", name, method)
		}
		want := map[string]int{"kept": http.StatusOK, "undone": http.StatusNotFound}[name]
		if status, _ := ask(t, s, "GET /v1/payment_methods/"+method["id"].(string), ""); status != want {
			t.Errorf("%s: the method's GET answers %d", name, status)
		}
	}
}

// Usage becomes whole units when it is billed, and never less than none.
func TestQuantitiesAreWhole(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for values, want := range map[[2]string]int64{{"1", "2"}: 3, {"0.2", "0.2"}: 0, {"1", "1.5"}: 3, {"2", "-5"}: 0} {
		s := open(t, &now)
		_, meter := ask(t, s, "POST /v1/billing/meters", "display_name=C&event_name=calls&default_aggregation[formula]=sum")
		_, customer := ask(t, s, "POST /v1/customers", "")
		for _, v := range values {
			ask(t, s, "POST /v1/billing/meter_events", "event_name=calls&payload[stripe_customer_id]="+customer["id"].(string)+"&payload[value]="+v)
		}
		_, account := ask(t, s, "GET /v1/account", "")
		err := s.read(t.Context(), account["id"].(string), func(tx *tx) error {
			m, err := find[Meter](tx, meter["id"].(string))
			if err != nil {
				return err
			}
			got, err := tx.quantity(m, customer["id"].(string), span{now, now.Add(time.Second)})
			if got != want {
				t.Errorf("%v count as %d, want %d", values, got, want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
