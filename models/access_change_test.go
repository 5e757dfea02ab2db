package models_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/testdb"
	"tollgate/models"
)

func TestAccessChangesComeInTheOrderOfTheirCommits(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		ctx := context.Background()
		tenant(t, db, 7, "acme.example")
		tenant(t, db, 8, "other.example")
		save := func(id models.TenantID, end error) {
			t.Helper()
			err := models.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
				row, err := models.TenantByID(ctx, tx, id)
				if err != nil {
					return err
				}
				for range 2 { // noted once
					if err := models.SaveTenant(ctx, tx, row); err != nil {
						return err
					}
					row.Version++
				}
				return end
			})
			if !errors.Is(err, end) {
				t.Fatal(err)
			}
		}
		save(7, nil)
		save(8, errors.New("taken back"))
		save(8, nil)
		save(7, nil)
		got, err := models.AccessChangesSince(ctx, db, 0, 10)
		if err != nil || len(got) != 2 || got[0].ObjectID != "8" || got[0].Number != 2 || got[1].ObjectID != "7" || got[1].Number != 3 {
			t.Fatalf("changes = %+v, %v", got, err)
		}
		if rest, err := models.AccessChangesSince(ctx, db, 2, 10); err != nil || len(rest) != 1 {
			t.Errorf("changes after 2 = %+v, %v", rest, err)
		}
		if last, err := models.LastAccessChange(ctx, db); err != nil || last != 3 {
			t.Errorf("last = %d, %v", last, err)
		}
	})
}

func TestAccessCannotChangeUnheard(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		ctx := context.Background()
		tenant(t, db, 7, "acme.example")
		row, err := models.TenantByID(ctx, db, 7)
		if err != nil {
			t.Fatal(err)
		}
		if err := models.SaveTenant(ctx, db, row); !errors.Is(err, models.ErrOutsideTx) {
			t.Errorf("a write outside a transaction: %v", err)
		}
	})
}

// Two transactions at once: the one that commits later has the higher number, so
// that nobody who has read up to a number misses one below it.
func TestNoAccessChangeAppearsBelowOneThatWasRead(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		ctx := context.Background()
		const writers, each = 6, 15
		for i := range writers {
			tenant(t, db, models.TenantID(100+i), string(rune('a'+i))+".example")
		}
		done := make(chan error, writers)
		for i := range writers {
			go func() {
				var err error
				for range each {
					err = errors.Join(err, models.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
						row, err := models.TenantByID(ctx, tx, models.TenantID(100+i))
						if err != nil {
							return err
						}
						return models.SaveTenant(ctx, tx, row)
					}))
				}
				done <- err
			}()
		}
		seen, deadline := int64(0), time.After(time.Minute)
		for left := writers; left > 0; {
			select {
			case err := <-done:
				if err != nil {
					t.Fatal(err)
				}
				left--
			case <-deadline:
				t.Fatal("the writers do not end")
			default:
			}
			rows, err := models.AccessChangesSince(ctx, db, seen, 1000)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				if r.Number <= seen {
					t.Fatalf("%d came after %d was read", r.Number, seen)
				}
				seen = r.Number
			}
		}
		if last, err := models.LastAccessChange(ctx, db); err != nil || last != writers*each {
			t.Errorf("%d changes, %v; want %d", last, err, writers*each)
		}
	})
}
