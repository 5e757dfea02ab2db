package sandbox_test

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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

// TestStripeForNode goes through testdata/journey.mjs with npm's stripe: another
// program by other hands, two API versions ahead of stripe-go's.
func TestStripeForNode(t *testing.T) {
	t.Parallel()
	module := filepath.Dir(browser.Tool(t, "stripe/package.json"))
	node, err := exec.LookPath("node")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	} else if err != nil {
		t.Skip(err)
	}
	w := &wall{now: time.Now()} // the module compares signatures with the machine's clock
	s := openSite(t, ":memory:", w)
	address, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("testdata/journey.mjs")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), node, script, address.Port(), oneKey, module)
	ended := make(chan error, 1)
	var out strings.Builder
	command.Stdout, command.Stderr = &out, &out
	go func() { ended <- command.Run() }()
	for {
		s.work()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("%v\n%s", err, out.String())
			}
			return
		case <-s.server.Wake():
		}
	}
}
