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
