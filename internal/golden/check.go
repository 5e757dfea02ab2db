package golden

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// CheckPage fails t for each rule that a whole page breaks: those of CheckParts
// and one h1, one main, a title, a language, and every reference to an id
// finding one.
func CheckPage(t testing.TB, source string) {
	t.Helper()
	p := survey(source)
	for _, problem := range append(p.parts(), p.page()...) {
		t.Error("golden: " + problem)
	}
}

// CheckParts fails t for each rule that a part of a page breaks: every field
// has a visible label, every table a caption, every picture an alternative,
// every link and button words; ids are unique; no script, style or handler is
// inline.
func CheckParts(t testing.TB, source string) {
	t.Helper()
	for _, problem := range survey(source).parts() {
		t.Error("golden: " + problem)
	}
}

// A page is every element of a document in order, and what is looked up in it.
type page struct {
	elements []*html.Node
	ids      map[string]int
	labelled map[string]bool // ids that a label with words is for
}

func survey(source string) *page {
	p := &page{ids: map[string]int{}, labelled: map[string]bool{}}
	for _, root := range parse(source) {
		p.add(root)
		for n := range root.Descendants() {
			p.add(n)
		}
	}
	return p
}

func (p *page) add(n *html.Node) {
	if n.Type != html.ElementNode {
		return
	}
	p.elements = append(p.elements, n)
	if id, ok := attr(n, "id"); ok {
		p.ids[id]++
	}
	if n.DataAtom == atom.Label && seen(n) {
		id, _ := attr(n, "for")
		p.labelled[id] = true
	}
}

func (p *page) parts() []string {
	var problems []string
	for id, times := range p.ids {
		if times > 1 || id == "" {
			problems = append(problems, fmt.Sprintf("id %q stands %d times", id, times))
		}
	}
	for _, n := range p.elements {
		for _, rule := range []func(*html.Node) string{p.field, table, picture, words, inline} {
			if problem := rule(n); problem != "" {
				problems = append(problems, problem+": "+openTag(n))
			}
		}
	}
	return problems
}

func (p *page) page() []string {
	var problems []string
	count := map[atom.Atom]int{}
	for _, n := range p.elements {
		if n.Namespace == "" { // a drawing has titles too
			count[n.DataAtom]++
		}
		problems = append(problems, p.references(n)...)
		if lang, _ := attr(n, "lang"); n.DataAtom == atom.Html && lang == "" {
			problems = append(problems, "the page names no language")
		}
		if n.DataAtom == atom.Title && n.Namespace == "" && blank(n) {
			problems = append(problems, "the title is empty")
		}
	}
	for _, one := range []atom.Atom{atom.H1, atom.Main} {
		if count[one] != 1 {
			problems = append(problems, fmt.Sprintf("the page has %d %s, not one", count[one], one))
		}
	}
	if count[atom.Title] == 0 {
		problems = append(problems, "the page has no title")
	}
	return problems
}

// references are the attributes by which one element names another.
func (p *page) references(n *html.Node) []string {
	var problems []string
	for _, key := range []string{"for", "aria-labelledby", "aria-describedby", "aria-controls"} {
		value, _ := attr(n, key)
		for _, id := range strings.Fields(value) {
			if p.ids[id] == 0 {
				problems = append(problems, fmt.Sprintf("%s names #%s, which is not there: %s", key, id, openTag(n)))
			}
		}
	}
	if href, _ := attr(n, "href"); n.DataAtom == atom.A && len(href) > 1 && href[0] == '#' && p.ids[href[1:]] == 0 {
		problems = append(problems, "the link leads nowhere: "+openTag(n))
	}
	return problems
}

// field says what is wrong with the label of a form field.
func (p *page) field(n *html.Node) string {
	if !isField(n) {
		return ""
	}
	if id, _ := attr(n, "id"); id != "" && p.labelled[id] {
		return ""
	}
	for a := range n.Ancestors() {
		if a.DataAtom == atom.Label && seen(a) {
			return ""
		}
	}
	return "a field without a visible label"
}

func isField(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Select, atom.Textarea:
		return true
	case atom.Input:
		kind, _ := attr(n, "type")
		return kind != "hidden" && kind != "submit" && kind != "button" && kind != "reset"
	}
	return false
}

func table(n *html.Node) string {
	if n.DataAtom != atom.Table {
		return ""
	}
	for c := range n.ChildNodes() {
		if c.DataAtom == atom.Caption && !blank(c) {
			return ""
		}
	}
	return "a table without a caption"
}

// picture wants each image to say what it shows, or that it is decoration.
func picture(n *html.Node) string {
	switch n.DataAtom {
	case atom.Img:
		if _, ok := attr(n, "alt"); !ok {
			return "an image without an alternative text"
		}
	case atom.Svg:
		if hidden, _ := attr(n, "aria-hidden"); hidden == "true" {
			return ""
		}
		if role, _ := attr(n, "role"); role != "img" || name(n) == "" {
			return "a drawing that is neither named nor hidden from screen readers"
		}
	}
	return ""
}

// words wants every link and button to say what it does.
func words(n *html.Node) string {
	switch n.DataAtom {
	case atom.A:
		if _, ok := attr(n, "href"); !ok {
			return "a link without a target"
		}
	case atom.Button:
	default:
		return ""
	}
	if name(n) == "" {
		return "a link or button without words"
	}
	return ""
}

// inline finds what a strict Content-Security-Policy would block. Blocks of
// data are no scripts.
func inline(n *html.Node) string {
	for _, a := range n.Attr {
		switch {
		case a.Key == "style":
			return "an inline style"
		case strings.HasPrefix(a.Key, "on"):
			return "an inline handler"
		case strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:"):
			return "a script in an address"
		}
	}
	kind, _ := attr(n, "type")
	_, linked := attr(n, "src")
	switch {
	case n.DataAtom == atom.Style:
		return "an inline stylesheet"
	case n.DataAtom == atom.Script && !linked && kind != "application/json":
		return "an inline script"
	}
	return ""
}

func attr(n *html.Node, key string) (value string, ok bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

// name is what a screen reader calls an element: its label, else its words.
func name(n *html.Node) string {
	for _, key := range []string{"aria-label", "aria-labelledby", "title"} {
		if value, _ := attr(n, key); value != "" {
			return value
		}
	}
	if words := strings.TrimSpace(text(n)); words != "" {
		return words
	}
	for d := range n.Descendants() {
		if alt, _ := attr(d, "alt"); alt != "" {
			return alt
		}
	}
	return ""
}

func blank(n *html.Node) bool { return strings.TrimSpace(text(n)) == "" }

// seen reports whether a label has words and is not hidden from the eye.
func seen(n *html.Node) bool {
	class, _ := attr(n, "class")
	for _, c := range strings.Fields(class) {
		if c == "sr-only" || c == "visually-hidden" {
			return false
		}
	}
	_, hidden := attr(n, "hidden")
	return !hidden && !blank(n)
}
