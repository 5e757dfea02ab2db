package sandbox

import (
	"net/url"
	"strings"

	"tollgate/money"
)

// set puts a parameter into an optional field: not sent leaves it, "" unsets it.
func set(field **string, sent *string) {
	if sent == nil {
		return
	}
	if *field = sent; *sent == "" {
		*field = nil
	}
}

// either is s, or other when s is "".
func either(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// isWebURL reports whether s is an absolute http or https address.
func isWebURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

// withQuery is an address with more parameters: names and values in turn.
func withQuery(address string, pairs ...string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	query := u.Query()
	for i := 0; i+1 < len(pairs); i += 2 {
		query.Set(pairs[i], pairs[i+1])
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// currencyParam reads a currency code; in any case, as Stripe does.
func currencyParam(sent, param string) (money.Currency, error) {
	c, err := money.ParseCurrency(sent)
	if err != nil {
		return c, invalid(param, "Invalid currency: %s. Stripe currently supports the three-letter ISO codes of its documentation: https://stripe.com/docs/currencies", shorten(sent))
	}
	return c, nil
}

// isEmail reports whether s looks like a mail address.
func isEmail(s string) bool {
	name, host, ok := strings.Cut(s, "@")
	return ok && name != "" && strings.Contains(host, ".") && !strings.ContainsAny(s, " \t\r\n<>,") && !strings.Contains(host, "@")
}
