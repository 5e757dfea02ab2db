package respond

import (
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/internal/fault"
)

// Consent reads what somebody decided about subscriptions that end, from a form on
// which they were shown. It says what is wrong when the box is not ticked.
func Consent(c *fiber.Ctx) (accounts.Consent, error) {
	v := func(name string) string { return strings.Clone(c.FormValue(name)) }
	consent := accounts.ConsentOf(v("seen"), v("how"), v("reason"))
	if consent.Seen != "" && c.FormValue("agree") == "" {
		return consent, fault.Fields{"agree": "Tick this to confirm."}.Err()
	}
	return consent, nil
}

// After reads where a page of a list begins: after the row numbered so. What is no
// number is the first page.
func After(c *fiber.Ctx) int64 {
	n, err := strconv.ParseInt(c.Query("after"), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
