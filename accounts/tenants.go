package accounts

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/internal/vault"
	"tollgate/models"
)

// Tenants keeps the organisations and how each reaches Stripe.
type Tenants struct {
	DB    *bun.DB
	Wall  clock.Wall
	Vault *vault.Vault
	Mode  string // sandbox, test or live

	// Stripe asks Stripe about a key before it is kept. Its errors are faults
	// when Stripe clearly refused the key, anything else when nobody knows.
	Stripe interface {
		CheckKey(ctx context.Context, key string) (PlatformAccount, error)
	}

	// Follow makes changed settings count; nil: nothing goes by them.
	Follow interface {
		SettingsSaved(ctx context.Context, tx bun.Tx, tenant models.TenantID) error
	}

	// GivenHookSecrets are signing secrets of the default tenant that the
	// environment gives. They are not kept: who gives them changes them there.
	GivenHookSecrets []string

	mu   sync.Mutex
	keys map[models.TenantID]keptKey
}

// A PlatformAccount is the account at Stripe that a key opens.
type PlatformAccount struct{ ID, Name string }

// keptKey is a tenant's key in memory, until when it counts.
type keptKey struct {
	key   string
	until time.Time
}

// Bootstrap makes the default tenant if it is not there, and returns it.
func (t *Tenants) Bootstrap(ctx context.Context, name string) (models.Tenant, error) {
	if _, err := models.InsertTenant(ctx, t.DB, t.fresh(models.SuperTenant, models.SuperDomain, name)); err != nil {
		return models.Tenant{}, err
	}
	return models.TenantByID(ctx, t.DB, models.SuperTenant)
}

var domains = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$`)

// Create makes another tenant. Only this program itself may.
func (t *Tenants) Create(ctx context.Context, who Actor, domain, name string) (models.Tenant, error) {
	domain, name = strings.ToLower(tidy(domain)), tidy(name)
	var f fault.Fields
	f.Check(domains.MatchString(domain) && len(domain) <= 255, "domain", "Enter a domain such as acme.example.")
	f.Check(name != "" && len([]rune(name)) <= 200, "name", "Enter a name of at most 200 characters.")
	if who.Person != system {
		return models.Tenant{}, runs(Actor{})
	}
	if err := f.Err(); err != nil {
		return models.Tenant{}, err
	}
	var made models.Tenant
	err := models.InTx(ctx, t.DB, func(ctx context.Context, tx bun.Tx) error {
		id, err := models.NextTenantID(ctx, tx)
		if err != nil {
			return err
		}
		made = t.fresh(id, domain, name)
		added, err := models.InsertTenant(ctx, tx, made)
		if err != nil {
			return err
		}
		if !added {
			return fault.Fields{"domain": "This domain is taken, or was taken just now."}.Err()
		}
		return models.InsertAudit(ctx, tx, System(id, domain).Did(t.Wall.Now(), "tenant.create", tenantObject(made), nil))
	})
	return made, err
}

func (t *Tenants) fresh(id models.TenantID, domain, name string) models.Tenant {
	return models.Tenant{
		ID: id, Domain: domain, Name: name, State: models.StateActive, CataloguePublic: true, CreatedAt: models.At(t.Wall.Now()),
	}
}

func tenantObject(t models.Tenant) Object { return Object{"tenant", t.Domain, t.Name} }

// ByDomain returns the tenant of a domain; the default one for "".
func (t *Tenants) ByDomain(ctx context.Context, domain string) (models.Tenant, error) {
	if domain == "" {
		domain = models.SuperDomain
	}
	return models.TenantByDomain(ctx, t.DB, strings.ToLower(domain))
}

// ByID returns a tenant.
func (t *Tenants) ByID(ctx context.Context, id models.TenantID) (models.Tenant, error) {
	return models.TenantByID(ctx, t.DB, id)
}

// All returns every tenant, by domain.
func (t *Tenants) All(ctx context.Context) ([]models.Tenant, error) {
	return models.Tenants(ctx, t.DB)
}

// Settings returns the tenant of who.
func (t *Tenants) Settings(ctx context.Context, who Actor) (models.Tenant, error) {
	if err := runs(who); err != nil {
		return models.Tenant{}, err
	}
	return models.TenantByID(ctx, t.DB, who.Tenant)
}

// A SettingsInput is what an admin chooses for the tenant.
type SettingsInput struct {
	Name            string
	CataloguePublic bool
	FeePercent      string // the platform's share: decimal with at most 2 places, 0 to 100; "" for none
	GraceHours      string // for how long calls are served after a failed payment: whole hours; "" for none
	HoldOnDispute   bool   // whether a disputed payment holds access
	HoldOnRefund    bool   // whether a payment that was given back in full does
}

// MaxGraceHours is the longest time that calls are served after a failed payment: 90 days.
const MaxGraceHours = 2160

// GraceProblem is what somebody reads who enters another number of hours.
const GraceProblem = "Enter a whole number of hours from 0 to 2160, which is 90 days."

// ReadGrace reads a number of hours as typed: nil when nothing was, and false when it
// is no number from 0 to MaxGraceHours.
func ReadGrace(text string) (*int, bool) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, true
	}
	n, err := strconv.ParseUint(text, 10, 16)
	hours := int(n) //nolint:gosec // at most 16 bits
	return &hours, err == nil && hours <= MaxGraceHours
}

// percents has no sign and at most 3 digits before the point.
var percents = regexp.MustCompile(`^(100(\.0{1,2})?|[0-9]{1,2}(\.[0-9]{1,2})?)$`)

// Validate reports what is wrong with the form alone.
func (in SettingsInput) Validate() error {
	var f fault.Fields
	f.Check(in.Name != "" && len([]rune(in.Name)) <= 200, "name", "Enter a name of at most 200 characters.")
	f.Check(in.FeePercent == "" || percents.MatchString(in.FeePercent), "fee_percent", "Enter a number from 0 to 100 with at most two decimal places, such as 2.5.")
	_, ok := ReadGrace(in.GraceHours)
	f.Check(ok, "grace_hours", GraceProblem)
	return f.Err()
}

// SaveSettings changes what an admin chose.
func (t *Tenants) SaveSettings(ctx context.Context, who Actor, in SettingsInput) error {
	in.Name, in.FeePercent = tidy(in.Name), plainPercent(tidy(in.FeePercent))
	if err := firstOf(runs(who), in.Validate()); err != nil {
		return err
	}
	grace := 0
	if hours, _ := ReadGrace(in.GraceHours); hours != nil {
		grace = *hours
	}
	yes := map[bool]string{true: "yes", false: "no"}
	return t.edit(ctx, who, "tenant.settings", func(ctx context.Context, tx bun.Tx, row *models.Tenant) (map[string]string, error) {
		before := *row
		row.Name, row.CataloguePublic, row.FeePercent = in.Name, in.CataloguePublic, in.FeePercent
		row.GraceHours, row.HoldOnDispute, row.HoldOnRefund = grace, in.HoldOnDispute, in.HoldOnRefund
		details := map[string]string{
			"fee_percent": in.FeePercent, "catalogue_public": yes[in.CataloguePublic], "grace_hours": strconv.Itoa(grace),
			"hold_on_dispute": yes[in.HoldOnDispute], "hold_on_refund": yes[in.HoldOnRefund],
		}
		same := before.GraceHours == grace && before.HoldOnDispute == in.HoldOnDispute && before.HoldOnRefund == in.HoldOnRefund
		if same || t.Follow == nil {
			return details, nil
		}
		return details, t.Follow.SettingsSaved(ctx, tx, row.ID)
	})
}

// plainPercent writes 02.50 as 2.5 and 0 as "".
func plainPercent(text string) string {
	if !percents.MatchString(text) {
		return text
	}
	whole, places, _ := strings.Cut(text, ".")
	whole, places = strings.TrimLeft(whole, "0"), strings.TrimRight(places, "0")
	switch {
	case whole == "" && places == "":
		return ""
	case whole == "":
		whole = "0"
	}
	if places == "" {
		return whole
	}
	return whole + "." + places
}

// edit changes the tenant's row and audits it with what change returns.
func (t *Tenants) edit(ctx context.Context, who Actor, action string, change func(context.Context, bun.Tx, *models.Tenant) (map[string]string, error)) error {
	return models.InTx(ctx, t.DB, func(ctx context.Context, tx bun.Tx) error {
		row, err := models.TenantByID(ctx, tx, who.Tenant)
		if err != nil {
			return err
		}
		details, err := change(ctx, tx, &row)
		if err != nil {
			return err
		}
		if err := models.SaveTenant(ctx, tx, row); err != nil {
			return err
		}
		return models.InsertAudit(ctx, tx, who.Did(t.Wall.Now(), action, tenantObject(row), details))
	})
}

// Figures counts the things of who's tenant, for its overview.
func (t *Tenants) Figures(ctx context.Context, who Actor) (models.Figures, error) {
	if err := runs(who); err != nil {
		return models.Figures{}, err
	}
	return models.FiguresOf(ctx, t.DB, who.Tenant)
}
