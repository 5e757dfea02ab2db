package notices

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/mail"
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// line is text as one line of at most n signs: line ends and other signs that say
// nothing become spaces, so that nothing of it can begin a header of its own.
func line(text string, n int) string {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, ""), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	if signs := []rune(text); len(signs) > n {
		return string(signs[:n-1]) + "…"
	}
	return text
}

// text is words of some paragraphs, without signs that databases refuse.
func text(words string) string {
	words = strings.ReplaceAll(strings.ToValidUTF8(words, ""), "\r\n", "\n")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, words))
}

// Paragraphs are the paragraphs of a notice's body.
func Paragraphs(body string) []string {
	var out []string
	for p := range strings.SplitSeq(body, "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// dedup is a name that fits its column: a long one, or one that is not ASCII, by
// its hash.
func dedup(name string) string {
	plain := !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' })
	if plain && len(name) <= 255 {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// absolute is where a link leads: a path of the portal's, or an address on the web.
// Anything else leads nowhere.
func (d *Desk) absolute(link string) string {
	if strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "//") {
		link = d.PublicURL + link
	}
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	return u.String()
}

// host is the name that the Message-IDs of an installation end with.
func host(publicURL string) string {
	u, err := url.Parse(publicURL)
	if err != nil {
		return "localhost"
	}
	name, err := idna.Lookup.ToASCII(u.Hostname())
	if err != nil || name == "" || strings.Contains(name, ":") {
		return "localhost"
	}
	return name
}

// errAddress is what is wrong with an address that is none.
var errAddress = errors.New("notices: not a mail address")

// address is somebody's mail address, its domain as the domain name system has it.
func address(name, of string) (mail.Address, error) {
	a, err := mail.ParseAddress(of)
	if err != nil || a.Address != of || strings.ContainsFunc(of, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return mail.Address{}, errAddress
	}
	at := strings.LastIndexByte(of, '@')
	domain, err := idna.Lookup.ToASCII(of[at+1:])
	if err != nil {
		return mail.Address{}, errAddress
	}
	return mail.Address{Name: line(name, 100), Address: of[:at+1] + domain}, nil
}
