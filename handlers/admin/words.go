// Package admin is the screens of the admin portal.
package admin

import (
	"maps"
	"slices"
	"strings"

	"tollgate/accounts"
	"tollgate/models"
	"tollgate/views/ui"
)

// workWords says what work of a kind is for.
var workWords = map[string]string{
	"billing.reconcile":           "Compare with Stripe",
	"billing.compare_catalogue":   "Compare products and prices with Stripe",
	"billing.push_plan":           "Bring a business plan to Stripe",
	"billing.push_sale":           "Bring an API's products and prices to Stripe",
	"billing.ensure_customer":     "Make the subscriber's customer at Stripe",
	"billing.open_checkout":       "Open a Checkout",
	"billing.ensure_portal":       "Set up the Customer Portal",
	"billing.sync_subscription":   "Make a subscription equal to Stripe's",
	"billing.sync_object":         "Act on what Stripe told us",
	"billing.end_subscription":    "Cancel a subscription at Stripe",
	"billing.spread_ending":       "End many subscriptions, bit by bit",
	"billing.resume_subscription": "Let a subscription renew again",
	"billing.register_webhooks":   "Register the webhook endpoints",
	"notices.send":                "Send a mail",
}

// workName says what a job is for; a kind nobody named says its own name.
func workName(kind string) string {
	if words := workWords[kind]; words != "" {
		return words
	}
	return plain(kind)
}

// plain turns the name of a kind or an action into words.
func plain(name string) string {
	_, verb, _ := strings.Cut(name, ".")
	if verb == "" {
		verb = name
	}
	verb = strings.ReplaceAll(verb, "_", " ")
	if verb == "" {
		return ""
	}
	return strings.ToUpper(verb[:1]) + verb[1:]
}

// deeds says what an action of the audit was.
var deeds = map[string]string{
	"account.link": "Linked a connected account", "account.release": "Gave a connected account up",
	"api.create": "Made an API", "api.edit": "Changed an API", "api.publish": "Published an API", "api.delete": "Deleted an API",
	"api.hand_over": "Handed an API over", "account.hand_over": "Handed a connected account over",
	"api.offer": "Changed which plans an API offers", "monetization.enable": "Asked to sell an API", "monetization.disable": "Asked to stop selling an API",
	"monetization.on": "An API is on sale", "monetization.off": "An API is off sale", "monetization.refused": "Stripe refused to sell a plan of an API",
	"application.create": "Made an application", "application.edit": "Changed an application", "application.delete": "Deleted an application",
	"event.process_again": "Had an event processed again", "work.again": "Had failed work tried again",
	"agreement.compare_now": "Had everything compared with Stripe", "stripe.orphan_archived": "Archived an orphan at Stripe",
	"stripe.orphan_deactivated": "Deactivated an orphan meter at Stripe", "stripe.orphan_deleted": "Deleted an orphan customer at Stripe",
	"stripe.orphan_canceled": "Canceled an orphan subscription at Stripe", "stripe.orphan_expired": "Closed an orphan checkout at Stripe",
	"mail.again": "Had a mail sent again", "mail.send_kept": "Had kept mails sent", "mail.test": "Sent a test mail",
	"person.create": "Added a person", "person.edit": "Changed a person", "person.profile": "Changed their profile",
	"person.enable": "Let a person sign in", "person.disable": "Kept a person out", "person.delete": "Deleted a person",
	"person.link": "Made a link to set a password", "person.password": "Set a password",
	"plan.create": "Made a business plan", "plan.edit": "Changed a business plan", "plan.delete": "Deleted a business plan",
	"plan.refused": "Stripe refused a business plan",
	"stripe.key":   "Entered a Stripe key", "webhook.ask": "Asked for the webhook endpoints", "webhook.register": "Registered a webhook endpoint",
	"webhook.secret": "Entered a signing secret", "tenant.settings": "Changed the settings", "tenant.create": "Made the tenant",
	"usage.publish": "Had usage published", "usage.again": "Had refused windows sent again", "usage.write_off": "Wrote windows off",
	"tenant.late_usage":         "Chose what becomes of use that is found late",
	"gateway-credential.create": "Made a gateway credential", "gateway-credential.revoke": "Revoked a gateway credential",
	"subscription.create": "Subscribed", "subscription.cancel": "Canceled a subscription", "subscription.resume": "Let a subscription renew",
	"subscription.activated": "A subscription became active", "subscription.ended": "A subscription ended",
}

// deed says what an action was; one nobody named says its own name.
func deed(action string) string {
	if words := deeds[action]; words != "" {
		return words
	}
	thing, verb, _ := strings.Cut(action, ".")
	return plain(thing+"."+verb) + " (" + thing + ")"
}

// eventStates says how it stands with an event.
var eventStates = map[string]struct {
	tone ui.Tone
	word string
}{
	models.EventWaiting: {ui.Quiet, "Under way"}, models.EventDone: {ui.Good, "Processed"},
	models.EventIgnored: {ui.Quiet, "Ignored"}, models.EventFailed: {ui.Bad, "Failed"},
}

// details writes what an audit row adds, in the order of the names.
func details(of map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if of[name] != "" {
			parts = append(parts, strings.ReplaceAll(name, "_", " ")+": "+of[name])
		}
	}
	return strings.Join(parts, " · ")
}

// roleChoices are the roles that an admin can give.
var roleChoices = []ui.Choice{
	{Value: string(accounts.Admin), Label: "Admin", Hint: "Runs this organisation: plans, people, Stripe."},
	{Value: string(accounts.Publisher), Label: "Publisher", Hint: "Sells APIs and is paid for them."},
	{Value: string(accounts.Subscriber), Label: "Subscriber", Hint: "Subscribes to APIs and pays for them."},
}

// roleWords says somebody's roles.
func roleWords(roles []accounts.Role) []string {
	var out []string
	for _, c := range roleChoices {
		if slices.Contains(roles, accounts.Role(c.Value)) {
			out = append(out, c.Label)
		}
	}
	return out
}
