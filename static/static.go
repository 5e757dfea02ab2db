// Package static is the files browsers fetch: style sheet, scripts, icon, font.
// They are part of the program, and named by their content, so that a browser
// may keep them for ever.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed css fonts js icons
var files embed.FS

// A File is one file as it is served.
type File struct {
	Path    string // its hashed name under /static/
	Type    string // media type
	Tag     string // entity tag, quoted
	Plain   []byte
	Gzipped []byte // nil where packing gains nothing
	Forever bool   // reached by its hashed name, so it never changes
}

var types = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
}

// byName holds every file under its plain and under its hashed name.
var byName, hashed = load()

func load() (map[string]File, map[string]string) {
	all, names := map[string]File{}, map[string]string{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		hash, ext := hex.EncodeToString(sum[:6]), path.Ext(name)
		f := File{Type: types[ext], Tag: `"` + hash + `"`, Plain: content, Gzipped: pack(content, ext)}
		f.Path = strings.TrimSuffix(name, ext) + "." + hash + ext
		all[name] = f
		names[name] = "/static/" + f.Path
		f.Forever = true
		all[f.Path] = f
		return nil
	})
	if err != nil {
		panic(fmt.Sprintf("static: %v", err)) // the files are compiled in
	}
	return all, names
}

// pack compresses what is text.
func pack(content []byte, ext string) []byte {
	if ext == ".woff2" {
		return nil
	}
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a valid one
	_, _ = w.Write(content)                               // a buffer takes everything
	_ = w.Close()
	if b.Len() >= len(content) {
		return nil
	}
	return b.Bytes()
}

// Path returns the URL path of a file, such as css/tollgate.css. It panics on a
// file that is not there: a page would be broken.
func Path(name string) string {
	p, ok := hashed[name]
	if !ok {
		panic("static: no file " + name)
	}
	return p
}

// Find returns the file at a path under /static/, by its plain or hashed name.
func Find(name string) (File, bool) {
	f, ok := byName[name]
	return f, ok
}
