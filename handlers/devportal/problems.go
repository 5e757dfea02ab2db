package devportal

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"tollgate/access"
	"tollgate/internal/fault"
	"tollgate/views/layout"
	page "tollgate/views/page/devportal"
	"tollgate/web/respond"
)

// Problems is where the types of problem documents lead: what the gateway's answers
// mean, for the developer who got one. They tell nothing of anybody, so everybody may
// read them.
type Problems struct{ All []access.Problem }

// remedies says what can be done, by type.
var remedies = map[string]string{
	"api-key-missing":                 "Send the key of an application in the header apikey, or in Authorization behind Bearer. Keys are made on the application's page.",
	"api-key-unknown":                 "Compare the key with the beginning of those on the application's page. Keys are shown once; one that is lost is replaced with Rotate.",
	"api-key-expired":                 "Generate another key on the application's page, or Rotate this one.",
	"api-key-revoked":                 "Generate another key on the application's page. A revoked key never works again.",
	"api-not-found":                   "Paths begin with the context and version of an API, as its page says under Calls go to.",
	"not-subscribed":                  "Subscribe the application that the key belongs to, on the API's page.",
	"burst-spent":                     "Wait as long as Retry-After says. A plan with a larger burst limit lets more through.",
	"quota-spent":                     "The quota begins anew at resets_at. A plan with a larger quota helps at once.",
	"too-busy":                        "Wait as long as Retry-After says, and try again. Nothing was counted.",
	"gateway-not-current":             "Wait as long as Retry-After says, and try again. Nothing was counted.",
	"bad-request":                     "The request, its path or its body can be read in more than one way, or not at all. Escaped slashes, dot segments and control characters are not passed on.",
	"misdirected-request":             "Ask for a path on this host, not for a whole address.",
	"method-not-allowed":              "CONNECT, TRACE, TRACK and DEBUG are not passed on; everything else is.",
	"not-found":                       "Paths begin with the context and version of an API.",
	"request-timeout":                 "Send the body faster, or in smaller pieces.",
	"body-too-large":                  "A request's body may have 10 MiB.",
	"upstream-unreachable":            "The publisher's server cannot be reached. Nothing was counted; try again later, or tell the publisher.",
	"upstream-failed":                 "The publisher's server broke off or broke the rules of HTTP. Nothing was counted.",
	"upstream-busy":                   "Too many calls are on their way to this API. Wait as long as Retry-After says.",
	"upstream-timeout":                "The publisher's server took longer than 30 seconds to begin its answer. Nothing was counted.",
	"loop":                            "The API's upstream is this gateway itself. Tell the publisher.",
	"not-recorded":                    "The call is not billed. The detail says whether the API has seen it: then look before you send it again, unless that does no harm.",
	"not-ready":                       "The gateway starts or stops. Another one may answer already; try again in a moment.",
	"internal":                        "Tell whoever runs this gateway the request_id.",
	"unknown-credential":              "An admin makes credentials for other gateways under Gateways.",
	"subscription-ended":              "Subscribe again on the API's page.",
	"subscription-awaits-approval":    "Somebody has to approve the subscription first. Its page says when that has happened.",
	"payment-required":                "Open the subscription in the developer portal: it says what is due, and leads to Stripe.",
	"payment-processing":              "The bank has not confirmed the payment yet. Calls are let through as soon as it has.",
	"payment-authentication-required": "The cardholder has to confirm the payment with the bank. The subscription's page has the link.",
	"subscription-blocked":            "Ask the publisher. A payment does not lift a block.",
	"payment-disputed":                "Ask the publisher: a payment was taken back through the bank.",
	"payment-refunded":                "Ask the publisher: the payment was given back.",
}

// List answers GET /problems.
func (h Problems) List(c *fiber.Ctx) error { return h.page(c, h.All) }

// Show answers GET /problems/:type.
func (h Problems) Show(c *fiber.Ctx) error {
	i := slices.IndexFunc(h.All, func(p access.Problem) bool { return p.Type == c.Params("type") })
	if i < 0 {
		return fault.New(fault.NotFound, "No problem is called that.")
	}
	return h.page(c, h.All[i:i+1])
}

func (h Problems) page(c *fiber.Ctx, ps []access.Problem) error {
	p := page.ProblemsProps{Frame: respond.Frame(c, layout.Devportal, "Problems", "/problems"), One: len(ps) == 1}
	for _, x := range ps {
		p.Problems = append(p.Problems, page.ProblemRow{Type: x.Type, Title: x.Title,
			Status: strconv.Itoa(x.Status) + " " + http.StatusText(x.Status), Remedy: remedies[x.Type]})
	}
	slices.SortStableFunc(p.Problems, func(a, b page.ProblemRow) int { return cmp.Compare(a.Status, b.Status) })
	return respond.Page(c, fiber.StatusOK, page.Problems(p))
}
