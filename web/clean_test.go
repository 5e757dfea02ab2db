package web

import (
	"bytes"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"tollgate/web/respond"
)

// What is no text never reaches a handler; the rest of what was typed does, and
// names that are sent several times are kept apart.
func TestWhatIsNoTextIsLeftOut(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080", Route{"POST", "/echo", SignedIn, func(c *fiber.Ctx) error {
		var all []string
		for _, v := range c.Request().PostArgs().PeekMulti("many") {
			all = append(all, string(v))
		}
		return respond.JSON(c, 200, []string{c.Query("q"), c.FormValue("name"), strings.Join(all, ",")})
	}})
	b := w.session(t, "subscriber")
	form := "form_token=" + b.token + "&name=Gold%00+%26+%ff%C3%A9&many=a&many=b%00"
	if got := b.ask(t, "POST", "/echo?q=a%00b", form); got.text != `["ab","Gold \u0026 �é","a,b"]` && got.text != `["ab","Gold & �é","a,b"]` {
		t.Errorf("a form arrives as %s", got.text)
	}
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	must(t, parts.WriteField("form_token", b.token))
	must(t, parts.WriteField("name", "Gold\x00"))
	must(t, parts.Close())
	if got := b.ask(t, "POST", "/echo?q=x", body.String(), "Content-Type", parts.FormDataContentType()); got.text != `["x","Gold",""]` {
		t.Errorf("a multipart form arrives as %s", got.text)
	}
}

// Whoever loads again the address that a form was sent to comes to the page with
// the form.
func TestAddressesOfFormsLeadToTheirPage(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080")
	b := w.session(t, "admin")
	for path, want := range map[string]string{
		"/devportal/apis/7/subscribe": "/devportal/apis/7", "/admin/stripe/key": "/admin/stripe", "/admin/stripe/webhooks/connect": "/admin/stripe",
		"/account/password": "/account", "/account/sessions/9/end": "/account", "/devportal/subscriptions/7/cancel": "/devportal/subscriptions/7",
	} {
		if got := b.get(t, path); got.StatusCode != 303 || got.Header.Get("Location") != want {
			t.Errorf("%s leads to %d %q, want %q", path, got.StatusCode, got.Header.Get("Location"), want)
		}
	}
	if got := b.get(t, "/api/am/stripe/webhook"); got.StatusCode != 405 {
		t.Errorf("the webhook's address answers a browser with %d", got.StatusCode)
	}
}
