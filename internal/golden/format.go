package golden

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Format writes HTML with one element or text a line, indented by depth and
// with white space collapsed, so that a difference between two renderings is a
// difference that somebody may see. Text of pre and textarea stays as it is.
func Format(source string) string {
	var f formatter
	for _, n := range parse(source) {
		f.node(n, 0)
	}
	return f.String()
}

// parse reads a whole page, or parts as they stand in a body.
func parse(source string) []*html.Node {
	if strings.Contains(source, "<html") {
		doc, err := html.Parse(strings.NewReader(source))
		if err != nil {
			panic(err) // a strings.Reader does not fail, and any text is HTML
		}
		return []*html.Node{doc}
	}
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(source), body)
	if err != nil {
		panic(err)
	}
	return nodes
}

type formatter struct{ strings.Builder }

func (f *formatter) line(depth int, text string) {
	f.WriteString(strings.Repeat("  ", depth) + text + "\n")
}

func (f *formatter) node(n *html.Node, depth int) {
	switch n.Type {
	case html.DocumentNode:
		f.children(n, depth)
	case html.DoctypeNode:
		f.line(depth, "<!doctype "+n.Data+">")
	case html.TextNode:
		if words := strings.Join(strings.Fields(n.Data), " "); words != "" {
			f.line(depth, html.EscapeString(words))
		}
	case html.ElementNode:
		f.element(n, depth)
	}
}

func (f *formatter) children(n *html.Node, depth int) {
	for c := range n.ChildNodes() {
		f.node(c, depth)
	}
}

func (f *formatter) element(n *html.Node, depth int) {
	switch {
	case n.DataAtom == atom.Pre || n.DataAtom == atom.Textarea:
		f.line(depth, openTag(n)+html.EscapeString(text(n))+closeTag(n))
	case void[n.DataAtom] || n.FirstChild == nil && n.Namespace != "":
		f.line(depth, openTag(n))
	case onlyText(n):
		f.line(depth, openTag(n)+html.EscapeString(strings.Join(strings.Fields(text(n)), " "))+closeTag(n))
	default:
		f.line(depth, openTag(n))
		f.children(n, depth+1)
		f.line(depth, closeTag(n))
	}
}

func onlyText(n *html.Node) bool {
	for c := range n.ChildNodes() {
		if c.Type != html.TextNode {
			return false
		}
	}
	return true
}

func openTag(n *html.Node) string {
	var b strings.Builder
	b.WriteString("<" + n.Data)
	for _, a := range n.Attr {
		b.WriteString(" " + a.Key)
		if a.Val != "" {
			b.WriteString(`="` + html.EscapeString(a.Val) + `"`)
		}
	}
	return b.String() + ">"
}

func closeTag(n *html.Node) string { return "</" + n.Data + ">" }

var void = map[atom.Atom]bool{
	atom.Area: true, atom.Base: true, atom.Br: true, atom.Col: true, atom.Embed: true, atom.Hr: true, atom.Img: true,
	atom.Input: true, atom.Link: true, atom.Meta: true, atom.Source: true, atom.Track: true, atom.Wbr: true,
}

// text is all text below n.
func text(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var b strings.Builder
	for c := range n.ChildNodes() {
		b.WriteString(text(c))
	}
	return b.String()
}
