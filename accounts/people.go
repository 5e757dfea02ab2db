package accounts

import (
	"context"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/models"
)

// People keeps who can sign in to a tenant, and with what.
type People struct {
	DB   *bun.DB
	Wall clock.Wall
	Ends Ender // nil: nobody is deleted who is subscribed to anything
}

// The themes a person can choose.
const (
	themeSystem = "system"
	themeLight  = "light"
	themeDark   = "dark"
)

// A PersonInput is what an admin enters about a person.
type PersonInput struct {
	Username     string // fixed once made
	Email        string // may be empty
	DisplayName  string
	Organization string // may be empty
	Roles        []Role
}

// usernames holds no @: name@domain says which tenant somebody signs in to.
var usernames = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// Validate reports what is wrong with the form alone.
func (in PersonInput) Validate() error {
	var f fault.Fields
	f.Check(usernames.MatchString(in.Username), "username", "Use up to 64 small letters, digits, points, dashes and underscores, a letter or digit first.")
	checkProfile(&f, in.DisplayName, in.Email)
	f.Check(len([]rune(in.Organization)) <= 200, "organization", "Use at most 200 characters.")
	f.Check(len(in.Roles) > 0, "roles", "Choose at least one role.")
	for _, r := range in.Roles {
		f.Check(r.Valid(), "roles", "Choose among admin, publisher and subscriber.")
	}
	return f.Err()
}

func checkProfile(f *fault.Fields, name, email string) {
	f.Check(name != "", "display_name", "Enter a name.")
	f.Check(len([]rune(name)) <= 200, "display_name", "Use at most 200 characters.")
	if email != "" {
		a, err := mail.ParseAddress(email)
		f.Check(err == nil && a.Address == email && len(email) <= 255, "email", "Enter an address like name@example.com.")
	}
}

// clean trims what was typed, and sorts the roles.
func (in PersonInput) clean() PersonInput {
	in.Username = strings.ToLower(tidy(in.Username))
	in.Email, in.DisplayName, in.Organization = tidy(in.Email), tidy(in.DisplayName), tidy(in.Organization)
	in.Roles = slices.Compact(slices.Sorted(slices.Values(in.Roles)))
	return in
}

// tidy trims text and leaves out what no engine stores.
func tidy(text string) string { return strings.TrimSpace(clip(text, len(text))) }

// A Person is somebody who can sign in, as an admin sees them.
type Person struct {
	models.Person
	Roles []Role
}

// Active reports whether p may sign in.
func (p Person) Active() bool { return p.State == models.StateActive }

// object is p in the audit.
func object(p models.Person) Object { return Object{"person", p.ID, p.Username} }

// Create adds a person, without a password: a one-time link lets them set one.
func (p *People) Create(ctx context.Context, who Actor, in PersonInput) (Person, error) {
	in = in.clean()
	if err := firstOf(runs(who), in.Validate()); err != nil {
		return Person{}, err
	}
	row := models.Person{
		ID: models.NewID(), TenantID: who.Tenant, Username: in.Username, Email: in.Email, DisplayName: in.DisplayName,
		Organization: in.Organization, State: models.StateActive, Theme: themeSystem, CreatedAt: models.At(p.Wall.Now()),
	}
	err := models.InTx(ctx, p.DB, func(ctx context.Context, tx bun.Tx) error {
		added, err := models.InsertPerson(ctx, tx, row)
		if err != nil {
			return err
		}
		if !added {
			return fault.Fields{"username": "Somebody has this name already."}.Err()
		}
		if err := models.ReplaceRoles(ctx, tx, row.ID, names(in.Roles)); err != nil {
			return err
		}
		return models.InsertAudit(ctx, tx, who.Did(p.Wall.Now(), "person.create", object(row), map[string]string{"roles": strings.Join(names(in.Roles), ", ")}))
	})
	return Person{row, in.Roles}, err
}

// Edit changes what an admin entered about a person; their username stays. The
// tenant's last admin cannot lose the role.
func (p *People) Edit(ctx context.Context, who Actor, id string, in PersonInput) error {
	in = in.clean()
	return p.change(ctx, who, id, func(ctx context.Context, tx bun.Tx, was Person) error {
		in.Username = was.Username
		if err := in.Validate(); err != nil {
			return err
		}
		if err := p.keepsAdmin(ctx, tx, was, was.Active(), in.Roles); err != nil {
			return err
		}
		row := was.Person
		row.Email, row.DisplayName, row.Organization = in.Email, in.DisplayName, in.Organization
		if err := models.SavePerson(ctx, tx, row); err != nil {
			return err
		}
		if err := models.ReplaceRoles(ctx, tx, id, names(in.Roles)); err != nil {
			return err
		}
		return models.InsertAudit(ctx, tx, who.Did(p.Wall.Now(), "person.edit", object(row), map[string]string{
			"roles_before": strings.Join(names(was.Roles), ", "), "roles": strings.Join(names(in.Roles), ", "),
		}))
	})
}

// SetActive lets a person sign in, or keeps them out and ends their sessions and
// links. The tenant's last admin cannot be kept out.
func (p *People) SetActive(ctx context.Context, who Actor, id string, active bool) error {
	return p.change(ctx, who, id, func(ctx context.Context, tx bun.Tx, was Person) error {
		if was.Active() == active {
			return nil
		}
		if err := p.keepsAdmin(ctx, tx, was, active, was.Roles); err != nil {
			return err
		}
		row, action := was.Person, "person.enable"
		row.State = models.StateActive
		if !active {
			row.State, action = models.StateDisabled, "person.disable"
		}
		if err := models.SavePerson(ctx, tx, row); err != nil {
			return err
		}
		if err := shutOut(ctx, tx, row); err != nil {
			return err
		}
		return models.InsertAudit(ctx, tx, who.Did(p.Wall.Now(), action, object(row), nil))
	})
}

// shutOut ends a person's sessions and the links that would let them in.
func shutOut(ctx context.Context, tx bun.Tx, row models.Person) error {
	if _, err := models.DeletePersonSessions(ctx, tx, row.TenantID, row.ID, ""); err != nil {
		return err
	}
	return models.DeleteLinks(ctx, tx, row.TenantID, row.ID)
}

// change runs fn on a person in a transaction that holds the tenant's row, so
// that two changes at once cannot each remove an admin because of the other.
func (p *People) change(ctx context.Context, who Actor, id string, fn func(context.Context, bun.Tx, Person) error) error {
	if err := runs(who); err != nil {
		return err
	}
	return models.InTx(ctx, p.DB, func(ctx context.Context, tx bun.Tx) error {
		if err := models.LockTenant(ctx, tx, who.Tenant); err != nil {
			return err
		}
		was, err := personByID(ctx, tx, who.Tenant, id)
		if err != nil {
			return err
		}
		return fn(ctx, tx, was)
	})
}

// keepsAdmin refuses a change of was after which nobody could run the tenant.
func (p *People) keepsAdmin(ctx context.Context, tx bun.Tx, was Person, active bool, roles []Role) error {
	if !was.Active() || !slices.Contains(was.Roles, Admin) || active && slices.Contains(roles, Admin) {
		return nil
	}
	others, err := models.CountActive(ctx, tx, was.TenantID, string(Admin), was.ID)
	if err != nil || others > 0 {
		return err
	}
	return fault.New(fault.Conflict, "This is the only admin who can sign in. Give somebody else the role first.")
}

// ByID returns one of the tenant's people.
func (p *People) ByID(ctx context.Context, who Actor, id string) (Person, error) {
	if err := runs(who); err != nil {
		return Person{}, err
	}
	return personByID(ctx, p.DB, who.Tenant, id)
}

func personByID(ctx context.Context, db bun.IDB, tenant models.TenantID, id string) (Person, error) {
	row, err := models.PersonByID(ctx, db, tenant, id)
	if err != nil {
		return Person{}, err
	}
	roles, err := models.RolesOf(ctx, db, id)
	return Person{row, rolesOf(roles[id])}, err
}

// A PeoplePage is one page of a list. After is where the next one goes on, ""
// when this is the last.
type PeoplePage struct {
	People []Person
	After  string
}

// List returns a page of at most limit of the tenant's people, by username.
func (p *People) List(ctx context.Context, who Actor, f models.PeopleFilter, limit int) (PeoplePage, error) {
	if err := runs(who); err != nil {
		return PeoplePage{}, err
	}
	f.Search = tidy(f.Search)
	rows, err := models.PeoplePage(ctx, p.DB, who.Tenant, f, limit+1)
	if err != nil {
		return PeoplePage{}, err
	}
	var page PeoplePage
	if len(rows) > limit {
		rows = rows[:limit]
		page.After = rows[limit-1].Username
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	roles, err := models.RolesOf(ctx, p.DB, ids...)
	for _, row := range rows {
		page.People = append(page.People, Person{row, rolesOf(roles[row.ID])})
	}
	return page, err
}

// Count counts the tenant's active people in a role.
func (p *People) Count(ctx context.Context, who Actor, r Role) (int64, error) {
	return models.CountActive(ctx, p.DB, who.Tenant, string(r), "")
}

// runs refuses whoever may not run the tenant, as if there was nothing to run.
func runs(who Actor) error {
	if !who.Runs() {
		return fault.New(fault.NotFound, "This does not exist, or is not yours.")
	}
	return nil
}

// firstOf returns the first error that is one.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func names(roles []Role) []string {
	out := make([]string, len(roles))
	for i, r := range roles {
		out[i] = string(r)
	}
	return out
}
