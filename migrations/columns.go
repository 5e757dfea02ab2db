package migrations

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"
)

// A column is one that a table gets after it was made.
type column struct{ table, name, is string }

// addColumns makes a step that adds columns, each unless it is there: MySQL cannot
// roll a schema change back, and SQLite knows no ADD COLUMN IF NOT EXISTS, so a
// step that was cut off has to find by itself what it has done.
func addColumns(columns ...column) func(context.Context, *migrate.Migrator, *migrate.Migration) error {
	return func(ctx context.Context, m *migrate.Migrator, _ *migrate.Migration) error {
		spelling := spellings[m.DB().Dialect().Name()]
		for _, c := range columns {
			if err := addColumn(ctx, m.DB(), c, spelling); err != nil {
				return err
			}
		}
		return nil
	}
}

func addColumn(ctx context.Context, db *bun.DB, c column, s Spelling) error {
	// With its table before it: SQLite takes an unknown name in quotes for a text.
	rows, err := db.QueryContext(ctx, "SELECT ?.? FROM ? WHERE 1 = 0", bun.Ident(c.table), bun.Ident(c.name), bun.Ident(c.table))
	if err == nil {
		return rows.Close() //nolint:sqlclosecheck // there is nothing in it
	}
	is := strings.NewReplacer("{{.ID}}", s.ID, "{{.Ref}}", s.Ref, "{{.Text}}", s.Text).Replace(c.is)
	if _, err := db.ExecContext(ctx, "ALTER TABLE ? ADD COLUMN ? ?", bun.Ident(c.table), bun.Ident(c.name), bun.Safe(is)); err != nil {
		return fmt.Errorf("migrations: add %s.%s: %w", c.table, c.name, err)
	}
	return nil
}
