package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "tollgate"

// A source is one package that is part of the program or its tests' tools.
type source struct {
	name  string // path below the module; main for the root
	files []file
}

type file struct {
	path      string
	syntax    *ast.File
	generated bool
}

// files are read here and not by the go command, so that the test cache notices
// when one of them changes.
var files = token.NewFileSet()

var sources = sync.OnceValues(func() ([]source, error) { return read("../..") })

// read parses all packages below root, without their tests.
func read(root string) ([]source, error) {
	var all []source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		if skipped(d.Name()) && rel != "." {
			return filepath.SkipDir
		}
		s, err := readPackage(p, filepath.ToSlash(rel))
		if err == nil && len(s.files) > 0 {
			all = append(all, s)
		}
		return err
	})
	return all, err
}

func skipped(dir string) bool {
	return strings.HasPrefix(dir, ".") || strings.HasPrefix(dir, "_") || dir == "testdata" || dir == "node_modules"
}

func readPackage(dir, name string) (source, error) {
	if name == "." {
		name = "main"
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return source{}, err
	}
	s := source{name: name}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		syntax, err := parser.ParseFile(files, filepath.Join(dir, e.Name()), nil, parser.ParseComments)
		if err != nil {
			return source{}, err
		}
		s.files = append(s.files, file{path.Join(name, e.Name()), syntax, ast.IsGenerated(syntax)})
	}
	return s, nil
}

func packages(t *testing.T) []source {
	t.Helper()
	all, err := sources()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 3 {
		t.Fatalf("found only %d packages: the walk is broken", len(all))
	}
	return all
}

// imports are the paths a file imports, by the name it uses for each.
func (f file) imports() map[string]string {
	named := map[string]string{}
	for _, i := range f.syntax.Imports {
		imported, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			continue
		}
		name := nameOf(imported)
		if i.Name != nil && i.Name.Name != "_" {
			name = i.Name.Name
		}
		named[name+" "+imported] = imported
	}
	return named
}

// nameOf guesses what a package calls itself from its path: the last element
// that is not a version, without "go-" or "-go".
func nameOf(imported string) string {
	name := path.Base(imported)
	if len(name) > 1 && name[0] == 'v' && strings.Trim(name[1:], "0123456789") == "" {
		name = path.Base(path.Dir(imported))
	}
	return strings.TrimSuffix(strings.TrimPrefix(name, "go-"), "-go")
}

// paths are the imports, sorted.
func (f file) paths() []string {
	var all []string
	for _, p := range f.imports() {
		all = append(all, p)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// uses calls each for every name of another package that a file mentions:
// uses(time, Now). Names of variables are not mistaken for packages, because
// only imports are looked up.
func (f file) uses(each func(imported, name string, at token.Pos)) {
	byName := map[string]string{}
	for key, imported := range f.imports() {
		name, _, _ := strings.Cut(key, " ")
		byName[name] = imported
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && byName[x.Name] != "" {
				each(byName[x.Name], s.Sel.Name, s.Pos())
			}
		}
		return true
	})
}

// covered reports whether name is in a list in which x/* stands for all below x
// and * for everything.
func covered(name string, list []string) bool {
	return slices.ContainsFunc(list, func(entry string) bool {
		below, wild := strings.CutSuffix(entry, "*")
		return entry == name || wild && strings.HasPrefix(name, below)
	})
}
