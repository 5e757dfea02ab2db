package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/internal/browser"
)

func TestMain(m *testing.M) { os.Exit(browser.Main(m)) }

// A printout is what the program says, which it may still be saying.
type printout struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (p *printout) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

// String is what was said so far.
func (p *printout) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// A running program, and where it said it is.
type running struct {
	t                        *testing.T
	portal, sandbox, account string
	out, log                 *printout
	stop                     func() error
}

var (
	saidPortal  = regexp.MustCompile(`admin +(http://\S+)/admin`)
	saidSandbox = regexp.MustCompile(`sandbox +(http://\S+)`)
	saidAccount = regexp.MustCompile(`Stripe is (acct_\w+)\.`)
)

// settings are the environment of a program on free ports, its data in dir.
func settings(dir string, more ...string) map[string]string {
	env := map[string]string{"TOLLGATE_ADDR": "127.0.0.1:0", "TOLLGATE_SANDBOX_ADDR": "127.0.0.1:0", "TOLLGATE_GATEWAY_ADDR": "127.0.0.1:0", "TOLLGATE_DATA": dir}
	for i := 0; i+1 < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return env
}

// start runs the program until the test ends, or stop is called.
func start(t *testing.T, env map[string]string, args ...string) *running {
	t.Helper()
	r := &running{t: t, out: &printout{}, log: &printout{}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, args, func(name string) string { return env[name] }, r.out, r.log) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("the program ended with: %v\n%s", err, r.log)
		}
	})
	deadline := time.Now().Add(30 * time.Second)
	for !strings.HasSuffix(r.out.String(), "\n\n") && !strings.HasSuffix(r.out.String(), ".\n\n") {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the program ended with: %v\n%s", err, r.log)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("the program did not say where it is:\n%s\n%s", r.out, r.log)
		}
	}
	said := r.out.String()
	r.portal, r.sandbox, r.account = first(saidPortal, said), first(saidSandbox, said), first(saidAccount, said)
	return r
}

func first(re *regexp.Regexp, text string) string {
	if m := re.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// signIn opens a browser of its own for one of the demo's people.
func (r *running) signIn(who string, scripts bool) *browser.Page {
	r.t.Helper()
	p := browser.New(r.t)
	if !scripts {
		p.DisableScripts()
	}
	p.Open(r.portal + "/sign-in")
	p.Fill("Name or e-mail", who)
	p.Fill("Password", "demo")
	p.Click("Sign in")
	p.See("Sign out")
	return p
}

// The main job, the way the three of them do it.
func TestTheMainJob(t *testing.T) {
	t.Parallel()
	for name, scripts := range map[string]bool{"with scripts": true, "without scripts": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, settings(t.TempDir()))
			r.plans(scripts)
			r.sale(scripts)
			r.purchase(scripts)
			r.invoices(scripts)
			r.ending(scripts)
		})
	}
}

// plans: an admin makes two business plans, and they stand at Stripe.
func (r *running) plans(scripts bool) {
	admin := r.signIn("admin", scripts)
	admin.See("Overview")
	admin.Click("Business plans")
	admin.Click("Create a plan")
	admin.Fill("Name", "Gold")
	admin.Choose("Billing plan", "Fixed rate")
	admin.Fill("Price", "49,00")
	admin.Fill("Currency", "USD")
	admin.Choose("Billing cycle", "Month")
	admin.Fill("Rate limit", "1000")
	admin.Choose("In each", "Minute")
	admin.Click("Create plan")
	admin.See("One field needs another look")
	if got := admin.Value("Price"); got != "49,00" {
		r.t.Errorf("what was typed as price came back as %q", got)
	}
	admin.Fill("Price", "49.00")
	admin.Click("Create plan")
	admin.See("49.00 USD")
	admin.See("price_")

	admin.Click("Business plans")
	admin.Click("Create a plan")
	admin.Fill("Name", "Pay as you go")
	admin.Choose("Billing plan", "Dynamic rate")
	admin.Fill("Price", "0.002")
	admin.Fill("Currency", "USD")
	admin.Click("Create plan")
	admin.See("0.002 USD")
	admin.See("mtr_")
}

// sale: a publisher makes an API, attaches plans and switches monetization on.
func (r *running) sale(scripts bool) {
	publisher := r.signIn("publisher", scripts)
	publisher.Open(r.portal + "/publisher/apis")
	publisher.Click("Create an API")
	publisher.Fill("Name", "Tides")
	publisher.Fill("Version", "v1")
	publisher.Fill("Context", "tides")
	publisher.Fill("Upstream endpoint", "https://tides.example.com/api")
	publisher.Fill("Description", "High and low water for 900 ports.")
	publisher.Click("Create API")
	publisher.See("Tides v1")
	publisher.Click("Publish")
	publisher.See("Published")
	publisher.Click("Plans")
	for _, plan := range []string{"Gold", "Pay as you go", "Free"} {
		publisher.Tick("Offer " + plan)
	}
	publisher.Click("Save")
	publisher.Click("Monetization")
	publisher.Tick("Enable monetization")
	publisher.Fill("Connected account ConnectedAccountKey", "acct_somebodyelses")
	publisher.Click("Save")
	publisher.See("needs another look")
	publisher.Fill("Connected account ConnectedAccountKey", r.account)
	publisher.Tick("Enable monetization")
	publisher.Click("Save")
	publisher.See("On sale")
	publisher.See("mtr_")
	publisher.Within("monthly, version 1").See("Monetized")
}

// purchase: a subscriber finds the API, subscribes and pays in Checkout.
func (r *running) purchase(scripts bool) {
	subscriber := r.signIn("subscriber", scripts)
	subscriber.Open(r.portal + "/devportal?q=tides")
	subscriber.See("Freemium")
	subscriber.Click("Tides v1")
	subscriber.See("49.00 USD")
	subscriber.See("0.002 USD")
	subscriber.Choose("Application", "Forecast widget")
	subscriber.Within("49.00 USD a month No cap").Click("Subscribe")
	subscriber.See("Due when you complete the payment")
	subscriber.See("UTC")
	subscriber.Click("Complete Payment")
	subscriber.See("This is the sandbox.")
	pay(subscriber, "4000 0000 0000 0002")
	subscriber.See("Your card was declined.")
	pay(subscriber, "4242 4242 4242 4242")
	subscriber.See("Active")
	if !strings.HasPrefix(subscriber.URL(), r.portal+"/devportal/subscriptions/") {
		r.t.Errorf("after paying the browser is at %s", subscriber.URL())
	}
}

func pay(p *browser.Page, card string) {
	p.Fill("Card number", card)
	p.Fill("Expires", "04 / 35")
	p.Fill("CVC", "123")
	p.Fill("Name on card", "Ada Byron")
	p.Click("Pay 49.00 USD in the sandbox")
}

// invoices: subscriber and publisher both see what was charged and what will be.
func (r *running) invoices(scripts bool) {
	subscriber := r.signIn("subscriber", scripts)
	subscriber.Open(r.portal + "/devportal/subscriptions")
	subscriber.Click("Tides v1")
	subscriber.Click("View Invoice")
	subscriber.See("49.00 USD")
	subscriber.See("Upcoming")
	subscriber.See("Paid")
	publisher := r.signIn("publisher", scripts)
	publisher.Open(r.portal + "/publisher/subscriptions")
	publisher.Within("Forecast widget").Click("View Invoice")
	publisher.See("49.00 USD")
	publisher.See("Upcoming")
}

// ending: the subscriber cancels in the Customer Portal, and a month later the
// subscription is over on both sides.
func (r *running) ending(scripts bool) {
	subscriber := r.signIn("subscriber", scripts)
	subscriber.Open(r.portal + "/devportal/subscriptions")
	subscriber.Click("Tides v1")
	subscriber.Click("Manage billing")
	subscriber.See("Payment method")
	subscriber.Click("Cancel subscription")
	subscriber.Within("It works until").Click("Cancel subscription")
	subscriber.See("Ends on")
	subscriber.Click("Return to Northwind Weather")
	r.eventually(subscriber, "Ends on")

	clock := browser.New(r.t)
	if !scripts {
		clock.DisableScripts()
	}
	clock.Open(r.sandbox + "/clock")
	clock.Click("1 month")
	clock.See("customer.subscription.deleted")
	r.eventually(subscriber, "Ended")
}

// eventually loads a page again until it shows words: webhooks take their time.
func (r *running) eventually(p *browser.Page, words string) {
	r.t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !strings.Contains(p.HTML(), words) {
		if time.Now().After(deadline) {
			r.t.Fatalf("the page never shows %q:\n%s", words, p.HTML())
		}
		p.Open(p.URL())
	}
	p.See(words)
}

func TestItStartsAgainOnItsData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one := start(t, settings(dir))
	again := start2(t, dir)
	if again == nil || !strings.Contains(again.Error(), "another Tollgate uses") {
		t.Errorf("a second server on the same file: %v", again)
	}
	if err := one.stop(); err != nil {
		t.Fatal(err)
	}
	two := start(t, settings(dir))
	if two.account != one.account {
		t.Errorf("the demo's account is %s, and was %s", two.account, one.account)
	}
	for _, path := range []string{"/devportal", "/readyz", "/healthz"} {
		r, err := http.Get(two.portal + path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
	if err := two.stop(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"secret.key": 0o600, "tollgate.db": 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// start2 runs the program where it must refuse to run, and returns why it did.
func start2(t *testing.T, dir string, more ...string) error {
	t.Helper()
	env := settings(dir, more...)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return run(ctx, nil, func(name string) string { return env[name] }, &printout{}, &printout{})
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	t.Parallel()
	made := t.TempDir()
	if err := start(t, settings(made)).stop(); err != nil {
		t.Fatal(err)
	}
	taken := start(t, settings(t.TempDir()))
	for name, c := range map[string]struct {
		dir  string
		env  []string
		says string
	}{
		"another mode":       {made, []string{"TOLLGATE_MODE", "test"}, "TOLLGATE_MODE=sandbox"},
		"another key":        {made, []string{"TOLLGATE_SECRET_KEY", strings.Repeat("0123456789abcdef", 4)}, "TOLLGATE_SECRET_KEY"},
		"a live key":         {t.TempDir(), []string{"TOLLGATE_STRIPE_SECRET_KEY", "sk_live_0123456789abcdef"}, "TOLLGATE_MODE=live"},
		"a taken port":       {t.TempDir(), []string{"TOLLGATE_ADDR", strings.TrimPrefix(taken.portal, "http://")}, "set TOLLGATE_ADDR"},
		"no database server": {t.TempDir(), []string{"TOLLGATE_DATABASE_URL", "postgres://nobody@127.0.0.1:1/none", "TOLLGATE_SECRET_KEY", strings.Repeat("0123456789abcdef", 4)}, "TOLLGATE_DATABASE_URL"},
		"two problems":       {t.TempDir(), []string{"TOLLGATE_MODE", "production", "TOLLGATE_ADDR", "nowhere"}, "2 problems"},
	} {
		t.Run(name, func(t *testing.T) {
			err := start2(t, c.dir, c.env...)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("it says %q, want something with %q", err, c.says)
			}
		})
	}
}

// In test mode there is no demo: the first admin gets a link, printed once.
func TestTestModeHasNoDemo(t *testing.T) {
	t.Parallel()
	box := start(t, settings(t.TempDir())) // its sandbox plays Stripe
	r := start(t, settings(t.TempDir(), "TOLLGATE_MODE", "test", "TOLLGATE_STRIPE_API_BASE", box.sandbox,
		"TOLLGATE_STRIPE_SECRET_KEY", "sk_test_0123456789abcdefTestMode"))
	said := r.out.String()
	if strings.Contains(said, "password is demo") || strings.Contains(said, "sandbox ") || !strings.Contains(said, "/account/link/") {
		t.Errorf("it says:\n%s", said)
	}
	link := first(regexp.MustCompile(`(http://\S+/account/link/\S+)`), said)
	p := browser.New(t)
	p.Open(link)
	p.Fill("New password", "four words and more")
	p.Fill("New password again", "four words and more")
	p.Click("Set password")
	p.See("Sign out")
	p.Open(r.portal + "/admin/stripe")
	p.See("acct_")
	p.NotSee("No money moves")
}
