package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// A Page is a tab with cookies of its own, as a person at a screen uses it.
// Words are compared with white space collapsed.
type Page struct {
	t     testing.TB
	ctx   context.Context
	watch *watcher
	scope string // words of the part that sentences are about; empty: the whole page
}

// Within returns the page with its sentences limited to the smallest row, list
// item, section or form that holds the given words.
func (p *Page) Within(words string) *Page {
	part := *p
	part.scope = words
	return &part
}

// Open goes to an address and waits until the page is there.
func (p *Page) Open(url string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 2*patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		p.t.Fatalf("open %s: %v", url, err)
	}
}

// Click uses the link, button or summary with these words. It waits for the
// page that a link or form leads to.
func (p *Page) Click(words string) {
	p.t.Helper()
	var at spot
	p.await(fmt.Sprintf("click %q", words), func() string { return p.ask(&at, "clickable", words) })
	p.press(at)
	if at.Leads {
		p.await(fmt.Sprintf("arrive after clicking %q", words), func() string { return p.ask(nil, "arrived") })
	}
}

// Fill types a value into the field with this label, in place of what it holds.
func (p *Page) Fill(label, value string) {
	p.t.Helper()
	var at spot
	p.await(fmt.Sprintf("fill %q", label), func() string { return p.ask(&at, "field", label) })
	p.press(at)
	p.await(fmt.Sprintf("select what %q holds", label), func() string { return p.ask(nil, "selectAll", label) })
	p.do("type", typed(value))
}

// Choose takes the option with these words of the select or group of radio
// buttons with this label.
func (p *Page) Choose(label, option string) {
	p.t.Helper()
	var at spot
	p.await(fmt.Sprintf("choose %q of %q", option, label), func() string { return p.ask(&at, "choose", label, option) })
	if at.Width > 0 {
		p.press(at)
	}
}

// Tick sets the check box with this label, if it is not set.
func (p *Page) Tick(label string) { p.t.Helper(); p.box(label, true) }

// Untick clears the check box with this label, if it is set.
func (p *Page) Untick(label string) { p.t.Helper(); p.box(label, false) }

func (p *Page) box(label string, want bool) {
	p.t.Helper()
	var at spot
	p.await(fmt.Sprintf("find the box %q", label), func() string { return p.ask(&at, "box", label) })
	if at.Checked != want {
		p.press(at)
	}
}

// Value returns what the field with this label holds.
func (p *Page) Value(label string) string {
	p.t.Helper()
	var at spot
	p.await(fmt.Sprintf("find the field %q", label), func() string { return p.ask(&at, "field", label) })
	return at.Value
}

// See waits until the words can be seen.
func (p *Page) See(words string) {
	p.t.Helper()
	p.await(fmt.Sprintf("see %q", words), func() string { return p.ask(nil, "see", words) })
}

// NotSee waits until the words cannot be seen. Say something that must be seen
// first: a page that is not there yet shows nothing.
func (p *Page) NotSee(words string) {
	p.t.Helper()
	p.await(fmt.Sprintf("not see %q", words), func() string { return p.ask(nil, "notSee", words) })
}

// URL returns the address of the page.
func (p *Page) URL() string {
	p.t.Helper()
	where, err := chromedp.Run(p.ctx, chromedp.Location())
	if err != nil {
		p.t.Fatalf("read the address: %v", err)
	}
	return where
}

// HTML returns the document as it is now.
func (p *Page) HTML() string {
	p.t.Helper()
	source, err := chromedp.Run(p.ctx, chromedp.Evaluate[string]("document.documentElement.outerHTML"))
	if err != nil {
		p.t.Fatalf("read the document: %v", err)
	}
	return source
}

// DisableScripts switches the page's scripts off, for every page opened from
// now on.
func (p *Page) DisableScripts() {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		p.t.Fatalf("switch scripts off: %v", err)
	}
}

// Dark makes the system ask for the dark theme, or the light one; and for little
// motion, so that no colour is halfway to another one.
func (p *Page) Dark(on bool) {
	p.t.Helper()
	scheme := "light"
	if on {
		scheme = "dark"
	}
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	if err != nil {
		p.t.Fatalf("change the theme: %v", err)
	}
}

// Resize makes the window as wide as this, in pixels.
func (p *Page) Resize(width int) {
	p.t.Helper()
	p.do("resize", chromedp.EmulateViewport(int64(width), high))
}

// Screenshot writes the whole page to a PNG file, at a width in pixels and in
// the dark theme or the light one. Width and theme are as usual afterwards.
func (p *Page) Screenshot(path string, width int, dark bool) {
	p.t.Helper()
	p.Dark(dark)
	p.Resize(width)
	picture, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatalf("take a picture: %v", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		p.t.Fatal(err)
	}
	p.Dark(false)
	p.Resize(wide)
}

func (p *Page) do(what string, action chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, action); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

// press clicks the middle of a spot with the mouse.
func (p *Page) press(at spot) {
	p.t.Helper()
	p.do("press", chromedp.MouseClickXY(at.X, at.Y))
}

// A spot is where an element is, and what is to be known before using it.
type spot struct {
	Why     string  // why it cannot be used yet; empty: it can
	X, Y    float64 // its middle
	Width   float64
	Value   string
	Checked bool
	Leads   bool // using it leads to another page
}

// await tries until it works, and fails the test with the last reason.
func (p *Page) await(what string, try func() (why string)) {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		why := try()
		if why == "" {
			return
		}
		select {
		case <-p.ctx.Done():
			p.t.Fatalf("cannot %s: %v", what, p.ctx.Err())
		case <-deadline:
			p.t.Fatalf("cannot %s: %s\nat %s the page says:\n%s", what, why, p.URL(), p.text())
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// ask calls one of the functions of find.js, in one step, so that it works with
// the page's own scripts switched off and across navigations.
func (p *Page) ask(into *spot, function string, args ...string) (why string) {
	quoted, err := json.Marshal(append([]string{p.scope}, args...))
	if err != nil {
		return err.Error()
	}
	call := fmt.Sprintf("(%s)(%q, ...%s)", strings.TrimSpace(findJS), function, quoted)
	at, err := chromedp.Run(p.ctx, chromedp.Evaluate[spot](call))
	if err != nil {
		return err.Error()
	}
	if into != nil {
		*into = at
	}
	return at.Why
}

func (p *Page) text() string {
	words, err := chromedp.Run(p.ctx, chromedp.Evaluate[string]("document.body ? document.body.innerText : ''"))
	if err != nil {
		return err.Error()
	}
	return words
}
