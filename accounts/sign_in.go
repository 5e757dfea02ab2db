package accounts

import (
	"context"
	"strings"

	"tollgate/internal/fault"
	"tollgate/models"
)

// errWrong is all that anybody learns about a sign-in that failed: whether the
// name, the password or the account was the reason stays with us.
var errWrong = fault.New(fault.Unauthenticated, "This name and password do not go together.")

// An Attempt is what somebody types to sign in.
type Attempt struct {
	Username string // alone for the default tenant, name@domain, or an e-mail address of the default tenant
	Password string
	Address  string // where the attempt comes from
}

// SignIn returns who signs in with an attempt. Otherwise it is an Unauthenticated
// fault, or a TooMany one that says how long to wait; a right password does not
// help while attempts are locked.
func (p *People) SignIn(ctx context.Context, in Attempt) (Actor, error) {
	tenant, username := p.tenantOf(ctx, in.Username)
	name, address := byName(tenant, username), byAddress(in.Address)
	if err := p.count(ctx, name, address); err != nil {
		return Actor{}, err
	}
	person, err := models.PersonByUsername(ctx, p.DB, tenant, username)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return Actor{}, err
	}
	fits, err := passwordFits(ctx, clip(in.Password, longestPassword), person.PasswordHash)
	if err != nil {
		return Actor{}, err
	}
	if !fits {
		return Actor{}, errWrong
	}
	who, err := actorOf(ctx, p.DB, person)
	if fault.KindOf(err) == fault.NotFound {
		return Actor{}, errWrong
	}
	if err != nil {
		return Actor{}, err
	}
	return who, p.succeed(ctx, name, &address)
}

// tenantOf splits a typed name into tenant and username. With a domain that is no
// tenant's it may be the e-mail address of one person; else nobody has it.
func (p *People) tenantOf(ctx context.Context, typed string) (models.TenantID, string) {
	typed = strings.ToLower(strings.TrimSpace(clip(typed, 400)))
	at := strings.LastIndexByte(typed, '@')
	if at < 0 {
		return models.SuperTenant, typed
	}
	if t, err := models.TenantByDomain(ctx, p.DB, typed[at+1:]); err == nil {
		return t.ID, typed[:at]
	}
	if person, err := models.PersonByEmail(ctx, p.DB, models.SuperTenant, typed); err == nil {
		return models.SuperTenant, person.Username
	}
	return models.SuperTenant, typed
}
