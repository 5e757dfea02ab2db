// Package browser drives Chromium for tests that go a person's way through
// pages. A Page speaks in sentences: Open, Click, Fill, See. Elements are found
// by the words people see, and used by mouse and keyboard; a sentence waits
// until it can be carried out and fails the test when it cannot.
//
// Every page has cookies of its own. What a browser would tell a developer
// fails the test too: a blocked script or style, an uncaught exception, a
// request to another machine.
//
// Without Chromium a test is skipped, except where CI=true: there it fails.
// Put the tests of a package under Main to keep one Chromium for all of them.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// chromium is the one process that all pages of a test binary share, kept as
// long as somebody holds it.
var chromium struct {
	sync.Mutex
	holders int
	ctx     context.Context
	stop    func()
}

// Main runs the tests of a package with one Chromium for all of them:
//
//	func TestMain(m *testing.M) { os.Exit(browser.Main(m)) }
//
// Without it every page that is alone starts a Chromium of its own.
func Main(m *testing.M) int {
	chromium.Lock()
	chromium.holders++
	chromium.Unlock()
	defer release()
	return m.Run()
}

// acquire returns the running Chromium, started if need be.
func acquire(bin string) (context.Context, error) {
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.ctx == nil {
		ctx, stop, err := start(bin)
		if err != nil {
			return nil, err
		}
		chromium.ctx, chromium.stop = ctx, stop
	}
	chromium.holders++
	return chromium.ctx, nil
}

func release() {
	chromium.Lock()
	defer chromium.Unlock()
	chromium.holders--
	if chromium.holders == 0 && chromium.stop != nil {
		chromium.stop()
		chromium.ctx, chromium.stop = nil, nil
	}
}

func start(bin string) (context.Context, func(), error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(bin), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(wide, high),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-search-engine-choice-screen", true), chromedp.Flag("hide-scrollbars", true),
	)
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(allocator)
	if err := chromedp.Do(ctx); err != nil {
		stop()
		stopAllocator()
		return nil, nil, fmt.Errorf("start %s: %w", bin, err)
	}
	return ctx, func() { stop(); stopAllocator() }, nil
}

// findChromium returns the program to run.
func findChromium() (string, error) {
	bin := os.Getenv("CHROME_BIN")
	if bin == "" {
		bin = "/usr/bin/chromium"
	}
	if _, err := os.Stat(bin); err != nil {
		return "", errors.New("no Chromium: install it, or name it in CHROME_BIN")
	}
	return bin, nil
}

// require skips a test that lacks a tool, or fails it where the tools must be.
func require(t testing.TB, missing error) {
	t.Helper()
	switch {
	case missing == nil:
	case os.Getenv("CI") == "true":
		t.Fatal(missing)
	default:
		t.Skip(missing)
	}
}

// New opens an empty page that knows nothing of other pages. It is closed when
// the test ends. The test fails then if the browser complained meanwhile.
func New(t testing.TB) *Page {
	t.Helper()
	bin, err := findChromium()
	require(t, err)
	parent, err := acquire(bin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	ctx, closePage := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	t.Cleanup(closePage)
	p := &Page{t: t, ctx: ctx, watch: new(watcher)}
	if err := p.watch.on(ctx); err != nil {
		t.Fatalf("open a page: %v", err)
	}
	t.Cleanup(p.complain)
	return p
}

const (
	wide, high = 1280, 900
	patience   = 10 * time.Second
)
