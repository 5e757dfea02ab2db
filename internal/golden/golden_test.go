package golden

import (
	"fmt"
	"strings"
	"testing"

	"github.com/a-h/templ"
)

type witness struct {
	testing.TB
	problems []string
}

func (w *witness) Helper()           {}
func (w *witness) Error(args ...any) { w.problems = append(w.problems, fmt.Sprint(args...)) }

const sound = `<!doctype html><html lang="en"><head><title>T</title></head><body><main id="m"><h1>One</h1>
<a href="#m">Up</a> <button>Save</button>
<label for="a">A</label><input id="a"><label>B <select><option>1</option></select></label><input type="hidden" name="h">
<table><caption>C</caption><tr><td>1</td></tr></table><img alt="" src="x.png">
<svg aria-hidden="true"></svg><svg role="img"><title>Up</title></svg>
<script src="a.js"></script><script type="application/json">{}</script></main></body></html>`

func TestSoundPagePasses(t *testing.T) {
	t.Parallel()
	CheckPage(t, sound)
}

func TestEachRuleIsEnforced(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, old, new, problem string }{
		{"two h1", "<h1>One</h1>", "<h1>One</h1><h1>Two</h1>", "2 h1"},
		{"no h1", "<h1>One</h1>", "", "0 h1"},
		{"no title", "<title>T</title>", "", "no title"},
		{"empty title", "<title>T</title>", "<title> </title>", "title is empty"},
		{"no language", ` lang="en"`, "", "no language"},
		{"label for nothing", `for="a"`, `for="b"`, "without a visible label"},
		{"dangling reference", `for="a"`, `for="b"`, "not there"},
		{"hidden label", `<label for="a">`, `<label for="a" class="sr-only">`, "without a visible label"},
		{"empty label", `<label for="a">A`, `<label for="a">`, "without a visible label"},
		{"no caption", "<caption>C</caption>", "", "without a caption"},
		{"no alt", `alt="" `, "", "alternative"},
		{"unnamed drawing", "<title>Up</title>", "", "neither named nor hidden"},
		{"bare svg", ` aria-hidden="true"`, "", "neither named nor hidden"},
		{"empty link", ">Up</a>", "></a>", "without words"},
		{"no target", `<a href="#m">`, "<a>", "without a target"},
		{"dead anchor", `href="#m"`, `href="#x"`, "leads nowhere"},
		{"empty button", "<button>Save", "<button>", "without words"},
		{"same id twice", `<input type="hidden"`, `<input type="hidden" id="a"`, `id "a" stands 2 times`},
		{"style attribute", "<h1>", `<h1 style="color:red">`, "inline style"},
		{"handler", "<h1>", `<h1 onclick="x()">`, "inline handler"},
		{"script address", `href="#m"`, `href=" JavaScript:x()"`, "script in an address"},
		{"inline script", `src="a.js"`, "", "inline script"},
		{"stylesheet", "<h1>", "<style>a{}</style><h1>", "inline stylesheet"},
	}
	for _, c := range cases {
		w := &witness{TB: t}
		CheckPage(w, strings.Replace(sound, c.old, c.new, 1))
		if !strings.Contains(strings.Join(w.problems, "\n"), c.problem) {
			t.Errorf("%s: problems %q, want one with %q", c.name, w.problems, c.problem)
		}
	}
}

func TestFormatIsStable(t *testing.T) {
	t.Parallel()
	const source = "<div  class=\"a\"><p>one\n  two <b>&lt;three></b></p>\n<br><pre> a\n b</pre><svg><path d=\"M0\"/></svg></div>"
	const want = `<div class="a">
  <p>
    one two
    <b>&lt;three&gt;</b>
  </p>
  <br>
  <pre> a
 b</pre>
  <svg>
    <path d="M0">
  </svg>
</div>
`
	got := Format(source)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestHTMLComparesWithTheFile(t *testing.T) {
	HTML(t, "part", templ.Raw("<p class=\"note\">Nothing   changed</p>"))
}

func TestDifferenceShowsTheFirstChange(t *testing.T) {
	t.Parallel()
	got := difference("a\nb\nc\n", "a\nx\nc\n")
	for _, line := range []string{"  a\n", "- b\n", "+ x\n"} {
		if !strings.Contains(got, line) {
			t.Errorf("%q lacks %q", got, line)
		}
	}
}
