package models_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/testdb"
	"tollgate/models"
)

// Somebody who writes without a pause keeps nobody waiting for more than a few of
// their writes, whichever way the others write.
func TestWritersTakeTurns(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ctx := t.Context()
	tenant(t, db, 7, "acme.example")
	var stop atomic.Bool
	var greedy atomic.Int64
	var all sync.WaitGroup
	write := func(db bun.IDB) error {
		_, err := db.ExecContext(ctx, "UPDATE tenants SET name = 'x' WHERE tenant_id = 7")
		return err
	}
	all.Go(func() {
		for !stop.Load() {
			err := models.InTx(ctx, db, func(_ context.Context, tx bun.Tx) error {
				defer time.Sleep(time.Millisecond)
				return write(tx)
			})
			if err != nil {
				t.Error(err)
				return
			}
			greedy.Add(1)
		}
	})
	statement, err := db.DB.PrepareContext(ctx, "UPDATE tenants SET name = 'z' WHERE tenant_id = 7")
	if err != nil {
		t.Fatal(err)
	}
	defer statement.Close()
	for name, one := range map[string]func() error{
		"transaction": func() error {
			return models.InTx(ctx, db, func(_ context.Context, tx bun.Tx) error { return write(tx) })
		},
		"statement": func() error { return write(db) },
		"prepared":  func() error { _, err := statement.ExecContext(ctx); return err },
		"returning": func() error {
			var n int64
			return db.QueryRowContext(ctx, "UPDATE tenants SET name = 'y' WHERE tenant_id = 7 RETURNING tenant_id").Scan(&n)
		},
	} {
		for range 20 {
			before := greedy.Load()
			if err := one(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if n := greedy.Load() - before; n > 4 {
				t.Errorf("a %s waited for %d others", name, n)
			}
		}
	}
	stop.Store(true)
	all.Wait()
}

// Whatever ends a write gives the turn back.
func TestATurnIsAlwaysGivenBack(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	tenant(t, db, 7, "acme.example")
	for name, try := range map[string]func() error{
		"an error in a transaction": func() error {
			return models.InTx(t.Context(), db, func(context.Context, bun.Tx) error { return errors.New("no") })
		},
		"a wrong statement":           func() error { _, err := db.Exec("UPDATE nothing SET x = 1"); return err },
		"a wrong statement with rows": func() error { _, err := db.Query("DELETE FROM nothing RETURNING x"); return err },
		"a key that is taken": func() error {
			_, err := db.Exec("INSERT INTO tenants SELECT * FROM tenants")
			return err
		},
		"a transaction whose context ends": func() error {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			return models.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
				if _, err := tx.ExecContext(ctx, "UPDATE tenants SET name = 'x'"); err != nil {
					return err
				}
				cancel()
				_, err := tx.ExecContext(ctx, "UPDATE tenants SET name = 'x'")
				return err
			})
		},
		"a wait that ends": func() error {
			return models.InTx(t.Context(), db, func(ctx context.Context, tx bun.Tx) error {
				ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
				defer cancel()
				_, err := db.ExecContext(ctx, "UPDATE tenants SET name = 'x'")
				return err
			})
		},
	} {
		if err := try(); err == nil {
			t.Errorf("%s is no error", name)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if _, err := db.ExecContext(ctx, "UPDATE tenants SET name = 'y'"); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
		cancel()
	}
	// Reading needs no turn.
	err := models.InTx(t.Context(), db, func(ctx context.Context, _ bun.Tx) error {
		_, err := models.TenantByID(ctx, db, 7)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
