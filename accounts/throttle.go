package accounts

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/models"
)

// How wrong passwords slow down whoever tries them. Many people may share an
// address, so it is locked later than a name.
const (
	freeByName    = 5
	freeByAddress = 50
	firstLock     = 30 * time.Second
	longestLock   = 15 * time.Minute
	forgetAfter   = time.Hour // without another wrong password
)

// A subject is what wrong passwords are counted for.
type subject struct {
	key  string // a hash: nobody can read from the table who tried what
	free int    // wrong passwords before the first lock
}

// byName counts for a name, whether anybody has it or not.
func byName(tenant models.TenantID, username string) subject {
	return subject{hashOf("name " + strconv.FormatInt(int64(tenant), 10) + " " + username), freeByName}
}

func byAddress(address string) subject { return subject{hashOf("address " + address), freeByAddress} }

// count counts an attempt for each subject before its password is looked at, so
// that many attempts at once do not slip through. It refuses while one is locked.
func (p *People) count(ctx context.Context, subjects ...subject) error {
	now := p.Wall.Now()
	return models.InTx(ctx, p.DB, func(ctx context.Context, tx bun.Tx) error {
		for _, s := range subjects {
			f, err := models.LockFailures(ctx, tx, s.key)
			if err != nil {
				return err
			}
			if locked := f.LockedTo.Time(); now.Before(locked) {
				return tooMany(locked.Sub(now))
			}
			if err := models.SaveFailures(ctx, tx, next(f, s.free, now)); err != nil {
				return err
			}
		}
		return nil
	})
}

// next is f after one more attempt at now.
func next(f models.SignInFailure, free int, now time.Time) models.SignInFailure {
	if now.Sub(f.LastAt.Time()) > forgetAfter {
		f.Failures = 0
	}
	f.Failures++
	f.LastAt, f.LockedTo = models.At(now), 0
	if over := f.Failures - free; over >= 0 {
		f.LockedTo = models.At(now.Add(lockFor(over)))
	}
	return f
}

// lockFor returns how long the attempt after over more than free ones has to wait.
func lockFor(over int) time.Duration {
	if over > 5 {
		return longestLock
	}
	return min(firstLock<<over, longestLock)
}

func tooMany(wait time.Duration) error {
	minutes := int(math.Ceil(wait.Minutes()))
	unit := "minutes"
	if minutes == 1 {
		unit = "minute"
	}
	return fault.New(fault.TooMany, fmt.Sprintf("Too many attempts. Try again in %d %s.", minutes, unit))
}

// succeed takes back what count counted: all of it for the name, one for the address.
func (p *People) succeed(ctx context.Context, name subject, address *subject) error {
	if err := models.DeleteFailures(ctx, p.DB, name.key); err != nil || address == nil {
		return err
	}
	return models.ForgiveFailure(ctx, p.DB, address.key)
}
