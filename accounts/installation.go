package accounts

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/internal/clock"
	"tollgate/internal/vault"
	"tollgate/models"
)

// OpenInstallation returns what the database belongs to. At first start it says
// so itself: the mode and the key of v are fixed from then on, and a start with
// others is refused.
func OpenInstallation(ctx context.Context, db *bun.DB, wall clock.Wall, mode string, v *vault.Vault) (models.Installation, error) {
	err := models.InsertInstallation(ctx, db, models.Installation{
		InstallationID: models.NewID(), Mode: mode, SecretCheck: v.Check(), CreatedAt: models.At(wall.Now()),
	})
	if err != nil {
		return models.Installation{}, err
	}
	row, err := models.InstallationRow(ctx, db)
	if err != nil {
		return models.Installation{}, err
	}
	if row.Mode != mode {
		return models.Installation{}, fmt.Errorf("this database was made in %s mode, and Tollgate was started in %s mode: set TOLLGATE_MODE=%s, or use another database for %s mode (TOLLGATE_DATABASE_URL, or TOLLGATE_DATA for another directory)",
			row.Mode, mode, row.Mode, mode)
	}
	return row, v.Verify(row.SecretCheck)
}
