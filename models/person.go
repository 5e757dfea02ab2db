package models

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
)

// The states of a person and of a tenant.
const (
	StateActive   = "active"
	StateDisabled = "disabled"
)

// A Person is a human who can sign in to one tenant.
type Person struct {
	bun.BaseModel `bun:"table:people,alias:p"`

	ID           string   `bun:"person_id,pk"`
	TenantID     TenantID `bun:"tenant_id,notnull"`
	Username     string   `bun:"username,notnull"`
	Email        string   `bun:"email,notnull"`
	DisplayName  string   `bun:"display_name,notnull"`
	Organization string   `bun:"organization,notnull"`  // the company shown to others, such as a publisher's
	PasswordHash string   `bun:"password_hash,notnull"` // argon2id; "" when none is set
	State        string   `bun:"state,notnull"`         // active or disabled
	Theme        string   `bun:"theme,notnull"`         // system, light or dark
	CreatedAt    Instant  `bun:"created_at,notnull"`
	DeletedAt    Instant  `bun:"deleted_at,nullzero"` // the row stays: what they had names them
	Version      int64    `bun:"version,notnull"`
}

// A PersonRole gives a person a role: admin, publisher or subscriber.
type PersonRole struct {
	bun.BaseModel `bun:"table:person_roles,alias:pr"`

	PersonID string `bun:"person_id,pk"`
	Role     string `bun:"role,pk"`
}

// PersonByID returns the tenant's person called id.
func PersonByID(ctx context.Context, db bun.IDB, tenant TenantID, id string) (Person, error) {
	var p Person
	err := db.NewSelect().Model(&p).Where("p.tenant_id = ? AND p.person_id = ? AND p.deleted_at IS NULL", tenant, id).Scan(ctx)
	return p, found(err, "Person")
}

// PersonByUsername returns the tenant's person who signs in as username.
func PersonByUsername(ctx context.Context, db bun.IDB, tenant TenantID, username string) (Person, error) {
	var p Person
	err := db.NewSelect().Model(&p).Where("p.tenant_id = ? AND p.username = ? AND p.deleted_at IS NULL", tenant, username).Scan(ctx)
	return p, found(err, "Person")
}

// PersonByEmail returns the tenant's active person with an e-mail address, in
// small letters. An address that several have is nobody's.
func PersonByEmail(ctx context.Context, db bun.IDB, tenant TenantID, email string) (Person, error) {
	var ps []Person
	err := db.NewSelect().Model(&ps).Where("p.tenant_id = ? AND LOWER(p.email) = ? AND p.state = ?", tenant, email, StateActive).
		Limit(2).Scan(ctx)
	if err == nil && len(ps) != 1 {
		err = sql.ErrNoRows
	}
	if err != nil {
		return Person{}, found(err, "Person")
	}
	return ps[0], nil
}

// InsertPerson adds p, and reports false when the username is taken.
func InsertPerson(ctx context.Context, db bun.IDB, p Person) (bool, error) {
	res, err := once(db.NewInsert().Model(&p), "person_id").Exec(ctx)
	return inserted(res, err, "Person")
}

// SavePerson writes p back if nobody has written it since it was read.
func SavePerson(ctx context.Context, db bun.IDB, p Person) error {
	read := p.Version
	p.Version++
	res, err := db.NewUpdate().Model(&p).WherePK().
		Where("tenant_id = ? AND version = ?", p.TenantID, read).Exec(ctx)
	return stale(res, err, "Person")
}

// RolesOf returns the roles of each person, in alphabetical order.
func RolesOf(ctx context.Context, db bun.IDB, people ...string) (map[string][]string, error) {
	roles := map[string][]string{}
	if len(people) == 0 {
		return roles, nil
	}
	var rows []PersonRole
	err := db.NewSelect().Model(&rows).Where("pr.person_id IN (?)", bun.In(people)).OrderExpr("pr.role").Scan(ctx)
	for _, r := range rows {
		roles[r.PersonID] = append(roles[r.PersonID], r.Role)
	}
	return roles, found(err, "Roles")
}

// ReplaceRoles makes roles the roles of a person, inside a transaction.
func ReplaceRoles(ctx context.Context, tx bun.Tx, person string, roles []string) error {
	if _, err := tx.NewDelete().Model((*PersonRole)(nil)).Where("person_id = ?", person).Exec(ctx); err != nil {
		return wrote(err, "Roles")
	}
	for _, r := range roles {
		if _, err := tx.NewInsert().Model(&PersonRole{PersonID: person, Role: r}).Exec(ctx); err != nil {
			return wrote(err, "Roles")
		}
	}
	return nil
}

// CountActive counts the tenant's active people who have a role, without one of them.
func CountActive(ctx context.Context, db bun.IDB, tenant TenantID, role, without string) (int64, error) {
	n, err := db.NewSelect().Model((*Person)(nil)).
		Join("JOIN person_roles AS pr ON pr.person_id = p.person_id").
		Where("p.tenant_id = ? AND p.state = ? AND pr.role = ? AND p.person_id <> ?", tenant, StateActive, role, without).
		Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("models: count people: %w", err)
	}
	return n, nil
}

// A PeopleFilter narrows a list of people. Zero fields narrow nothing.
type PeopleFilter struct {
	Search string // part of a username, name or address
	Role   string
	After  string // the username that the page before ended with
}

// PeoplePage returns at most limit of the tenant's people, by username.
func PeoplePage(ctx context.Context, db bun.IDB, tenant TenantID, f PeopleFilter, limit int) ([]Person, error) {
	var ps []Person
	q := db.NewSelect().Model(&ps).Where("p.tenant_id = ? AND p.deleted_at IS NULL", tenant)
	if f.Search != "" {
		like := containing(f.Search)
		q = q.Where("LOWER(p.username) LIKE ? ESCAPE '!' OR LOWER(p.display_name) LIKE ? ESCAPE '!' OR LOWER(p.email) LIKE ? ESCAPE '!'",
			like, like, like)
	}
	if f.Role != "" {
		q = q.Where("EXISTS (SELECT 1 FROM person_roles AS pr WHERE pr.person_id = p.person_id AND pr.role = ?)", f.Role)
	}
	if f.After != "" {
		q = q.Where("p.username > ?", f.After)
	}
	err := q.OrderExpr("p.username").Limit(int64(limit)).Scan(ctx)
	return ps, found(err, "People")
}

// containing returns the pattern of texts that contain part, in lower case, with
// ! as the escape sign.
func containing(part string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(strings.ToLower(part)) + "%"
}
