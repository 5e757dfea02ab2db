package browser

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A watcher collects what the browser complains about.
type watcher struct {
	sync.Mutex
	violations []string // of the Content-Security-Policy
	others     []string
}

func (w *watcher) on(ctx context.Context) error {
	return chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *log.EventEntryAdded:
			w.entry(e.Entry.Text)
		case *runtime.EventExceptionThrown:
			w.add(&w.others, "uncaught: "+exception(e.ExceptionDetails))
		case *network.EventRequestWillBeSent:
			if foreign(e.Request.URL) {
				w.add(&w.others, "asked another machine for "+e.Request.URL)
			}
		}
	})
}

func (w *watcher) add(list *[]string, text string) {
	w.Lock()
	defer w.Unlock()
	*list = append(*list, text)
}

func (w *watcher) entry(text string) {
	if strings.Contains(text, "Content Security Policy") {
		w.add(&w.violations, text)
	}
}

func exception(d *runtime.ExceptionDetails) string {
	if d.Exception != nil && d.Exception.Description != "" {
		return d.Exception.Description
	}
	return fmt.Sprintf("%s (%s:%d)", d.Text, d.URL, d.LineNumber)
}

// foreign reports whether an address is not on this machine.
func foreign(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	host := u.Hostname()
	return host != "127.0.0.1" && host != "localhost" && host != "::1"
}

// Violations returns what the Content-Security-Policy blocked so far. They fail
// the test at its end.
func (p *Page) Violations() []string {
	p.watch.Lock()
	defer p.watch.Unlock()
	return append([]string(nil), p.watch.violations...)
}

func (p *Page) complain() {
	for _, v := range p.Violations() {
		p.t.Errorf("blocked by the Content-Security-Policy: %s", v)
	}
	p.watch.Lock()
	defer p.watch.Unlock()
	for _, v := range p.watch.others {
		p.t.Errorf("the browser complains: %s", v)
	}
}
