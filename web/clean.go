package web

import (
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// clean takes out of what people sent the bytes that are no text: they come from
// broken programs, and no database keeps them.
func clean(c *fiber.Ctx) {
	cleanArgs(c.Request().URI().QueryArgs())
	cleanArgs(c.Request().PostArgs())
	if !strings.HasPrefix(c.Get(fiber.HeaderContentType), fiber.MIMEMultipartForm) {
		return
	}
	form, err := c.MultipartForm()
	if err != nil {
		return // nobody will be able to read it
	}
	for _, values := range form.Value {
		for i, v := range values {
			values[i] = text(v)
		}
	}
}

func cleanArgs(args *fasthttp.Args) {
	dirty := false
	for _, v := range args.All() {
		dirty = dirty || text(string(v)) != string(v)
	}
	if !dirty {
		return
	}
	var kept fasthttp.Args
	for k, v := range args.All() {
		kept.Add(string(k), text(string(v)))
	}
	kept.CopyTo(args)
}

// text is s without what is not Unicode text.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}
