package config

import (
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// An Engine is a kind of SQL database.
type Engine string

// The engines. MariaDB is MySQL here.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
	MySQL    Engine = "mysql"
)

// A Database says where the rows are.
type Database struct {
	Engine Engine
	File   string // SQLite's; the rest is for the servers

	Host       string // host:port
	Name, User string
	Password   Secret
	Params     url.Values // for the driver: sslmode and such
}

// URL returns d in the form of TOLLGATE_DATABASE_URL. It holds the password.
func (d Database) URL() Secret {
	if d.Engine == SQLite {
		if filepath.IsAbs(d.File) {
			return Secret((&url.URL{Scheme: "sqlite", Path: d.File, OmitHost: false}).String())
		}
		return Secret("sqlite:" + d.File)
	}
	u := url.URL{Scheme: string(d.Engine), Host: d.Host, Path: "/" + d.Name, RawQuery: d.Params.Encode()}
	if d.User != "" {
		u.User = url.UserPassword(d.User, d.Password.Reveal())
	}
	return Secret(u.String())
}

// apimDB is [database.apim_db]. The pool and the Java driver are WSO2's own
// matter, so what is about them is read and unused.
type apimDB struct {
	Type     any `toml:"type"`
	URL      any `toml:"url"`
	Username any `toml:"username"`
	Password any `toml:"password"`
	Hostname any `toml:"hostname"`
	Port     any `toml:"port"`
	Name     any `toml:"name"`

	Driver             any            `toml:"driver"`
	DefaultAutoCommit  any            `toml:"defaultAutoCommit"`
	MaxActive          any            `toml:"maxActive"`
	MaxWait            any            `toml:"maxWait"`
	TestOnBorrow       any            `toml:"testOnBorrow"`
	ValidationQuery    any            `toml:"validationQuery"`
	ValidationInterval any            `toml:"validationInterval"`
	PoolOptions        map[string]any `toml:"pool_options"`
}

// defaultPort of the engines that have one.
var defaultPort = map[Engine]string{Postgres: "5432", MySQL: "3306"}

func (r *reader) readDatabase() {
	switch text := strings.TrimSpace(r.getenv("TOLLGATE_DATABASE_URL")); {
	case text != "":
		r.out.Database = r.databaseURL("TOLLGATE_DATABASE_URL", text)
	case r.file.Database.APIM.URL != nil || r.file.Database.APIM.Type != nil || r.file.Database.APIM.Hostname != nil:
		r.out.Database = r.apimDatabase(r.file.Database.APIM)
	default:
		r.out.Database = Database{Engine: SQLite, File: filepath.Join(r.out.Data, "tollgate.db")}
	}
}

// databaseURL reads sqlite:///path, postgres://… or mysql://…. It never repeats
// the URL in a problem, for the password in it.
func (r *reader) databaseURL(where, text string) Database {
	const forms = "it must be sqlite:///path, postgres://user:password@host:port/name or mysql://user:password@host:port/name"
	u, err := url.Parse(text)
	if err != nil {
		r.problem("%s cannot be read as a URL: %s; write special characters of the password as %%XX.", where, forms)
		return Database{}
	}
	switch u.Scheme {
	case "sqlite":
		return r.sqlite(where, u)
	case "postgres", "postgresql":
		return r.server(where, Postgres, u)
	case "mysql", "mariadb":
		return r.server(where, MySQL, u)
	}
	r.problem("%s begins with %q: %s.", where, u.Scheme+":", forms)
	return Database{}
}

func (r *reader) sqlite(where string, u *url.URL) Database {
	path := u.Opaque
	if path == "" {
		path = u.Path
	}
	if u.Host != "" || path == "" || path == "/" || u.RawQuery != "" || strings.Contains(path, ":memory:") {
		r.problem("%s: a SQLite database is one file, sqlite:///absolute/path or sqlite:relative/path, without a host or options.", where)
		return Database{}
	}
	return Database{Engine: SQLite, File: filepath.Clean(path)}
}

func (r *reader) server(where string, e Engine, u *url.URL) Database {
	name := strings.TrimPrefix(u.Path, "/")
	if u.Hostname() == "" || name == "" || strings.Contains(name, "/") {
		r.problem("%s has no host or no database name: write %s://user:password@host:%s/name.", where, e, defaultPort[e])
		return Database{}
	}
	port := u.Port()
	if port == "" {
		port = defaultPort[e]
	}
	password, _ := u.User.Password()
	return Database{
		Engine: e, Host: net.JoinHostPort(u.Hostname(), port), Name: name,
		User: u.User.Username(), Password: Secret(password), Params: u.Query(),
	}
}

// apimDatabase reads WSO2's section: a JDBC URL, or type, hostname, port and name.
func (r *reader) apimDatabase(in apimDB) Database {
	const where = "[database.apim_db] "
	kind := strings.ToLower(r.text(where+"type", in.Type))
	text := r.text(where+"url", in.URL)
	if text == "" {
		text = r.apimURL(kind, in)
	}
	if text == "" {
		return Database{}
	}
	d := r.jdbc(r.name+": "+where+"url", strings.TrimPrefix(text, "jdbc:"))
	if want := engineOf(kind); d.Engine != "" && kind != "" && d.Engine != want {
		r.problem("%s: %stype is %q, but its url is for %s: make them agree.", r.name, where, kind, d.Engine)
	}
	if user := r.text(where+"username", in.Username); user != "" {
		d.User = user
	}
	if password := r.text(where+"password", in.Password); password != "" {
		d.Password = Secret(password)
	}
	r.warnUnused("[database.apim_db]", []setting{
		{"driver", in.Driver}, {"defaultAutoCommit", in.DefaultAutoCommit}, {"maxActive", in.MaxActive},
		{"maxWait", in.MaxWait}, {"testOnBorrow", in.TestOnBorrow}, {"validationQuery", in.ValidationQuery},
		{"validationInterval", in.ValidationInterval}, {"pool_options", pool(in.PoolOptions)},
	})
	return d
}

func pool(options map[string]any) any {
	if len(options) == 0 {
		return nil
	}
	return options
}

// engineOf reads WSO2's names of databases.
func engineOf(kind string) Engine {
	switch kind {
	case "mysql", "mariadb":
		return MySQL
	case "postgre", "postgres", "postgresql":
		return Postgres
	case "sqlite":
		return SQLite
	}
	return ""
}

// apimURL joins what the section says in single keys.
func (r *reader) apimURL(kind string, in apimDB) string {
	const where = "[database.apim_db] "
	e := engineOf(kind)
	if e != MySQL && e != Postgres {
		r.problem("%s: %stype is %q: use mysql or postgre, or leave the section out for SQLite.", r.name, where, kind)
		return ""
	}
	host, port := r.text(where+"hostname", in.Hostname), r.text(where+"port", in.Port)
	if port == "" {
		port = defaultPort[e]
	}
	name := r.text(where+"name", in.Name)
	if host == "" || name == "" {
		r.problem("%s: %sneeds a url, or hostname and name.", r.name, where)
		return ""
	}
	return (&url.URL{Scheme: string(e), Host: net.JoinHostPort(host, port), Path: "/" + name}).String()
}

// jdbc reads a URL in which options mean what they mean to Java's drivers.
func (r *reader) jdbc(where, text string) Database {
	text = strings.ReplaceAll(text, "&amp;", "&") // copied from WSO2's XML
	if scheme, _, _ := strings.Cut(text, ":"); engineOf(scheme) == "" {
		r.problem("%s is for %q: use jdbc:mysql://host:port/name or jdbc:postgresql://host:port/name.", where, scheme)
		return Database{}
	}
	d := r.databaseURL(where, text)
	if d.Engine == "" || d.Engine == SQLite {
		return d
	}
	given := d.Params
	if d.User == "" {
		d.User, d.Password = given.Get("user"), Secret(given.Get("password"))
	}
	d.Params = driverParams(d.Engine, given)
	var dropped []string
	for name := range given {
		if !slices.Contains(translated, name) {
			dropped = append(dropped, name)
		}
	}
	if slices.Sort(dropped); len(dropped) > 0 {
		r.warn("%s: options of the Java driver are not used: %s.", where, strings.Join(dropped, ", "))
	}
	return d
}

// translated are the options of Java's drivers that mean something to ours.
var translated = []string{"user", "password", "useSSL", "requireSSL", "sslMode", "ssl", "sslmode", "currentSchema"}

// driverParams says for our drivers what the JDBC options ask of encryption and schema.
func driverParams(e Engine, given url.Values) url.Values {
	out := url.Values{}
	if e == Postgres {
		if given.Get("ssl") == "true" {
			out.Set("sslmode", "verify-full") // what Java's driver does
		}
		if mode := given.Get("sslmode"); mode != "" {
			out.Set("sslmode", mode)
		}
		if schema := given.Get("currentSchema"); schema != "" {
			out.Set("search_path", schema)
		}
		return out
	}
	switch mode := strings.ToUpper(given.Get("sslMode")); {
	case strings.HasPrefix(mode, "VERIFY_"):
		out.Set("tls", "true")
	case mode == "REQUIRED" || given.Get("requireSSL") == "true":
		out.Set("tls", "skip-verify")
	case mode == "PREFERRED" || given.Get("useSSL") == "true":
		out.Set("tls", "preferred")
	}
	return out
}
