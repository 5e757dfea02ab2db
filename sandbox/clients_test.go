package sandbox_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tollgate/internal/browser"
)

// A console runs Stripe's own command line program against a sandbox.
type console struct {
	caller
	program string
	env     []string
}

func newConsole(t *testing.T) console {
	t.Helper()
	program := browser.Tool(t, "@stripe/cli-linux-x64/bin/stripe")
	env := []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "STRIPE_CLI_TELEMETRY_OPTOUT=1", "DO_NOT_TRACK=1", "STRIPE_API_KEY=" + oneKey}
	return console{newSite(t).as(oneKey), program, env}
}

// run is one command. It fails the test unless the command ends well.
func (c console) run(args ...string) string {
	c.t.Helper()
	command := exec.CommandContext(c.t.Context(), c.program, append(args, "--api-base", c.url)...)
	command.Env, command.Dir = c.env, c.t.TempDir()
	out, err := command.CombinedOutput()
	if err != nil {
		c.t.Fatalf("stripe %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (c console) happened() []string {
	c.t.Helper()
	var types []string
	for _, e := range c.must("GET /v1/events", "limit=100").json["data"].([]any) {
		types = append(types, e.(map[string]any)["type"].(string))
	}
	return types
}

func TestStripeCLIMakesObjects(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	var product struct{ ID, Name string }
	if err := json.Unmarshal([]byte(c.run("products", "create", "--name", "Gold")), &product); err != nil || product.Name != "Gold" {
		t.Fatal(product, err)
	}
	c.must("GET /v1/products/"+product.ID, "").want("name", "Gold")
	if out := c.run("customers", "list"); !strings.Contains(out, `"object": "list"`) {
		t.Error(out)
	}
}

func TestStripeCLIRunsFixtures(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	file := filepath.Join(t.TempDir(), "fixtures.json")
	const fixtures = `{"_meta": {"template_version": 0}, "fixtures": [
		{"name": "gold", "path": "/v1/products", "method": "post", "params": {"name": "Gold"}},
		{"name": "meter", "path": "/v1/billing/meters", "method": "post",
			"params": {"display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": "sum"}}},
		{"name": "monthly", "path": "/v1/prices", "method": "post",
			"params": {"product": "${gold:id}", "currency": "usd", "unit_amount": 4900, "recurring": {"interval": "month"}}},
		{"name": "ada", "path": "/v1/customers", "method": "post",
			"params": {"email": "ada@example.com", "payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}},
		{"name": "order", "path": "/v1/subscriptions", "method": "post",
			"params": {"customer": "${ada:id}", "items": [{"price": "${monthly:id}", "quantity": 2}]}}]}`
	if err := os.WriteFile(file, []byte(fixtures), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run("fixtures", file)
	r := c.must("GET /v1/subscriptions", "expand[]=data.latest_invoice")
	r.want("data.0.status", "active")
	r.want("data.0.latest_invoice.amount_paid", 9800)
}

// Each trigger of Stripe's program is a story that must end in its event.
func TestStripeCLITriggers(t *testing.T) {
	t.Parallel()
	for _, event := range []string{
		"checkout.session.completed", "checkout.session.expired", "invoice.payment_succeeded", "invoice.payment_failed",
		"invoice.payment_action_required", "customer.subscription.updated", "customer.subscription.deleted",
		"invoice.paid", "invoice.voided", "invoice.marked_uncollectible", "payment_intent.payment_failed", "charge.refunded",
	} {
		t.Run(event, func(t *testing.T) {
			t.Parallel()
			c := newConsole(t)
			out := c.run("trigger", event)
			if types := c.happened(); !slices.Contains(types, event) {
				t.Errorf("%v\n%s", types, out)
			}
		})
	}
}
