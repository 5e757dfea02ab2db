package devportal_test

import (
	"strings"
	"testing"

	"github.com/a-h/templ"
)

// controls are what a page must offer, and what it must not.
var controls = map[string]struct{ has, not []string }{
	"subscription_payable": {
		has: []string{`href="/api/am/stripe/checkout-url?subscriptionId=s1">Complete Payment</a>`, `action="/devportal/subscriptions/s1/refresh"`, ">Cancel subscription</button>"},
		not: []string{"data-hx-get", "Manage billing", "View Invoice", "Start again"},
	},
	"subscription_opening":    {has: []string{`data-hx-get="/devportal/subscriptions/s1"`, `data-hx-trigger="every 2s"`, ">Refresh</button>"}, not: []string{"Complete Payment"}},
	"subscription_confirming": {has: []string{`data-hx-get="/devportal/subscriptions/s1"`, ">Refresh</button>"}, not: []string{"Complete Payment", "Start again"}},
	"subscription_not_paid":   {has: []string{`action="/devportal/subscriptions/s1/start-again"`, ">Start again</button>"}, not: []string{"Complete Payment", "data-hx-get"}},
	"subscription_refused":    {has: []string{">Start again</button>", "Its reason: Your account"}, not: []string{"Complete Payment"}},
	"subscription_active_fixed": {
		has: []string{
			`href="/devportal/subscriptions/s1/invoice">View Invoice</a>`,
			`href="/api/am/stripe/portal-url?subscriptionId=s1&amp;tenantDomain=carbon.super">Manage billing</a>`,
			`value="period-end" checked`, `value="now"`,
		},
		not: []string{"Complete Payment", "data-hx-get"},
	},
	"subscription_active_free":  {has: []string{">Cancel subscription</button>", `type="hidden" name="when" value="now"`}, not: []string{"Manage billing", "View Invoice", "Stripe", "period-end"}},
	"subscription_ending":       {has: []string{`action="/devportal/subscriptions/s1/resume"`, ">Resume</button>"}, not: []string{"period-end"}},
	"subscription_owed":         {has: []string{`class="button button-primary" href="/api/am/stripe/portal-url?`}, not: []string{"Pay the open invoice"}},
	"subscription_owed_invoice": {has: []string{`href="https://invoice.stripe.com/i/acct_1/test_1"`, "Manage billing"}},
	"subscription_ended":        {has: []string{"See the plans"}, not: []string{"Cancel subscription", "Refresh", "Resume"}},
	"subscription_hostile":      {has: []string{`when-problem`}, not: []string{"javascript:", "<script>alert"}},
	"api":                       {has: []string{`action="/devportal/apis/a1/subscribe"`, `name="plan" value="p2"`, `name="application_name"`, `<option value="new">`}},
	"api_visitor":               {has: []string{`href="/sign-in?next=%2Fdevportal%2Fapis%2Fa1"`, ">Subscribe</a>"}, not: []string{"<form method=\"post\" action=\"/devportal"}},
	"api_first_application":     {has: []string{`type="hidden" name="application" value="new"`}, not: []string{"when-new"}},
	"api_publisher":             {not: []string{"Subscribe<"}},
	"invoice":                   {has: []string{"Not final", "NW-2026-0261", "https://pay.stripe.com/invoice/acct_1/test_1/pdf", "Manage billing"}},
	"invoice_open":              {has: []string{"Pay at Stripe", "Stripe tries the card again on "}},
	"invoice_no_preview":        {has: []string{"Stripe does not answer right now"}, not: []string{"Not final"}},
	"application_first_key":     {has: []string{`action="/devportal/applications/` + appID + `/keys"`, `class="button button-primary">Generate key</button>`, `name="type"`, `name="life"`, `type="date"`}},
	"application_keys":          {has: []string{`/keys/k3#rotate"`, `/keys/k3#revoke"`, `class="button">Generate key</button>`, "tgp_4pXq7B…"}, not: []string{"/keys/k1#revoke"}},
	"key_new":                   {has: []string{`id="key">tgp_4pXq7BexampleKeyThatOpensNothing</pre>`, `data-copy="key"`, "apikey: tgp_4pXq7BexampleKeyThatOpensNothing"}, not: []string{`method="post" action="/devportal`}},
	"key_rotated":               {has: []string{"Web server (replaced) works until"}},
	"key":                       {has: []string{`action="/devportal/applications/` + appID + `/keys/k3/rotate"`, `action="/devportal/applications/` + appID + `/keys/k3/revoke"`, `value="0"`, `value="1"`, `value="24" checked`, `value="168"`, "Weather v1 and Tides v1"}},
	"key_revoked":               {not: []string{"/rotate", "/revoke"}},
	"subscription_called":       {has: []string{"apikey: YOUR_API_KEY", `href="/devportal/subscriptions/s1/usage"`, `href="/devportal/subscriptions/s1/calls"`, "estimate"}},
	"subscription_not_called":   {has: []string{`#new-key">Generate key</a>`}},
	"usage":                     {has: []string{"<figure", "<caption>", "usage.csv", `href="/devportal/subscriptions/s2/calls"`}},
	"usage_empty":               {has: []string{`class="button button-primary" href="/devportal/applications/app2#new-key">Generate key</a>`}, not: []string{"<figure"}},
	"usage_hostile":             {not: []string{"javascript:", "<script>alert"}},
	"calls":                     {has: []string{`href="/devportal/subscriptions/s2/calls.csv"`, `data-copy="call-0193a2f4`, "14:31:58.750 UTC"}},
	"application":               {has: []string{`action="/devportal/applications/4d9b6a52-6f3c-4ab1-9ef3-6d1a6f1a9c11/delete"`}},
	"application_used":          {has: []string{`href="/devportal/applications/4d9b6a52-6f3c-4ab1-9ef3-6d1a6f1a9c11/delete">Show what ends</a>`}, not: []string{`method="post" action="/devportal/applications/4d9b6a52-6f3c-4ab1-9ef3-6d1a6f1a9c11/delete`}},
}

func TestControls(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, pages := range []map[string]templ.Component{catalogue(), applications(), subscriptions(), invoices(), keyPages(), usagePages()} {
		for name, page := range pages {
			checkControls(t, name, page)
			seen[name] = true
		}
	}
	for name := range controls {
		if !seen[name] {
			t.Errorf("there is no page %s", name)
		}
	}
}

func checkControls(t *testing.T, name string, page templ.Component) {
	t.Helper()
	var b strings.Builder
	if err := page.Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	for _, want := range controls[name].has {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s lacks %s", name, want)
		}
	}
	for _, bad := range controls[name].not {
		if strings.Contains(b.String(), bad) {
			t.Errorf("%s must not hold %s", name, bad)
		}
	}
	if posts, tokens := strings.Count(b.String(), `method="post"`), strings.Count(b.String(), `name="form_token"`); posts != tokens {
		t.Errorf("%s has %d forms that change something and %d form tokens", name, posts, tokens)
	}
}
