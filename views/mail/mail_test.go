package mail_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tollgate/internal/golden"
	"tollgate/views/mail"
)

// hostile tries to leave every place where text goes.
const hostile = `"><script>alert(1)</script>`

func mails() map[string]mail.Props {
	return map[string]mail.Props{
		"payment_failed": {
			Tenant: "Acme APIs", Name: "Ada Byron", Subject: "The payment for City Weather failed", Urgent: true,
			Paragraphs: []string{"9.00 USD for City Weather v1, plan Basic, could not be charged: your card was declined.", "It is tried again on 12 Dec 2026.\nUntil then your calls are served."},
			LinkText:   "Update your card", LinkURL: "https://portal.example/devportal/subscriptions/7c1e0b52", NoticesURL: "https://portal.example/account/notices",
		},
		"ended": {
			Tenant: "Łódź <APIs> & more", Name: "O’Hara", Subject: "Your subscription has ended",
			Paragraphs: []string{"Calls are not served any more."}, NoticesURL: "https://portal.example/account/notices",
		},
		"hostile": {
			Tenant: hostile, Name: hostile, Subject: hostile, Urgent: true, Paragraphs: []string{hostile, "a\n" + hostile},
			LinkText: hostile, LinkURL: "javascript:alert(1)", NoticesURL: "javascript:alert(2)",
		},
	}
}

func rich(t *testing.T, p mail.Props) string {
	t.Helper()
	var b bytes.Buffer
	if err := mail.HTML(p).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestMails(t *testing.T) {
	t.Parallel()
	for name, p := range mails() {
		golden.Text(t, name+".html", golden.Format(rich(t, p)))
		golden.Text(t, name+".txt", mail.Text(p))
	}
}

var loads = regexp.MustCompile(`(?i)<(img|script|link|iframe|object|form)|url\(|@import|\son[a-z]+=|javascript:`)

// A mail loads nothing from anywhere, runs nothing, and asks for nothing.
func TestMailsAreWholeByThemselves(t *testing.T) {
	t.Parallel()
	for name, p := range mails() {
		if found := loads.FindString(rich(t, p)); found != "" {
			t.Errorf("%s has %q", name, found)
		}
	}
}

// Whoever reads the plain text misses nothing, and the other way round.
func TestBothPartsSayTheSame(t *testing.T) {
	t.Parallel()
	for name, p := range mails() {
		if name == "hostile" {
			continue // its links are left out of the HTML
		}
		plain, shown := mail.Text(p), words(t, rich(t, p))
		for _, part := range strings.Split(plain, "\n") {
			part = strings.TrimSuffix(strings.TrimPrefix(part, "Everything you were told: "), ":")
			if part = strings.TrimSpace(strings.TrimPrefix(part, "-- ")); !strings.Contains(shown, part) {
				t.Errorf("%s: %q is missing in the HTML:\n%s", name, part, shown)
			}
		}
		for part := range strings.SplitSeq(shown, "\n") {
			if part = strings.TrimSpace(part); !strings.Contains(plain, part) {
				t.Errorf("%s: %q is missing in the text:\n%s", name, part, plain)
			}
		}
	}
}

// words are the texts and addresses of a page's body.
func words(t *testing.T, source string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Data == "head" {
			return
		}
		if n.Type == html.TextNode {
			b.WriteString(n.Data + "\n")
		}
		for _, a := range n.Attr {
			if a.Key == "href" {
				b.WriteString(a.Val + "\n")
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(root)
	return b.String()
}
