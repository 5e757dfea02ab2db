// Package testdb gives each test a fresh, migrated database of its own: SQLite
// always, PostgreSQL and MariaDB (or MySQL) where they are named by
// TOLLGATE_TEST_POSTGRES and TOLLGATE_TEST_MYSQL.
package testdb

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/migrations"
	"tollgate/models"
)

// The environment variables that name servers.
const (
	postgresVar = "TOLLGATE_TEST_POSTGRES"
	mysqlVar    = "TOLLGATE_TEST_MYSQL"
)

// Each runs test once on every engine there is, side by side. Where CI is set,
// a missing server is a failure.
func Each(t *testing.T, test func(t *testing.T, db *bun.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, New(t))
	})
	for name, variable := range map[string]string{"postgres": postgresVar, "mysql": mysqlVar} {
		server := os.Getenv(variable)
		if server == "" {
			if os.Getenv("CI") != "" {
				t.Errorf("%s is not set, and CI has to test on every engine", variable)
			}
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t, server))
		})
	}
}

// New returns a fresh SQLite database.
func New(t testing.TB) *bun.DB {
	t.Helper()
	return open(t, SQLite(t))
}

// SQLite returns the URL of a fresh, migrated SQLite file.
func SQLite(t testing.TB) string {
	t.Helper()
	empty, err := template()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "test.db")
	if err := os.WriteFile(path, empty, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite://" + path
}

// template is a migrated SQLite file, made once a process: copying it is faster
// than migrating again.
var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "testdb")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "template.db")
	db, err := models.Open("sqlite://" + path)
	if err != nil {
		return nil, err
	}
	if err := migrations.Up(context.Background(), db); err != nil {
		return nil, err
	}
	if _, err := db.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// URLs returns the URL of a fresh, migrated database on every engine there is,
// by the engine's name, for tests that start whole programs.
func URLs(t *testing.T) map[string]string {
	t.Helper()
	urls := map[string]string{"sqlite": SQLite(t)}
	for name, variable := range map[string]string{"postgres": postgresVar, "mysql": mysqlVar} {
		if server := os.Getenv(variable); server != "" {
			urls[name] = create(t, server)
		} else if os.Getenv("CI") != "" {
			t.Errorf("%s is not set, and CI has to test on every engine", variable)
		}
	}
	return urls
}

// fresh makes a database on server, migrates it, and drops it after the test.
func fresh(t testing.TB, server string) *bun.DB {
	t.Helper()
	db := open(t, create(t, server))
	if err := migrations.Up(context.Background(), db); err != nil {
		t.Fatal(err)
	}
	return db
}

// create makes an empty database on server and drops it after the test.
func create(t testing.TB, server string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := models.Open(server)
	if err != nil {
		t.Fatal(err)
	}
	name := "tollgate_" + strings.ReplaceAll(models.NewID(), "-", "")
	if _, err := admin.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatalf("testdb: %s: %v", u.Redacted(), err)
	}
	t.Cleanup(func() {
		drop := "DROP DATABASE " + name
		if u.Scheme != "mysql" {
			drop += " WITH (FORCE)"
		}
		if _, err := admin.Exec(drop); err != nil {
			t.Error(fmt.Errorf("testdb: %w", err))
		}
		admin.Close()
	})
	u.Path = "/" + name
	return u.String()
}

func open(t testing.TB, rawURL string) *bun.DB {
	t.Helper()
	db, err := models.Open(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(6)
	if strings.HasPrefix(rawURL, "sqlite:") {
		if _, err := db.Exec("PRAGMA synchronous = OFF"); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { db.Close() })
	return db
}
