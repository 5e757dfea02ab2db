package archtest

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLayers(t *testing.T) {
	t.Parallel()
	for _, s := range packages(t) {
		allowed, known := lawOf(s.name)
		if !known {
			t.Errorf("%s is not in the architecture: add it to mayImport knowingly, or do without it", s.name)
		}
		for _, f := range s.files {
			for _, imported := range f.paths() {
				if problem := forbidden(s.name, allowed, imported); problem != "" {
					t.Errorf("%s: %s", f.path, problem)
				}
			}
		}
	}
}

// lawOf is the line of mayImport for a package: its own, else its family's.
func lawOf(name string) (allowed []string, known bool) {
	if allowed, known = mayImport[name]; known {
		return allowed, true
	}
	for entry, allowed := range mayImport {
		if strings.HasSuffix(entry, "/*") && covered(name, []string{entry}) {
			return allowed, true
		}
	}
	return nil, false
}

// forbidden says why a package may not import something; empty: it may.
func forbidden(name string, allowed []string, imported string) string {
	if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
		if !covered(ours, allowed) && !covered(ours, everywhere) {
			return name + " may not import " + ours
		}
		return ""
	}
	for dependency, users := range only {
		if strings.HasPrefix(imported, dependency) && !covered(name, users) {
			return name + " may not import " + imported
		}
	}
	return ""
}

func TestTheLawItself(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, imported string
		allowed        bool
	}{
		{"main", "tollgate/sandbox", true},
		{"handlers/rest", "tollgate/billing", true},
		{"handlers/rest", "tollgate/internal/outbox", false},
		{"handlers/admin", "tollgate/internal/outbox", true},
		{"handlers/stripeservice", "github.com/gofiber/fiber/v2", true},
		{"billing", "github.com/gofiber/fiber/v2", false},
		{"billing", "github.com/stripe/stripe-go/v82", false},
		{"billing/stripe", "github.com/stripe/stripe-go/v82", true},
		{"usage", "tollgate/billing", false},
		{"billing", "tollgate/usage", true},
		{"models", "tollgate/accounts", false},
		{"models", "tollgate/money", true},
		{"sandbox", "tollgate/billing", false},
		{"sandbox", "tollgate/sandbox/views", true},
		{"sandbox/views", "tollgate/views/ui", false},
		{"views/page/admin", "tollgate/models", false},
		{"views/page/admin", "tollgate/views/layout", true},
		{"access", "github.com/uptrace/bun", false},
		{"models", "github.com/uptrace/bun/dialect/pgdialect", true},
		{"billing", "tollgate/internal/stripetest", false},
	}
	for _, c := range cases {
		allowed, known := lawOf(c.name)
		if !known {
			t.Errorf("%s is unknown", c.name)
		}
		if got := forbidden(c.name, allowed, c.imported) == ""; got != c.allowed {
			t.Errorf("%s imports %s: allowed %v, want %v", c.name, c.imported, got, c.allowed)
		}
	}
	if _, known := lawOf("util"); known {
		t.Error("a package nobody planned is known")
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for _, s := range packages(t) {
		if !said(s) {
			t.Errorf("%s has no package comment", s.name)
		}
	}
}

func said(s source) bool {
	for _, f := range s.files {
		if f.syntax.Doc != nil && strings.TrimSpace(f.syntax.Doc.Text()) != "" {
			return true
		}
	}
	return false
}

func TestBudgets(t *testing.T) {
	t.Parallel()
	for _, s := range packages(t) {
		for _, f := range s.files {
			if f.generated {
				continue
			}
			if n := lines(f.syntax); n > longestFile {
				t.Errorf("%s has %d lines, more than %d", f.path, n, longestFile)
			}
			for _, d := range f.syntax.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && lines(fn) > longestFunction {
					t.Errorf("%s: %s has %d lines, more than %d", f.path, fn.Name.Name, lines(fn), longestFunction)
				}
			}
		}
	}
}

// lines counts the lines of a declaration, or of a whole file with its comments.
func lines(n ast.Node) int {
	if f, ok := n.(*ast.File); ok {
		return files.File(f.FileStart).LineCount()
	}
	return files.Position(n.End()).Line - files.Position(n.Pos()).Line + 1
}

func TestClocksAndSettingsAreInjected(t *testing.T) {
	t.Parallel()
	for _, s := range packages(t) {
		for _, f := range s.files {
			f.uses(func(imported, name string, at token.Pos) {
				if users, limited := mayCall[imported+"."+name]; limited && !covered(s.name, users) {
					t.Errorf("%s: %s may not use %s.%s", files.Position(at), s.name, imported, name)
				}
			})
		}
	}
}

// stripe-go's package level has one key for the whole process: here every
// tenant has a client of its own.
func TestStripeOnlyThroughAClient(t *testing.T) {
	t.Parallel()
	for _, s := range packages(t) {
		for _, f := range s.files {
			for _, problem := range globalStripe(f) {
				t.Errorf("%s: %s", f.path, problem)
			}
		}
	}
}

func globalStripe(f file) []string {
	var problems []string
	for _, imported := range f.paths() {
		if rest, ok := strings.CutPrefix(imported, "github.com/stripe/stripe-go/"); ok {
			if _, below, _ := strings.Cut(rest, "/"); below != "" && below != "webhook" {
				problems = append(problems, imported+" uses the process-wide key")
			}
		}
	}
	f.uses(func(imported, name string, at token.Pos) {
		if strings.HasPrefix(imported, "github.com/stripe/stripe-go/") && (name == "Key" || name == "SetBackend" || name == "SetHTTPClient") {
			problems = append(problems, files.Position(at).String()+": stripe."+name+" is process-wide")
		}
	})
	return problems
}

// Handlers know rows as types they are handed, and never run a statement.
func TestHandlersRunNoStatements(t *testing.T) {
	t.Parallel()
	statements := map[string]bool{}
	for _, s := range packages(t) {
		if s.name == "models" {
			functions(s, statements)
		}
	}
	for _, s := range packages(t) {
		if !strings.HasPrefix(s.name, "handlers/") {
			continue
		}
		for _, f := range s.files {
			f.uses(func(imported, name string, at token.Pos) {
				if imported == module+"/models" && statements[name] {
					t.Errorf("%s: a handler may not call models.%s", files.Position(at), name)
				}
			})
		}
	}
}

// functions collects the package-level functions of a package.
func functions(s source, into map[string]bool) {
	for _, f := range s.files {
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				into[fn.Name.Name] = true
			}
		}
	}
}

// TestTheEyesOpen runs the checks on a package that breaks them all.
func TestTheEyesOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const bad = `package bad
import (
	"time"
	"github.com/stripe/stripe-go/v82"
	_ "github.com/stripe/stripe-go/v82/customer"
)
func init() { stripe.Key = "sk"; _ = time.Now() }
`
	if err := os.WriteFile(filepath.Join(dir, "bad.go"), []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := readPackage(dir, "bad")
	if err != nil || len(s.files) != 1 {
		t.Fatal(err, s)
	}
	if said(s) {
		t.Error("a missing package comment was not seen")
	}
	if got := globalStripe(s.files[0]); len(got) != 2 {
		t.Errorf("process-wide Stripe: %q, want the key and the sub-package", got)
	}
	var used []string
	s.files[0].uses(func(imported, name string, _ token.Pos) { used = append(used, imported+"."+name) })
	if !strings.Contains(strings.Join(used, " "), "time.Now") {
		t.Errorf("uses = %q, want time.Now", used)
	}
	if n := lines(s.files[0].syntax.Decls[1]); n != 1 {
		t.Errorf("init has %d lines, want 1", n)
	}
}
