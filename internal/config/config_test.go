package config_test

import (
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"tollgate/internal/config"
)

const secretKey = "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef"

// env is a getenv over pairs.
func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// write makes a file of text and returns its name.
func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "deployment.toml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func read(t *testing.T, opt config.Options, getenv func(string) string) config.Config {
	t.Helper()
	c, err := config.Read(opt, getenv)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// connected is the attribute that is there even when none is declared.
var connected = config.Attribute{
	Name: "ConnectedAccountKey", DisplayName: "Connected account", Required: true,
	Description: "The Stripe account that is paid: acct_ and letters and digits.",
}

func TestNothingSetIsTheSandbox(t *testing.T) {
	t.Chdir(t.TempDir())
	got := read(t, config.Options{}, env())
	want := config.Config{
		Mode:  config.Sandbox,
		Parts: map[config.Part]bool{config.PartPortal: true, config.PartGateway: true, config.PartWorker: true, config.PartSandbox: true},
		Addr:  "127.0.0.1:8080", GatewayAddr: "127.0.0.1:8243", SandboxAddr: "127.0.0.1:12111",
		PublicURL: &url.URL{Scheme: "http", Host: "127.0.0.1:8080"}, GatewayURL: &url.URL{Scheme: "http", Host: "127.0.0.1:8243"},
		Usage: config.Usage{PublishMinutes: 5, CallLogDays: 35},
		Data:  "data", Database: config.Database{Engine: config.SQLite, File: "data/tollgate.db"},
		Attributes: []config.Attribute{connected},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestDefaultFileIsReadFromTheWorkingDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("deployment.toml", []byte("[tollgate]\naddr = \"127.0.0.1:9999\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c := read(t, config.Options{}, env()); c.Addr != "127.0.0.1:9999" || c.PublicURL.String() != "http://127.0.0.1:9999" {
		t.Errorf("addr %s, public URL %s", c.Addr, c.PublicURL)
	}
}

func TestWSO2File(t *testing.T) {
	t.Parallel()
	c := read(t, config.Options{File: "testdata/wso2.toml"}, env("APIM_DB_PASSWORD", "wso2carbon", "TOLLGATE_SECRET_KEY", secretKey))
	if want := (config.Database{
		Engine: config.MySQL, Host: "db.internal:3306", Name: "WSO2AM_DB", User: "wso2carbon", Password: "wso2carbon", Params: url.Values{},
	}); !reflect.DeepEqual(c.Database, want) {
		t.Errorf("database %+v", c.Database)
	}
	if got := c.Database.URL().Reveal(); got != "mysql://wso2carbon:wso2carbon@db.internal:3306/WSO2AM_DB" {
		t.Errorf("database URL %s", got)
	}
	if want := []config.Attribute{
		{Name: "ConnectedAccountKey", DisplayName: "ConnectedAccountKey", Description: "connected account of the publisher", Required: true},
		{Name: "CostCentre", DisplayName: "CostCentre", Default: "none"},
	}; !reflect.DeepEqual(c.Attributes, want) {
		t.Errorf("attributes %+v", c.Attributes)
	}
	if want := []string{
		"testdata/wso2.toml: ignored, because Tollgate has no use for them: [server], [super_admin], [database.shared_db], [apim.throttling], [apim.gateway.environment].",
		"testdata/wso2.toml: [database.apim_db] url: options of the Java driver are not used: allowPublicKeyRetrieval, autoReconnect.",
		"testdata/wso2.toml: [database.apim_db]: read but not used: driver, defaultAutoCommit, maxActive, maxWait, testOnBorrow, validationQuery, validationInterval.",
		"testdata/wso2.toml: [apim.monetization]: read but not used: granularity, publish_duration, analytics_host, analytics_port.",
		"testdata/wso2.toml: [apim.analytics]: read but not used: enable, type.",
	}; !reflect.DeepEqual(c.Warnings, want) {
		t.Errorf("warnings\n%s", strings.Join(c.Warnings, "\n"))
	}
}

func TestEnvironmentOverridesTheFile(t *testing.T) {
	t.Parallel()
	file := write(t, `[tollgate]
mode = "live"
addr = "127.0.0.1:1"
data = "elsewhere"
public_url = "https://file.example"
call_log_days = 90
publish_minutes = "15"
`)
	c := read(t, config.Options{File: file, Parts: []string{"portal", "gateway", "worker"}}, env(
		"TOLLGATE_MODE", "test", "TOLLGATE_GATEWAY_URL", "https://api.example", "TOLLGATE_UPSTREAM_ALLOW", "10.1.0.0/16, 192.168.7.9", "TOLLGATE_PUBLISH_MINUTES", "1", "TOLLGATE_ADDR", ":9000", "TOLLGATE_GATEWAY_ADDR", "127.0.0.1:0", "TOLLGATE_SANDBOX_ADDR", "127.0.0.1:0",
		"TOLLGATE_METRICS_ADDR", "127.0.0.1:9100", "TOLLGATE_PUBLIC_URL", "https://portal.example/", "TOLLGATE_DATA", "/srv/tollgate/",
		"TOLLGATE_DATABASE_URL", "postgres://tg:p%40ss@[::1]/portal?sslmode=disable", "TOLLGATE_SECRET_KEY", secretKey,
		"TOLLGATE_STRIPE_SECRET_KEY", "rk_test_0123456789abcdef", "TOLLGATE_STRIPE_API_BASE", "http://localhost:12111/",
		"TOLLGATE_STRIPE_WEBHOOK_SECRET", "whsec_0123456789abcdefABCDEF01, whsec_0123456789abcdefABCDEF02",
	))
	want := config.Config{
		Mode: config.Test, Parts: map[config.Part]bool{config.PartPortal: true, config.PartGateway: true, config.PartWorker: true},
		GatewayURL: &url.URL{Scheme: "https", Host: "api.example"}, Usage: config.Usage{PublishMinutes: 1, CallLogDays: 90},
		UpstreamAllow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("192.168.7.9/32")},
		Addr:          ":9000", GatewayAddr: "127.0.0.1:0", SandboxAddr: "127.0.0.1:0", MetricsAddr: "127.0.0.1:9100",
		PublicURL: &url.URL{Scheme: "https", Host: "portal.example"}, Data: "/srv/tollgate",
		Database: config.Database{
			Engine: config.Postgres, Host: "[::1]:5432", Name: "portal", User: "tg", Password: "p@ss", Params: url.Values{"sslmode": {"disable"}},
		},
		StripeKey: "rk_test_0123456789abcdef", StripeAPIBase: "http://localhost:12111", SecretKey: secretKey,
		StripeWebhookSecrets: []config.Secret{"whsec_0123456789abcdefABCDEF01", "whsec_0123456789abcdefABCDEF02"},
		Attributes:           []config.Attribute{connected},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %#v\nwant %#v", c, want)
	}
	if got := c.Database.URL().Reveal(); got != "postgres://tg:p%40ss@[::1]:5432/portal?sslmode=disable" {
		t.Errorf("database URL %s", got)
	}
}

func TestLive(t *testing.T) {
	t.Parallel()
	c := read(t, config.Options{File: write(t, "")}, env("TOLLGATE_MODE", "live",
		"TOLLGATE_PUBLIC_URL", "https://portal.example", "TOLLGATE_GATEWAY_URL", "https://api.example", "TOLLGATE_STRIPE_SECRET_KEY", "sk_live_0123456789abcdef"))
	if c.Parts[config.PartSandbox] || c.StripeKey.Reveal() != "sk_live_0123456789abcdef" || len(c.Warnings) != 0 {
		t.Errorf("%+v", c)
	}
}

func TestDatabaseForms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, env, toml, want string }{
		{"absolute file", "sqlite:///srv/a b.db", "", "sqlite:///srv/a%20b.db"},
		{"relative file", "sqlite:data/x.db", "", "sqlite:data/x.db"},
		{"default port", "mysql://u:p@h/db", "", "mysql://u:p@h:3306/db"},
		{"postgresql", "postgresql://u@h:1/db", "", "postgres://u:@h:1/db"},
		{"environment wins", "sqlite:x.db", "[database.apim_db]\ntype = \"h2\"", "sqlite:x.db"},
		{"jdbc postgres", "", `[database.apim_db]
type = "postgre"
url = "jdbc:postgresql://h/db?ssl=true&currentSchema=apim&user=u&password=p"`, "postgres://u:p@h:5432/db?search_path=apim&sslmode=verify-full"},
		{"jdbc sslmode", "", `[database.apim_db]
url = "jdbc:postgresql://h/db?sslmode=require"
username = "u"
password = "a:/?#[]@!"`, "postgres://u:a%3A%2F%3F%23%5B%5D%40%21@h:5432/db?sslmode=require"},
		{"jdbc mysql tls", "", `[database.apim_db]
url = "jdbc:mysql://h/db?sslMode=VERIFY_IDENTITY"`, "mysql://h:3306/db?tls=true"},
		{"jdbc mysql old tls", "", `[database.apim_db]
url = "jdbc:mysql://h/db?useSSL=true&requireSSL=true"`, "mysql://h:3306/db?tls=skip-verify"},
		{"jdbc mariadb", "", `[database.apim_db]
type = "mysql"
url = "jdbc:mariadb://h/db"`, "mysql://h:3306/db"},
		{"single keys", "", `[database.apim_db]
type = "mysql"
hostname = "db.example"
port = 3307
name = "apim_db"
username = "u"
password = "p"
[database.apim_db.pool_options]
maxActive = 5`, "mysql://u:p@db.example:3307/apim_db"},
	} {
		c, err := config.Read(config.Options{File: write(t, tt.toml)}, env("TOLLGATE_DATABASE_URL", tt.env, "TOLLGATE_SECRET_KEY", secretKey))
		if err != nil || c.Database.URL().Reveal() != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.name, c.Database.URL().Reveal(), err, tt.want)
		}
	}
}

func TestPublicURLFollowsTheAddress(t *testing.T) {
	t.Parallel()
	file := write(t, "")
	for addr, want := range map[string]string{
		"127.0.0.1:8080": "http://127.0.0.1:8080", ":8080": "http://localhost:8080", "0.0.0.0:80": "http://localhost:80",
		"[::]:80": "http://localhost:80", "[::1]:80": "http://[::1]:80", "portal.lan:8080": "http://portal.lan:8080",
	} {
		if c := read(t, config.Options{File: file}, env("TOLLGATE_ADDR", addr)); c.PublicURL.String() != want {
			t.Errorf("%s: %s, want %s", addr, c.PublicURL, want)
		}
	}
	if c := read(t, config.Options{File: file}, env("TOLLGATE_ADDR", "127.0.0.1:0")); c.PublicURL != nil {
		t.Errorf("a port that is not known yet gives %s", c.PublicURL)
	}
	c := read(t, config.Options{File: file}, env("TOLLGATE_PUBLIC_URL", "http://portal.lan"))
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "https") {
		t.Errorf("warnings %q", c.Warnings)
	}
}
