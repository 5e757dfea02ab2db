package archtest

// mayImport is the architecture, from the top down: which of our packages a
// package may import. Every package may import those in everywhere. A name that
// ends in /* stands for all packages below; main is the package in the root.
var mayImport = map[string][]string{
	"main": {"*"},

	"web":            {"handlers/*", "web/session", "web/respond", "views/layout", "views/page/*", "accounts", "catalog", "billing", "usage", "notices", "access", "models", "internal/outbox", "internal/peer", "static"},
	"web/session":    {"accounts"},
	"web/respond":    {"web/session", "accounts", "views/layout", "views/ui"},
	"handlers/*":     {"web/session", "web/respond", "views/*", "handlers/sheet", "accounts", "catalog", "billing", "usage", "access", "notices", "models", "gateway"}, // gateway for what limits mean
	"handlers/admin": {"web/session", "web/respond", "views/*", "handlers/sheet", "accounts", "catalog", "billing", "usage", "access", "notices", "models", "internal/outbox"},
	"handlers/rest":  {"web/session", "web/respond", "accounts", "catalog", "billing", "usage", "access", "notices", "models", "gateway", "gateway/ingest"},
	"handlers/sheet": {"views/ui", "billing", "usage", "models"}, // what the pages of several portals show alike

	"views/page/*": {"views/layout", "views/ui"},
	"views/mail":   {"views/ui"},
	"views/layout": {"views/ui", "static"},
	"views/ui":     {"static"},
	"static":       {},

	"gateway/proxy":    {"gateway", "gateway/entitle", "gateway/upstream", "usage", "access", "models", "internal/peer", "internal/wire"}, // models for its TenantID
	"gateway/upstream": {},
	"gateway/entitle":  {"gateway", "access", "access/facts", "accounts", "catalog", "models", "internal/vault"},
	"gateway/ingest":   {"gateway", "usage", "models"},
	"gateway/report":   {},
	"gateway":          {"access"},

	"billing/stripe": {"billing", "usage", "accounts", "models"}, // models for its TenantID
	"billing":        {"usage", "catalog", "accounts", "access", "access/facts", "notices", "models", "internal/outbox", "internal/vault"},
	"usage":          {"catalog", "accounts", "models", "internal/outbox"},
	"catalog":        {"accounts", "models", "internal/outbox"},
	"accounts":       {"notices", "models", "internal/outbox", "internal/vault"},
	"notices":        {"views/mail", "access", "models", "internal/outbox"},
	"access":         {},
	"access/facts":   {"access", "models"},
	"models":         {},
	"migrations":     {},
	"money":          {},

	"sandbox":        {"sandbox/*"},
	"sandbox/views":  {},
	"sandbox/static": {},

	"internal/demo":   {"accounts", "catalog", "usage", "billing", "notices", "access", "models"},
	"internal/outbox": {"models"},
	"internal/vault":  {},
	"internal/config": {},
	"internal/clock":  {},
	"internal/fault":  {},
	"internal/peer":   {},
	"internal/wire":   {},

	"internal/metrics": {"models"},

	"internal/testdb":     {"migrations", "models"},
	"internal/simulate":   {"access", "accounts", "catalog", "usage", "billing", "billing/stripe", "notices", "models", "migrations", "sandbox", "internal/outbox", "internal/vault"}, // for tests: main without its pages
	"internal/stripetest": {},
	"internal/browser":    {},
	"internal/golden":     {},
	"internal/archtest":   {},
	"internal/hostile":    {},
}

var everywhere = []string{"money", "internal/fault", "internal/clock"}

// only says which packages may import a dependency that would otherwise spread.
var only = map[string][]string{
	"github.com/gofiber/":            {"web", "web/*", "handlers/*"},
	"github.com/gorilla/":            {"web/session"},
	"github.com/stripe/stripe-go/":   {"main", "billing/stripe"},
	"github.com/stripe/stripe-mock":  {"internal/stripetest"},
	"github.com/getkin/":             {"internal/stripetest"},
	"github.com/chromedp/":           {"internal/browser"},
	"github.com/uptrace/bun":         {"main", "models", "migrations", "accounts", "catalog", "usage", "billing", "notices", "gateway/entitle", "gateway/ingest", "internal/outbox", "internal/testdb", "internal/simulate"},
	"github.com/a-h/templ":           {"views/*", "web/respond", "sandbox", "sandbox/views", "internal/golden"},
	"github.com/valyala/fasthttp":    {"web", "web/*", "handlers/*"},
	"golang.org/x/net/html":          {"internal/golden"},
	"codeberg.org/go-pdf/":           {"sandbox"},
	"github.com/wneessen/go-mail":    {"notices"},
	"github.com/pelletier/go-toml":   {"internal/config"},
	"github.com/prometheus/":         {"internal/metrics"},
	"github.com/go-sql-driver/mysql": {"main", "models", "migrations", "internal/testdb"},
	"github.com/jackc/pgx":           {"main", "models", "migrations", "internal/testdb"},
	"modernc.org/sqlite":             {"main", "models", "migrations", "internal/testdb", "sandbox"},
}

// mayCall says which packages may use a function of another package. Tests may
// call what they like.
var mayCall = map[string][]string{
	"time.Now":     {"main", "internal/clock"},
	"time.Since":   {"main", "internal/clock"},
	"time.Until":   {"main", "internal/clock"},
	"os.Getenv":    {"main", "internal/config", "internal/browser", "internal/golden", "internal/testdb"},
	"os.LookupEnv": {"main", "internal/config", "internal/browser", "internal/golden", "internal/testdb"},
	"os.Environ":   {"main", "internal/config", "internal/browser", "internal/golden", "internal/testdb"},
}

// Budgets, in lines. Generated code and tests have none.
const (
	longestFunction = 60
	longestFile     = 400
)
