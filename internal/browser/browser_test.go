package browser

import (
	"fmt"
	"html"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

const form = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Form</title></head><body><main><h1>A form</h1>
<p hidden>Nobody sees this</p>
<form method="post" action="/done">
<p><label for="n">Name</label> <input id="n" name="name" value="old"></p>
<p><label>Country <select name="country"><option>Denmark</option><option>United Kingdom</option></select></label></p>
<fieldset><legend>Rate</legend><label><input type="radio" name="rate" value="fixed" checked> Fixed</label>
<label><input type="radio" name="rate" value="dynamic"> Dynamic</label></fieldset>
<p><label><input type="checkbox" name="agree"> I agree</label></p>
<button>Save</button></form>
<ul><li>Gold <a href="/gold">Edit</a></li><li>Silver <a href="/silver">Edit</a></li></ul></main></body></html>`

func site(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	page := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", "default-src 'self'")
			io.WriteString(w, body)
		}
	}
	mux.HandleFunc("GET /{$}", page(form))
	mux.HandleFunc("GET /silver", page("<p>Silver is edited here</p>"))
	mux.HandleFunc("GET /styled", page(`<p style="color:red">Styled</p>`))
	mux.HandleFunc("GET /script.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		io.WriteString(w, `document.getElementById("s").textContent = "Scripts run"`)
	})
	mux.HandleFunc("GET /scripted", page(`<p id="s">No scripts</p><script src="/script.js"></script>`))
	mux.HandleFunc("GET /pale", page(`<title>x</title><input>`))
	mux.HandleFunc("POST /done", func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		page("<p>Got "+html.EscapeString(fmt.Sprint(r.PostForm))+"</p>")(w, r)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestSentencesFillAForm(t *testing.T) {
	t.Parallel()
	for _, scripts := range []bool{true, false} {
		t.Run(fmt.Sprintf("scripts %v", scripts), func(t *testing.T) {
			t.Parallel()
			p, s := New(t), site(t)
			if !scripts {
				p.DisableScripts()
			}
			p.Open(s.URL)
			p.See("A form")
			p.NotSee("Nobody sees this")
			p.Fill("Name", "Ada Byron")
			if got := p.Value("Name"); got != "Ada Byron" {
				t.Errorf("the field holds %q", got)
			}
			p.Choose("Country", "United Kingdom")
			p.Choose("Rate", "Dynamic")
			p.Tick("I agree")
			p.Tick("I agree")
			p.Click("Save")
			p.See("Got map[agree:[on] country:[United Kingdom] name:[Ada Byron] rate:[dynamic]]")
			if !strings.HasSuffix(p.URL(), "/done") {
				t.Errorf("the page is at %s", p.URL())
			}
		})
	}
}

func TestWithinLimitsToARow(t *testing.T) {
	t.Parallel()
	p, s := New(t), site(t)
	p.Open(s.URL)
	p.Within("Silver").Click("Edit")
	p.See("Silver is edited here")
}

func TestScriptsCanBeOff(t *testing.T) {
	t.Parallel()
	s := site(t)
	p := New(t)
	p.Open(s.URL + "/scripted")
	p.See("Scripts run")
	p.DisableScripts()
	p.Open(s.URL + "/scripted")
	p.See("No scripts")
}

// witness stands in for a test and remembers that it failed.
type witness struct {
	testing.TB
	failures []string
}

func (w *witness) Helper() {}
func (w *witness) Errorf(format string, args ...any) {
	w.failures = append(w.failures, fmt.Sprintf(format, args...))
}

func TestBlockedStylesFail(t *testing.T) {
	t.Parallel()
	p, s := New(t), site(t)
	w := &witness{TB: t}
	p.t = w
	p.Open(s.URL + "/styled")
	p.await("collect violations", func() string {
		if len(p.Violations()) == 0 {
			return "there are none"
		}
		return ""
	})
	p.complain()
	if len(w.failures) != 1 || !strings.Contains(w.failures[0], "Content-Security-Policy") {
		t.Errorf("failures = %q", w.failures)
	}
	p.watch.violations = nil // they were meant
}

func TestAxeFindsAFieldWithoutLabel(t *testing.T) {
	t.Parallel()
	p, s := New(t), site(t)
	p.Open(s.URL)
	p.Axe()
	p.Dark(true)
	p.Axe()
	w := &witness{TB: t}
	p.t = w
	p.Open(s.URL + "/pale")
	p.Axe()
	if len(w.failures) == 0 || !strings.Contains(strings.Join(w.failures, ""), "label") {
		t.Errorf("failures = %q, want one about the label", w.failures)
	}
}

func TestPicturesHaveTheWidthAsked(t *testing.T) {
	t.Parallel()
	p, s := New(t), site(t)
	p.Open(s.URL)
	path := filepath.Join(t.TempDir(), "shots", "narrow.png")
	p.Screenshot(path, 390, true)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	picture, err := png.DecodeConfig(file)
	if err != nil || picture.Width != 390 {
		t.Errorf("width %d, %v, want 390", picture.Width, err)
	}
}

func TestMissingToolsFailOnlyInCI(t *testing.T) {
	t.Setenv("CHROME_BIN", filepath.Join(t.TempDir(), "none"))
	_, missing := findChromium()
	if missing == nil {
		t.Fatal("a Chromium that does not exist was found")
	}
	for ci, want := range map[string]string{"true": "failed", "": "skipped"} {
		t.Setenv("CI", ci)
		v := &verdict{TB: t}
		require(v, missing)
		if v.is != want {
			t.Errorf("with CI=%q the test is %q, want %q", ci, v.is, want)
		}
	}
}

type verdict struct {
	testing.TB
	is string
}

func (v *verdict) Helper()      {}
func (v *verdict) Fatal(...any) { v.is = "failed" }
func (v *verdict) Skip(...any)  { v.is = "skipped" }
