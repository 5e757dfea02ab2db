// Package golden compares rendered components with files that were reviewed,
// and checks that their structure is sound: labels, headings, captions, nothing
// inline. Run a test with -update to write its files anew, and review the
// difference.
package golden

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/a-h/templ"
)

var update = flag.Bool("update", false, "write the golden files anew")

// HTML renders c and compares it with testdata/<name>.html below the test's
// package. It checks the structure too: of a whole page when c renders one,
// else of its parts. With TOLLGATE_PAGES set it also writes what it rendered into
// that directory, to be looked at beside a copy of static.
func HTML(t *testing.T, name string, c templ.Component) {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(t.Context(), &b); err != nil {
		t.Fatalf("render %s: %v", name, err)
	}
	if strings.Contains(b.String(), "<html") {
		CheckPage(t, b.String())
	} else {
		CheckParts(t, b.String())
	}
	page := unhashed.ReplaceAllString(b.String(), "$1$2")
	if dir := os.Getenv("TOLLGATE_PAGES"); dir != "" {
		write(t, filepath.Join(dir, name+".html"), page)
	}
	compare(t, filepath.Join("testdata", name+".html"), Format(page))
}

// Text compares text with the file called name in testdata below the test's package.
func Text(t *testing.T, name, text string) {
	t.Helper()
	compare(t, filepath.Join("testdata", name), text)
}

// unhashed finds the names of static files, which change with each build of theirs.
var unhashed = regexp.MustCompile(`(/static/[a-z0-9./_-]+)\.[0-9a-f]{12}(\.[a-z0-9]+)`)

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		write(t, file, got)
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run the test with -update, then review the file)", err)
	}
	if string(want) != got {
		t.Errorf("%s differs from what is rendered now:\n%s", file, difference(string(want), got))
	}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// difference shows the lines around the first one that differs: enough to see
// what changed, the rest is seen with -update and git diff.
func difference(want, got string) string {
	const around = 3
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	var out strings.Builder
	for _, line := range a[max(0, at-around):at] {
		out.WriteString("  " + line + "\n")
	}
	for _, line := range a[at:min(len(a), at+around)] {
		out.WriteString("- " + line + "\n")
	}
	for _, line := range b[at:min(len(b), at+around)] {
		out.WriteString("+ " + line + "\n")
	}
	return out.String()
}
