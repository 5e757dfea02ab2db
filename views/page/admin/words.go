package admin

import (
	"time"

	"github.com/a-h/templ"

	"tollgate/views/ui"
)

// What the pages call the fields of their forms.
var (
	personFields   = map[string]string{"username": "Username", "display_name": "Name", "email": "E-mail", "organization": "Company", "roles": "Roles"}
	settingsFields = map[string]string{"name": "Name", "fee_percent": "Your share of each payment", "grace_hours": "Hours of grace after a failed payment"}
	stripeFields   = map[string]string{"key": "Secret key", "connect": "Signing secret for connected accounts", "platform": "Signing secret for your account"}
)

func machineTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z07:00") }

func personURL(id string) templ.SafeURL { return templ.URL("/admin/people/" + id) }

func (p PersonFormProps) action() templ.SafeURL {
	if p.ID == "" {
		return "/admin/people/new"
	}
	return personURL(p.ID)
}

// word is the state of everything together.
func (p OverviewProps) word() string {
	return map[ui.Tone]string{ui.Good: "All well", ui.Attention: "To do", ui.Bad: "Look at this", ui.Quiet: "Set up"}[p.Tone]
}

// place says where an account is and what it is paid in.
func (r AccountRow) place() string {
	if r.Country == "" || r.Currency == "" {
		return r.Country + r.Currency
	}
	return r.Country + ", " + r.Currency
}

// whose says whose event it is.
func (r EventRow) whose() string {
	if r.Account == "" {
		return "your account"
	}
	return r.Account
}

// place says where in Stripe's dashboard an endpoint of a scope is made.
func (h HookRow) place() string {
	if h.Scope == "connect" {
		return "for events on connected accounts"
	}
	return "for events on your account"
}

func (p StripeProps) tone() ui.Tone {
	switch {
	case p.Trouble != "":
		return ui.Bad
	case p.KeyHint == "" || !p.heard():
		return ui.Attention
	}
	return ui.Good
}

func (p StripeProps) word() string {
	switch {
	case p.Trouble != "":
		return "Key refused"
	case p.KeyHint == "":
		return "No key"
	case !p.heard():
		return "Webhooks missing"
	}
	return "Connected"
}

// heard reports whether Stripe tells us of everything.
func (p StripeProps) heard() bool {
	for _, h := range p.Hooks {
		if !h.Known {
			return false
		}
	}
	return true
}

func (p StripeProps) lead() string {
	switch {
	case p.KeyHint == "":
		return "Enter the secret key of your account at Stripe. Plans and prices are then made there, and publishers can be paid."
	case p.Trouble != "":
		return "Nothing reaches Stripe until the key works again. What you change here waits."
	case !p.heard():
		return "The key works. Stripe still has to know where to tell us of payments."
	}
	if p.AccountName == "" {
		return "Plans and prices are in the account " + p.Account + "."
	}
	return "Plans and prices are in the account of " + p.AccountName + "."
}

func (p StripeProps) keyLabel() string {
	if p.KeyHint == "" {
		return "Secret key"
	}
	return "Another secret key"
}

func (p StripeProps) keyHint() string {
	begins := map[string]string{"sandbox": "sk_test_", "test": "sk_test_ or rk_test_", "live": "sk_live_ or rk_live_"}[p.Mode]
	return "It begins with " + begins + ". Stripe is asked about it before it is kept; it is stored sealed and never shown again."
}

func (p StripeProps) keyButton() ui.Kind {
	if p.KeyHint == "" || p.Trouble != "" {
		return ui.Primary
	}
	return ui.Plain
}

func (p StripeProps) hooksLead() string {
	if p.CannotRegister != "" {
		return "Stripe tells us of payments at two addresses. " + p.CannotRegister
	}
	return "Stripe tells us of payments at two addresses. We can register them there, or you make them by hand."
}
