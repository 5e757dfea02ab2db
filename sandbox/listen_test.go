package sandbox_test

import (
	"encoding/json"
	"testing"

	"github.com/stripe/stripe-go/v82/webhook"
	"golang.org/x/net/websocket"
)

// What `stripe listen` does: open a session, connect, and hear every event of
// the platform and of the accounts connected to it, signed.
func TestTheCommandLineListens(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.as(oneKey)
	account := c.must("POST /v1/accounts", "type=standard").id()
	session := c.unchecked("POST /v1/stripecli/sessions", "device_name=here&websocket_features[]=webhooks&forward_to_url=http://127.0.0.1:1/")
	config, err := websocket.NewConfig(session.text("websocket_url"), s.url)
	if err != nil {
		t.Fatal(err)
	}
	config.Protocol = []string{"stripecli-devproxy-v1"}
	conn, err := websocket.DialConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	hear := func() (event map[string]any) {
		t.Helper()
		var text string
		if err := websocket.Message.Receive(conn, &text); err != nil {
			t.Fatal(err)
		}
		var message struct {
			Type    string            `json:"type"`
			Payload string            `json:"event_payload"`
			Headers map[string]string `json:"http_headers"`
		}
		if err := json.Unmarshal([]byte(text), &message); err != nil || message.Type != "webhook_event" {
			t.Fatalf("%v: %s", err, text)
		}
		if err := webhook.ValidatePayloadIgnoringTolerance([]byte(message.Payload), message.Headers["Stripe-Signature"], session.text("secret")); err != nil {
			t.Error(err)
		}
		if err := json.Unmarshal([]byte(message.Payload), &event); err != nil {
			t.Fatal(err)
		}
		return event
	}
	s.as(anotherKey).must("POST /v1/products", "name=Hidden")
	c.must("POST /v1/products", "name=Gold")
	if e := hear(); e["type"] != "product.created" || e["account"] != nil {
		t.Errorf("heard %v", e)
	}
	c.with("Stripe-Account", account).must("POST /v1/customers", "name=Ann")
	if e := hear(); e["type"] != "customer.created" || e["account"] != account {
		t.Errorf("heard %v", e)
	}
}

func TestOnlySessionsListen(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	config, err := websocket.NewConfig("ws"+s.url[len("http"):]+"/stripecli/subscribe/guess", s.url)
	if err != nil {
		t.Fatal(err)
	}
	config.Protocol = []string{"stripecli-devproxy-v1"}
	if conn, err := websocket.DialConfig(config); err == nil {
		t.Error("a guessed session listens", conn.Close())
	}
}
