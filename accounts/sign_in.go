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
	Username string // alone for the default tenant, or name@domain
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

// tenantOf splits a typed name into tenant and username. A domain that is no
// tenant's keeps the name whole, so that nobody has it.
func (p *People) tenantOf(ctx context.Context, typed string) (models.TenantID, string) {
	typed = strings.ToLower(strings.TrimSpace(clip(typed, 400)))
	at := strings.LastIndexByte(typed, '@')
	if at < 0 {
		return models.SuperTenant, typed
	}
	t, err := models.TenantByDomain(ctx, p.DB, typed[at+1:])
	if err != nil {
		return models.SuperTenant, typed
	}
	return t.ID, typed[:at]
}
