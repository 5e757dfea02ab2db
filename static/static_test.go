package static_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"tollgate/static"
)

func TestFilesAreFoundByTheirHashedName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"css/tollgate.css", "js/tollgate.js", "js/htmx.min.js", "icons/tollgate.svg"} {
		hashed := static.Path(name)
		f, ok := static.Find(strings.TrimPrefix(hashed, "/static/"))
		if !ok || !f.Forever || f.Type == "" {
			t.Fatalf("%s: %+v", name, f)
		}
		plain, ok := static.Find(name)
		if !ok || plain.Forever || !bytes.Equal(plain.Plain, f.Plain) {
			t.Errorf("%s by its plain name: found %t, kept for ever %t", name, ok, plain.Forever)
		}
		r, err := gzip.NewReader(bytes.NewReader(f.Gzipped))
		if err != nil {
			t.Fatal(err)
		}
		if back, err := io.ReadAll(r); err != nil || !bytes.Equal(back, f.Plain) {
			t.Errorf("%s: packed and plain differ (%v)", name, err)
		}
	}
	if _, ok := static.Find("../static.go"); ok {
		t.Error("a file outside was found")
	}
}

func TestFirstLoadIsSmall(t *testing.T) {
	t.Parallel()
	total := 0
	for _, name := range []string{"css/tollgate.css", "js/tollgate.js", "js/htmx.min.js", "fonts/inter-latin-wght-normal.woff2"} {
		f, _ := static.Find(name)
		if f.Gzipped != nil {
			total += len(f.Gzipped)
		} else {
			total += len(f.Plain)
		}
	}
	if most := 120 << 10; total > most {
		t.Errorf("style sheet, scripts and font are %d bytes, more than %d", total, most)
	}
}
