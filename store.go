package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/clock"
	"tollgate/internal/config"
	"tollgate/internal/vault"
	"tollgate/migrations"
	"tollgate/models"
)

// A store is what every command needs: the database, brought up to date, and the
// key to its secrets.
type store struct {
	cfg          config.Config
	db           *bun.DB
	vault        *vault.Vault
	installation models.Installation
	wall         clock.Wall
	business     clock.Business
	tenant       models.Tenant // the default one
	tenants      *accounts.Tenants
	people       *accounts.People
	held         *os.File // the lock on a SQLite file, nil elsewhere
}

// connectTime is how long a database server may take to answer at start.
const connectTime = 15 * time.Second

// openStore opens the database of cfg. serving says that this is a server, which
// must have a SQLite file to itself.
func openStore(ctx context.Context, cfg config.Config, log *slog.Logger, serving bool) (*store, error) {
	for _, w := range cfg.Warnings {
		log.Warn(w)
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("the data directory cannot be made: %w; set TOLLGATE_DATA to a directory that may be written", err)
	}
	s := &store{cfg: cfg}
	if err := s.open(ctx, serving); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *store) open(ctx context.Context, serving bool) error {
	if err := s.hold(serving); err != nil {
		return err
	}
	key, err := vault.LoadKey(s.cfg.SecretKey.Reveal(), filepath.Join(s.cfg.Data, "secret.key"))
	if err != nil {
		return err
	}
	if s.vault, err = vault.Open(key); err != nil {
		return err
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	s.installation, err = accounts.OpenInstallation(ctx, s.db, s.wall, string(s.cfg.Mode), s.vault)
	if err != nil {
		return err
	}
	s.business = clock.NewBusiness(s.wall)
	s.business.SetOffset(time.Duration(s.installation.BusinessOffsetMs) * time.Millisecond)
	s.tenants = &accounts.Tenants{DB: s.db, Wall: s.wall, Vault: s.vault, Mode: string(s.cfg.Mode)}
	for _, secret := range s.cfg.StripeWebhookSecrets {
		s.tenants.GivenHookSecrets = append(s.tenants.GivenHookSecrets, secret.Reveal())
	}
	s.people = &accounts.People{DB: s.db, Wall: s.wall}
	s.tenant, err = s.tenants.Bootstrap(ctx, "Acme APIs")
	return err
}

// hold takes a SQLite file for this server alone: it has one writer.
func (s *store) hold(serving bool) error {
	if s.cfg.Database.Engine != config.SQLite {
		return nil
	}
	path := s.cfg.Database.File
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("the database's directory cannot be made: %w", err)
	}
	if !serving {
		return nil
	}
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("the database's lock cannot be made: %w; set TOLLGATE_DATA to a directory that may be written", err)
	}
	if err := lock(f); err != nil {
		_ = f.Close() // nothing was written
		return fmt.Errorf("another Tollgate uses %s already: stop it, or set TOLLGATE_DATA to another directory; several servers can share PostgreSQL or MySQL", path)
	}
	s.held = f
	return nil
}

// connect opens the database and brings its schema up to date.
func (s *store) connect(ctx context.Context) (err error) {
	if s.db, err = models.Open(s.cfg.Database.URL().Reveal()); err != nil {
		return err
	}
	ping, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	if err := s.db.PingContext(ping); err != nil {
		return fmt.Errorf("the database does not answer (%s): %w; check TOLLGATE_DATABASE_URL and that the server runs", s.place(), err)
	}
	if s.cfg.Database.Engine == config.SQLite {
		if err := os.Chmod(s.cfg.Database.File, 0o600); err != nil {
			return fmt.Errorf("the database file cannot be kept private: %w", err)
		}
	}
	return migrations.Up(ctx, s.db)
}

// place says where the database is, without its password.
func (s *store) place() string {
	if d := s.cfg.Database; d.Engine != config.SQLite {
		return string(d.Engine) + " at " + d.Host + "/" + d.Name
	}
	return s.cfg.Database.File
}

func (s *store) close() {
	if s.db != nil {
		_ = s.db.Close() // everything that counts is committed
	}
	if s.held != nil {
		_ = s.held.Close() // which gives the lock back
	}
}
