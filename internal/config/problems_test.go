package config_test

import (
	"strings"
	"testing"

	"tollgate/internal/config"
)

// wrong are configurations that are refused, with the words that must be among
// what is said about them.
var wrong = []struct {
	name string
	toml string
	env  []string
	args []string
	says []string
}{
	{name: "mode", env: []string{"TOLLGATE_MODE", "production"}, says: []string{`"production"`, "sandbox, test or live"}},
	{name: "unknown part", args: []string{"portall"}, says: []string{`"portall"`, "portal, gateway, worker and sandbox"}},
	{name: "sandbox part in test mode", args: []string{"sandbox"}, env: []string{"TOLLGATE_MODE", "test"}, says: []string{"does not run in test mode"}},
	{name: "address without port", env: []string{"TOLLGATE_ADDR", "localhost"}, says: []string{"TOLLGATE_ADDR", "host:port"}},
	{name: "port out of range", env: []string{"TOLLGATE_SANDBOX_ADDR", "127.0.0.1:70000"}, says: []string{"TOLLGATE_SANDBOX_ADDR", "70000"}},
	{name: "gateway off", env: []string{"TOLLGATE_GATEWAY_ADDR", "off"}, says: []string{"TOLLGATE_GATEWAY_ADDR"}},
	{name: "one address twice", env: []string{"TOLLGATE_SANDBOX_ADDR", "127.0.0.1:8080"}, says: []string{"TOLLGATE_ADDR and TOLLGATE_SANDBOX_ADDR are both"}},
	{name: "public URL with path", env: []string{"TOLLGATE_PUBLIC_URL", "https://x.example/portal"}, says: []string{"TOLLGATE_PUBLIC_URL", "without a path"}},
	{name: "public URL without scheme", env: []string{"TOLLGATE_PUBLIC_URL", "portal.example"}, says: []string{"TOLLGATE_PUBLIC_URL", "https://portal.example.com"}},
	{name: "live over http", env: []string{"TOLLGATE_MODE", "live", "TOLLGATE_PUBLIC_URL", "http://x.example"}, says: []string{"https://"}},
	{name: "live without public URL", env: []string{"TOLLGATE_MODE", "live"}, says: []string{"TOLLGATE_PUBLIC_URL is not set"}},
	{name: "gateway URL with path", env: []string{"TOLLGATE_GATEWAY_URL", "https://x.example/api"}, says: []string{"TOLLGATE_GATEWAY_URL", "without a path"}},
	{name: "live gateway over http", env: []string{"TOLLGATE_MODE", "live", "TOLLGATE_PUBLIC_URL", "https://x.example", "TOLLGATE_GATEWAY_URL", "http://x.example"}, says: []string{"TOLLGATE_GATEWAY_URL", "https://"}},
	{name: "every upstream", env: []string{"TOLLGATE_UPSTREAM_ALLOW", "0.0.0.0/0"}, says: []string{"TOLLGATE_UPSTREAM_ALLOW", "every machine"}},
	{name: "publishing never", env: []string{"TOLLGATE_PUBLISH_MINUTES", "0"}, says: []string{"TOLLGATE_PUBLISH_MINUTES", "from 1 to 60"}},
	{name: "call log for ever", toml: "[tollgate]\ncall_log_days = \"for ever\"", says: []string{"TOLLGATE_CALL_LOG_DAYS", "from 1 to 400"}},
	{name: "live key in test mode", env: []string{"TOLLGATE_MODE", "test", "TOLLGATE_STRIPE_SECRET_KEY", "sk_live_0123456789abcdef"}, says: []string{"live key", "mode is test"}},
	{name: "live key in the sandbox", env: []string{"TOLLGATE_STRIPE_SECRET_KEY", "rk_live_0123456789abcdef"}, says: []string{"live key", "mode is sandbox"}},
	{name: "test key in live mode", env: []string{"TOLLGATE_MODE", "live", "TOLLGATE_PUBLIC_URL", "https://x.example", "TOLLGATE_STRIPE_SECRET_KEY", "rk_test_0123456789abcdef"}, says: []string{"test key", "mode is live"}},
	{name: "restricted key in the sandbox", env: []string{"TOLLGATE_STRIPE_SECRET_KEY", "rk_test_0123456789abcdef"}, says: []string{"restricted key", "sk_test_"}},
	{name: "publishable key", env: []string{"TOLLGATE_STRIPE_SECRET_KEY", "pk_test_0123456789abcdef"}, says: []string{"publishable"}},
	{name: "short key", env: []string{"TOLLGATE_STRIPE_SECRET_KEY", "sk_test_123"}, says: []string{"TOLLGATE_STRIPE_SECRET_KEY", "16 or more"}},
	{name: "short webhook secret", env: []string{"TOLLGATE_STRIPE_WEBHOOK_SECRET", "whsec_123"}, says: []string{"whsec_", "24 or more"}},
	{name: "second webhook secret wrong", env: []string{"TOLLGATE_STRIPE_WEBHOOK_SECRET", "whsec_0123456789abcdefABCDEF01,nonsense"}, says: []string{"TOLLGATE_STRIPE_WEBHOOK_SECRET"}},
	{name: "API base elsewhere", env: []string{"TOLLGATE_STRIPE_API_BASE", "https://api.stripe.example"}, says: []string{"on this machine"}},
	{name: "API base with password", env: []string{"TOLLGATE_STRIPE_API_BASE", "http://u:hunter2@127.0.0.1:1"}, says: []string{"on this machine"}},
	{name: "public URL with password", env: []string{"TOLLGATE_PUBLIC_URL", "https://u:hunter2@x.example"}, says: []string{"TOLLGATE_PUBLIC_URL"}},
	{name: "API base in live mode", env: []string{"TOLLGATE_MODE", "live", "TOLLGATE_PUBLIC_URL", "https://x.example", "TOLLGATE_STRIPE_API_BASE", "http://127.0.0.1:1"}, says: []string{"unset it"}},
	{name: "secret key form", env: []string{"TOLLGATE_SECRET_KEY", "hunter2"}, says: []string{"64 hex digits", "openssl"}},
	{name: "PostgreSQL without secret key", env: []string{"TOLLGATE_DATABASE_URL", "postgres://u:p@h/d"}, says: []string{"TOLLGATE_SECRET_KEY is not set"}},
	{name: "MySQL without secret key", env: []string{"TOLLGATE_DATABASE_URL", "mysql://u:p@h/d"}, says: []string{"TOLLGATE_SECRET_KEY is not set"}},
	{name: "database scheme", env: []string{"TOLLGATE_DATABASE_URL", "oracle://h/d"}, says: []string{`"oracle:"`, "sqlite:///path"}},
	{name: "database without name", env: []string{"TOLLGATE_DATABASE_URL", "postgres://u:p@h/"}, says: []string{"no database name"}},
	{name: "database password unescaped", env: []string{"TOLLGATE_DATABASE_URL", "postgres://u:p%zz@h/d"}, says: []string{"%XX"}},
	{name: "memory database", env: []string{"TOLLGATE_DATABASE_URL", "sqlite::memory:"}, says: []string{"one file"}},

	{name: "not TOML", toml: "[tollgate\naddr = 1", says: []string{"deployment.toml, line 1"}},
	{name: "unknown key", toml: "[apim.monetization]\ngranularity = \"hour\"\ngranularty = \"day\"", says: []string{"line 3", "[apim.monetization]", `"granularty"`}},
	{name: "unknown attribute key", toml: "[[apim.monetization.additional_attributes]]\nname = \"A\"\nlabel = \"B\"", says: []string{"line 3", `"label"`}},
	{name: "unknown key in our section", toml: "[tollgate]\nport = 80", says: []string{"line 2", "[tollgate]", `"port"`}},
	{name: "section of the wrong shape", toml: "[[apim.monetization]]\ngranularity = \"hour\"", says: []string{"line 1"}},
	{name: "value for a section", toml: "apim = 5", says: []string{"line 1", "wrong shape"}},
	{name: "list for a text", toml: "[tollgate]\naddr = [1]", says: []string{"[tollgate] addr must be a text"}},
	{name: "other engine", toml: "[apim.monetization]\nmonetization_impl = \"org.example.PayPalMonetizationImpl\"", says: []string{"PayPalMonetizationImpl", "only Stripe"}},
	{name: "attribute without name", toml: "[[apim.monetization.additional_attributes]]\nrequired = true", says: []string{"additional attribute 1", "name"}},
	{name: "attribute twice", toml: "[[apim.monetization.additional_attributes]]\nname = \"A\"\n[[apim.monetization.additional_attributes]]\nname = \"A\"", says: []string{"A is declared twice"}},
	{name: "attribute neither yes nor no", toml: "[[apim.monetization.additional_attributes]]\nname = \"A\"\nrequired = \"perhaps\"", says: []string{"required", `"perhaps"`, "true or false"}},
	{name: "attribute nobody can enter", toml: "[[apim.monetization.additional_attributes]]\nname = \"A\"\nrequired = true\nhidden = true", says: []string{"give it a default"}},
	{name: "H2 URL", toml: "[database.apim_db]\ntype = \"h2\"\nurl = \"jdbc:h2:./db\"", says: []string{`"h2"`, "jdbc:mysql"}},
	{name: "H2 without URL", toml: "[database.apim_db]\ntype = \"h2\"", says: []string{`"h2"`, "leave the section out"}},
	{name: "type against URL", toml: "[database.apim_db]\ntype = \"postgre\"\nurl = \"jdbc:mysql://h/d\"", says: []string{"make them agree"}},
	{name: "single keys incomplete", toml: "[database.apim_db]\ntype = \"mysql\"\nhostname = \"h\"", says: []string{"hostname and name"}},
	{name: "vault placeholder", toml: "[database.apim_db]\nurl = \"jdbc:mysql://h/d\"\npassword = \"$secret{db}\"", says: []string{"$secret{", "$env{NAME}"}},
	{name: "mail URL of another kind", env: []string{"TOLLGATE_SMTP_URL", "http://u:hunter2@mail.example"}, says: []string{"TOLLGATE_SMTP_URL", "smtp://", "smtps://"}},
	{name: "mail URL unreadable", env: []string{"TOLLGATE_SMTP_URL", "smtp://u:hunter2%zz@mail.example"}, says: []string{"TOLLGATE_SMTP_URL", "%XX"}},
	{name: "mail URL with an unknown option", env: []string{"TOLLGATE_SMTP_URL", "smtp://u:hunter2@mail.example?from=a@b.example&tls=no"}, says: []string{`"tls"`, "starttls=no"}},
	{name: "mail URL without a sender", env: []string{"TOLLGATE_SMTP_URL", "smtp://u:hunter2@mail.example"}, says: []string{"from", "billing@example.com"}},
	{name: "mail sender that would add a header", env: []string{"TOLLGATE_SMTP_URL", "smtp://mail.example?from=a@b.example%0d%0aBcc:x@y.example"}, says: []string{"from", "billing@example.com"}},
	{name: "mail password in the clear", env: []string{"TOLLGATE_SMTP_URL", "smtp://u:hunter2@mail.example?starttls=no&from=a@b.example"}, says: []string{"unencrypted", "smtps://"}},
	{name: "mail port", env: []string{"TOLLGATE_SMTP_URL", "smtp://mail.example:99999?from=a@b.example"}, says: []string{"99999"}},
	{name: "mail section without a server", toml: "[output_adapter.email]\nfrom_address = \"a@b.example\"", says: []string{"[output_adapter.email] hostname"}},
	{name: "mail section with an unknown key", toml: "[output_adapter.email]\nhost = \"x\"", says: []string{"line 2", "[output_adapter.email]", `"host"`}},
	{name: "mail section signs in as nobody", toml: "[output_adapter.email]\nhostname = \"x\"\nfrom_address = \"a@b.example\"\nenable_authentication = true", says: []string{"no username"}},
	{name: "environment placeholder unset", toml: "[database.apim_db]\nurl = \"jdbc:mysql://h/d\"\npassword = \"$env{NOWHERE}\"", says: []string{"NOWHERE is not set"}},
}

func TestWrongConfigurationsAreExplained(t *testing.T) {
	t.Parallel()
	for _, tt := range wrong {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Read(config.Options{File: write(t, tt.toml), Parts: tt.args}, env(tt.env...))
			if err == nil {
				t.Fatal("accepted")
			}
			for _, words := range tt.says {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q is not said: %v", words, err)
				}
			}
			for _, leak := range []string{"0123456789abcdef", "hunter2", "u:p@", "*config.", "struct {"} {
				if strings.Contains(err.Error(), leak) {
					t.Errorf("%q is told: %v", leak, err)
				}
			}
		})
	}
}

func TestAllProblemsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	file := write(t, "[tollgate]\nport = 1\nhost = 2\n[[apim.monetization.additional_attributes]]\nname = \"1\"")
	_, err := config.Read(config.Options{File: file, Parts: []string{"x"}}, env("TOLLGATE_ADDR", "a", "TOLLGATE_SECRET_KEY", "b",
		"TOLLGATE_DATABASE_URL", "c", "TOLLGATE_PUBLIC_URL", "d", "TOLLGATE_STRIPE_SECRET_KEY", "e"))
	problems, ok := err.(config.Problems) //nolint:errorlint // Read returns it as it is
	if !ok || len(problems) != 9 {
		t.Errorf("%d problems: %v", len(problems), err)
	}
	if !strings.HasPrefix(err.Error(), "the configuration has 9 problems:\n  - ") {
		t.Errorf("it reads %q", err)
	}
}

func TestNamedFileMustBeThere(t *testing.T) {
	t.Parallel()
	_, err := config.Read(config.Options{File: "testdata/none.toml"}, env())
	if err == nil || err.Error() != "the configuration has a problem: testdata/none.toml cannot be read: no such file or directory." {
		t.Errorf("%v", err)
	}
}

func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	c := read(t, config.Options{}, env("TOLLGATE_TRUSTED_PROXIES", "127.0.0.1, 10.1.2.3/8,::1"))
	var got []string
	for _, n := range c.TrustedProxies {
		got = append(got, n.String())
	}
	if strings.Join(got, " ") != "127.0.0.1/32 10.0.0.0/8 ::1/128" {
		t.Errorf("trusted: %s", got)
	}
	for _, wrong := range []string{"proxy.example", "10.0.0.0/33", "0.0.0.0/0", "::/0", "10.0.0.1;10.0.0.2"} {
		_, err := config.Read(config.Options{}, env("TOLLGATE_TRUSTED_PROXIES", wrong))
		if err == nil || !strings.Contains(err.Error(), "TOLLGATE_TRUSTED_PROXIES") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}
