package accounts

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/models"
)

// linkLife is how long a one-time link lets somebody set a password.
const linkLife = 24 * time.Hour

// errLink is what a link gets that was used, replaced, or is too old.
var errLink = fault.New(fault.NotFound, "This link was used already or is too old. Ask an admin for a new one.")

// A PasswordInput is a new password, typed twice.
type PasswordInput struct {
	Current string // only when a signed-in person changes their own
	New     string
	Again   string
}

// Validate reports what is wrong with the form alone.
func (in PasswordInput) Validate() error {
	var f fault.Fields
	n := len([]rune(in.New))
	f.Check(n >= shortestPassword, "new", "Use at least 10 characters; a few words are easy to remember.")
	f.Check(n <= longestPassword, "new", "Use at most 200 characters.")
	f.Check(in.Again == in.New, "again", "This is not the same password.")
	return f.Err()
}

// NewLink returns the token of a link with which a person sets their password,
// within a day and once. Links made for them before stop working.
func (p *People) NewLink(ctx context.Context, who Actor, id string) (string, error) {
	if err := runs(who); err != nil {
		return "", err
	}
	token, now := newToken(), p.Wall.Now()
	err := models.InTx(ctx, p.DB, func(ctx context.Context, tx bun.Tx) error {
		row, err := models.PersonByID(ctx, tx, who.Tenant, id)
		if err != nil {
			return err
		}
		if row.State != models.StateActive {
			return fault.New(fault.Conflict, "This person may not sign in. Enable them first.")
		}
		if err := models.DeleteLinks(ctx, tx, who.Tenant, id); err != nil {
			return err
		}
		if err := models.InsertLink(ctx, tx, models.OneTimeLink{
			TokenHash: hashOf(token), TenantID: who.Tenant, PersonID: id,
			CreatedAt: models.At(now), ExpiresAt: models.At(now.Add(linkLife)),
		}); err != nil {
			return err
		}
		return models.InsertAudit(ctx, tx, who.Did(now, "person.link", object(row), nil))
	})
	return token, err
}

// LinkOwner returns whose password a link sets.
func (p *People) LinkOwner(ctx context.Context, token string) (Actor, error) {
	link, err := models.LinkByHash(ctx, p.DB, hashOf(token), models.At(p.Wall.Now()))
	if err != nil {
		return Actor{}, linkErr(err)
	}
	row, err := models.PersonByID(ctx, p.DB, link.TenantID, link.PersonID)
	if err != nil {
		return Actor{}, linkErr(err)
	}
	who, err := actorOf(ctx, p.DB, row)
	return who, linkErr(err)
}

func linkErr(err error) error {
	if k := fault.KindOf(err); err != nil && (k == fault.NotFound || k == fault.Conflict) {
		return errLink
	}
	return err
}

// UseLink sets a password with a link and returns whose it is. All their
// sessions end.
func (p *People) UseLink(ctx context.Context, token string, in PasswordInput) (Actor, error) {
	who, err := p.LinkOwner(ctx, token)
	if err != nil {
		return Actor{}, err
	}
	if err := in.Validate(); err != nil {
		return Actor{}, err
	}
	hash, err := hashPassword(ctx, in.New)
	if err != nil {
		return Actor{}, err
	}
	err = models.InTx(ctx, p.DB, func(ctx context.Context, tx bun.Tx) error {
		if err := models.UseLink(ctx, tx, hashOf(token), models.At(p.Wall.Now())); err != nil {
			return err
		}
		return p.setPassword(ctx, tx, who, who.Person, hash, "")
	})
	if err != nil {
		return Actor{}, linkErr(err)
	}
	return who, p.succeed(ctx, byName(who.Tenant, who.Username), nil)
}

// ChangePassword changes the password of who, who must know the current one.
// Their sessions end but the one with the public id keep.
func (p *People) ChangePassword(ctx context.Context, who Actor, in PasswordInput, keep string) error {
	name := byName(who.Tenant, who.Username)
	if err := in.Validate(); err != nil {
		return err
	}
	if err := p.count(ctx, name); err != nil {
		return err
	}
	row, err := models.PersonByID(ctx, p.DB, who.Tenant, who.Person)
	if err != nil {
		return err
	}
	fits, err := passwordFits(ctx, clip(in.Current, longestPassword), row.PasswordHash)
	if err != nil {
		return err
	}
	if !fits {
		return fault.Fields{"current": "This is not your current password."}.Err()
	}
	hash, err := hashPassword(ctx, in.New)
	if err != nil {
		return err
	}
	err = models.InTx(ctx, p.DB, func(ctx context.Context, tx bun.Tx) error {
		return p.setPassword(ctx, tx, who, who.Person, hash, keep)
	})
	if err != nil {
		return err
	}
	return p.succeed(ctx, name, nil)
}

// SetPassword sets a person's password, of any length. It is for this program
// itself: the demo's people, and a command on the server.
func (p *People) SetPassword(ctx context.Context, who Actor, id, password string) error {
	if who.Person != system {
		return runs(Actor{})
	}
	hash, err := hashPassword(ctx, password)
	if err != nil {
		return err
	}
	return models.InTx(ctx, p.DB, func(ctx context.Context, tx bun.Tx) error {
		return p.setPassword(ctx, tx, who, id, hash, "")
	})
}

// setPassword keeps a hash, and ends the person's sessions but the one called
// keep, and every link that would set another.
func (p *People) setPassword(ctx context.Context, tx bun.Tx, who Actor, id, hash, keep string) error {
	row, err := models.PersonByID(ctx, tx, who.Tenant, id)
	if err != nil {
		return err
	}
	row.PasswordHash = hash
	if err := models.SavePerson(ctx, tx, row); err != nil {
		return err
	}
	if _, err := models.DeletePersonSessions(ctx, tx, who.Tenant, id, keep); err != nil {
		return err
	}
	if err := models.DeleteLinks(ctx, tx, who.Tenant, id); err != nil {
		return err
	}
	return models.InsertAudit(ctx, tx, who.Did(p.Wall.Now(), "person.password", object(row), nil))
}
