// Package mail is the mails that people get, as HTML and as plain text that says
// the same. They work without pictures, in the dark, and on small screens.
package mail

import "strings"

// A Props is one mail, in finished words.
type Props struct {
	Tenant     string // who writes: the organisation's name
	Name       string // of whom it is written to
	Subject    string
	Urgent     bool     // something is to be done soon
	Paragraphs []string // what happened, and what to do
	LinkText   string   // of the one button; "" without one
	LinkURL    string   // absolute
	NoticesURL string   // the page of everything that the person was told
}

// urgent stands above what cannot wait.
const urgent = "Something is to be done soon."

// linked reports whether there is a button.
func (p Props) linked() bool { return p.LinkText != "" && p.LinkURL != "" }

// why says why somebody gets this mail.
func (p Props) why() string {
	return "You get this mail because you have an account at " + p.Tenant + " and it concerns you. Nobody reads answers to it."
}

// Text is the mail as plain text.
func Text(p Props) string {
	parts := []string{p.Tenant, p.Subject}
	if p.Urgent {
		parts = append(parts, urgent)
	}
	parts = append(parts, "Hello "+p.Name+",")
	parts = append(parts, p.Paragraphs...)
	if p.linked() {
		parts = append(parts, p.LinkText+":\n"+p.LinkURL)
	}
	parts = append(parts, "-- \n"+p.why()+"\nEverything you were told: "+p.NoticesURL)
	return strings.Join(parts, "\n\n") + "\n"
}

// lines are the lines of a paragraph.
func lines(paragraph string) []string { return strings.Split(paragraph, "\n") }
