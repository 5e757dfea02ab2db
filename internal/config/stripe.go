package config

import (
	"net/url"
	"regexp"
	"strings"
)

var (
	keyForm     = regexp.MustCompile(`^(sk|rk)_(test|live)_[A-Za-z0-9_]{16,}$`)
	webhookForm = regexp.MustCompile(`^whsec_[A-Za-z0-9+/=_-]{24,}$`)
	// secretForm is what the vault takes: 64 hex digits, or 32 bytes in base64.
	secretForm = regexp.MustCompile(`^([0-9A-Fa-f]{64}|[A-Za-z0-9+/_-]{43}=?)$`)
)

func (r *reader) readStripe() {
	r.readStripeKey()
	r.readWebhookSecrets()
	r.readAPIBase()
}

func (r *reader) readStripeKey() {
	key := strings.TrimSpace(r.getenv("TOLLGATE_STRIPE_SECRET_KEY"))
	if key == "" || r.out.Mode == "" {
		return
	}
	form := keyForm.FindStringSubmatch(key)
	switch {
	case strings.HasPrefix(key, "pk_"):
		r.problem("TOLLGATE_STRIPE_SECRET_KEY is a publishable key: enter the secret key (sk_…) or a restricted key (rk_…) instead.")
	case form == nil:
		r.problem("TOLLGATE_STRIPE_SECRET_KEY is not a Stripe secret key: it begins with sk_test_, rk_test_, sk_live_ or rk_live_, and 16 or more letters and digits follow.")
	case form[2] == "live" && r.out.Mode != Live:
		r.problem("TOLLGATE_STRIPE_SECRET_KEY is a live key, but the mode is %s: set a test key, or TOLLGATE_MODE=live to move real money.", r.out.Mode)
	case form[2] == "test" && r.out.Mode == Live:
		r.problem("TOLLGATE_STRIPE_SECRET_KEY is a test key, but the mode is live: set a live key, or TOLLGATE_MODE=test.")
	case form[1] == "rk" && r.out.Mode == Sandbox:
		r.problem("TOLLGATE_STRIPE_SECRET_KEY is a restricted key, which the sandbox does not know: set one that begins with sk_test_, or none.")
	default:
		r.out.StripeKey = Secret(key)
	}
}

func (r *reader) readWebhookSecrets() {
	all := strings.FieldsFunc(r.getenv("TOLLGATE_STRIPE_WEBHOOK_SECRET"), func(c rune) bool {
		return c == ',' || c == ' ' || c == '\n' || c == '\t'
	})
	for _, s := range all {
		if !webhookForm.MatchString(s) {
			r.problem("TOLLGATE_STRIPE_WEBHOOK_SECRET is not a signing secret: it begins with whsec_ and 24 or more characters follow; separate two by a comma.")
			return
		}
		r.out.StripeWebhookSecrets = append(r.out.StripeWebhookSecrets, Secret(s))
	}
}

func (r *reader) readAPIBase() {
	text := r.value("TOLLGATE_STRIPE_API_BASE", r.file.Tollgate.StripeAPIBase, "")
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || !isLoopback(u.Hostname()):
		r.problem("TOLLGATE_STRIPE_API_BASE is %q: it must be an address on this machine, such as http://127.0.0.1:12111; leave it unset to reach Stripe.", shown(text))
	case r.out.Mode == Live:
		r.problem("TOLLGATE_STRIPE_API_BASE is set, but in live mode only Stripe itself may be reached: unset it.")
	default:
		r.out.StripeAPIBase = strings.TrimRight(text, "/")
	}
}

func (r *reader) readSecretKey() {
	key := strings.TrimSpace(r.getenv("TOLLGATE_SECRET_KEY"))
	switch {
	case key == "" && (r.out.Database.Engine == Postgres || r.out.Database.Engine == MySQL):
		r.problem("TOLLGATE_SECRET_KEY is not set: a shared database needs it, the same for every process; `openssl rand -hex 32` makes one.")
	case key != "" && !secretForm.MatchString(key):
		r.problem("TOLLGATE_SECRET_KEY must be 64 hex digits or the base64 of 32 bytes; `openssl rand -hex 32` makes one.")
	default:
		r.out.SecretKey = Secret(key)
	}
}
