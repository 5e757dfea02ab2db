package browser

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// Axe fails the test for each serious or critical problem that axe-core finds
// for people with disabilities. Scripts must be on. Without axe-core the test
// is skipped, except where CI=true.
func (p *Page) Axe() {
	p.t.Helper()
	source, err := axeSource()
	require(p.t, err)
	if err := chromedp.Do(p.ctx, chromedp.Evaluate[chromedp.Void](source)); err != nil {
		p.t.Fatalf("load axe-core: %v", err)
	}
	type finding struct {
		ID, Impact, Help string
		Nodes            []struct{ HTML, FailureSummary string }
	}
	found, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]finding](
		`axe.run({runOnly:['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']}).then(r => r.violations.map(
			v => ({ID: v.id, Impact: v.impact, Help: v.help, Nodes: v.nodes.map(n => ({HTML: n.html, FailureSummary: n.failureSummary}))})))`,
		chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("run axe-core: %v", err)
	}
	for _, f := range found {
		if f.Impact != "serious" && f.Impact != "critical" {
			continue
		}
		for _, n := range f.Nodes {
			p.t.Errorf("axe: %s at %s: %s (%s)\n  %s\n  %s", f.Impact, p.URL(), f.Help, f.ID, n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", "\n  "))
		}
	}
}

// Tool returns the path of a file below tools/ui/node_modules, where `npm install`
// put it. Without it the test is skipped, except where CI=true.
func Tool(t testing.TB, path string) string {
	t.Helper()
	file, err := tool(path)
	require(t, err)
	return file
}

func axeSource() (string, error) {
	file, err := tool("axe-core/axe.min.js")
	if err != nil {
		return "", err
	}
	source, err := os.ReadFile(file)
	return string(source), err
}

// tool looks in the module's root, which is somewhere above the test's package.
func tool(path string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("the test runs outside of the module")
		}
		dir = filepath.Dir(dir)
	}
	file := filepath.Join(dir, "tools", "ui", "node_modules", filepath.FromSlash(path))
	if _, err := os.Stat(file); err != nil {
		return "", errors.New("no " + path + ": run `npm install --no-save --ignore-scripts` in tools/ui")
	}
	return file, nil
}
