package billing

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/catalog"
	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// ConnectedAccountKey is the property that names the publisher's Stripe account,
// as WSO2 calls it.
const ConnectedAccountKey = "ConnectedAccountKey"

// An Attribute is a property that a publisher enters to monetize an API, as
// declared in the configuration.
type Attribute struct {
	Name, DisplayName, Description, Default string
	Required, Hidden                        bool
}

// Sales puts the catalogue on sale at the billing provider: plans on the tenant's
// platform account, APIs on the connected accounts of their publishers. What it
// promises in a transaction is done by the tasks PushPlan and PushSale.
type Sales struct {
	DB       *bun.DB
	Engine   Engine
	Accounts *accounts.ConnectedAccounts
	Wall     clock.Wall

	Jobs     *outbox.Runner
	Patience time.Duration // how long a request waits for Stripe before it answers

	Installation string      // id of this installation, part of every name at Stripe
	Attributes   []Attribute // declared ones; ConnectedAccountKey is among them
}

// Declared returns the properties that a publisher enters.
func (s *Sales) Declared() []Attribute { return s.Attributes }

// Register makes r perform the tasks of s.
func (s *Sales) Register(r *outbox.Runner) {
	outbox.Handle(r, s.pushSale, nil)
	outbox.Handle(r, s.pushPlan, nil)
}

// A MonetizeInput is the form of the monetization page.
type MonetizeInput struct {
	Enabled    bool
	Properties map[string]string // by attribute name
}

// accountForm is an id of a Stripe account.
var accountForm = regexp.MustCompile(`^acct_[A-Za-z0-9]{1,240}$`)

// read returns the properties to keep: typed ones without spaces at the ends, and
// what hidden attributes are declared to be. It says what is wrong with them.
func (s *Sales) read(in MonetizeInput) (map[string]string, error) {
	var f fault.Fields
	values := map[string]string{}
	for _, a := range s.Attributes {
		v := strings.TrimSpace(in.Properties[a.Name])
		if a.Hidden {
			v = a.Default
		}
		f.Check(v != "" || !a.Required, a.Name, "Enter "+a.DisplayName+".")
		f.Check(len(v) <= 900, a.Name, "At most 900 characters.")
		if v != "" {
			values[a.Name] = v
		}
	}
	for name := range in.Properties {
		f.Check(s.declared(name), name, "This property is not declared for this installation.")
	}
	account := values[ConnectedAccountKey]
	f.Check(account != "", ConnectedAccountKey, "Enter the Stripe account that is paid.")
	f.Check(accountForm.MatchString(account), ConnectedAccountKey, "Write the id of a Stripe account: acct_ and letters and digits.")
	return values, f.Err()
}

func (s *Sales) declared(name string) bool {
	return name == ConnectedAccountKey || slices.ContainsFunc(s.Attributes, func(a Attribute) bool { return a.Name == name })
}

// Monetize turns monetization of one of the actor's APIs or API products on or
// off, and returns the job that makes Stripe follow ("" when there is nothing to
// do). Turning on what is on sells the plans that were attached since. The
// connected account is looked up first: it has to exist on the tenant's platform
// and be able to charge.
func (s *Sales) Monetize(ctx context.Context, who accounts.Actor, api string, in MonetizeInput) (string, error) {
	if !who.Is(accounts.Publisher) {
		return "", fault.New(fault.Forbidden, "Only a publisher can do that.")
	}
	a, err := catalog.Own(ctx, s.DB, who, api)
	if err != nil {
		return "", err
	}
	if !in.Enabled {
		return s.disable(ctx, who, a.UUID)
	}
	if a.Status != models.APIPublished {
		return "", fault.New(fault.Conflict, "Publish "+a.Name+" first: only what is published can be sold.")
	}
	values, err := s.read(in)
	if err != nil {
		return "", err
	}
	tenant, err := models.TenantByID(ctx, s.DB, who.Tenant)
	if err != nil {
		return "", err
	}
	seen, err := s.lookUp(ctx, tenant, values[ConnectedAccountKey])
	if err != nil {
		return "", err
	}
	return s.enable(ctx, who, a.UUID, tenant.StripeAccount, seen, values)
}

// enable writes that an API is to be sold through an account, and stages it.
func (s *Sales) enable(ctx context.Context, who accounts.Actor, api, platform string, seen accounts.AccountValues, values map[string]string) (string, error) {
	var job string
	err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		a, err := catalog.Own(ctx, tx, who, api)
		if err != nil {
			return err
		}
		if err := models.HoldAPI(ctx, tx, a.ID); err != nil {
			return err
		}
		account, err := s.Accounts.Link(ctx, tx, who, platform, seen)
		if err != nil {
			return atAccount(err)
		}
		changed, err := s.changeAccount(ctx, tx, &a, account)
		if err != nil {
			return err
		}
		asked, err := s.askForPrices(ctx, tx, a, account.StripeAccount)
		if err != nil {
			return err
		}
		if a.Monetization != models.MonetizationOn || changed {
			a.Monetization, asked = models.MonetizationEnabling, true
		}
		a.MonetizationProblem, a.UpdatedBy, a.UpdatedTime = "", who.Username, models.At(s.Wall.Now())
		if err := s.keep(ctx, tx, who, &a, values, "monetization.enable"); err != nil || !asked {
			return err
		}
		job, err = outbox.Stage(ctx, tx, a.TenantID, s.Wall.Now(), PushSale{a.ID})
		return err
	})
	return job, err
}

// keep saves a with its attributes and says so in the audit.
func (s *Sales) keep(ctx context.Context, tx bun.Tx, who accounts.Actor, a *models.API, values map[string]string, action string) error {
	if err := models.SaveAPI(ctx, tx, a); err != nil {
		return err
	}
	if err := models.SetAttributes(ctx, tx, a.ID, values); err != nil {
		return err
	}
	what := accounts.Object{Type: "api", ID: a.UUID, Name: a.Name + " " + a.APIVersion}
	details := map[string]string{"account": values[ConnectedAccountKey]}
	return models.InsertAudit(ctx, tx, who.Did(s.Wall.Now(), action, what, details))
}

// changeAccount makes a sell through account, and reports whether it sold through
// another one. That is refused while somebody pays into the other one.
func (s *Sales) changeAccount(ctx context.Context, tx bun.Tx, a *models.API, account models.ConnectedAccount) (bool, error) {
	before := a.ConnectedAccountID
	a.ConnectedAccountID = account.ID
	if before == "" || before == account.ID {
		return false, nil
	}
	old, err := models.ConnectedAccountByID(ctx, tx, a.TenantID, before)
	if err != nil || old.StripeAccount == account.StripeAccount {
		return false, err
	}
	heads, err := models.Headcounts(ctx, tx, a.TenantID, "api_id", a.ID)
	if err != nil {
		return false, err
	}
	var n int64
	for _, h := range heads {
		if h.Account == old.StripeAccount {
			n += h.Count
		}
	}
	if n > 0 {
		return false, fault.Fields{ConnectedAccountKey: fmt.Sprintf(
			"%s into %s. The account can be changed once nobody does.", paying(n), old.StripeAccount)}.Err()
	}
	return true, nil
}

// paying says in words that n subscriptions pay.
func paying(n int64) string {
	if n == 1 {
		return "1 subscription pays"
	}
	return fmt.Sprintf("%d subscriptions pay", n)
}

// askForPrices writes that the newest price of every commercial plan that a offers
// is to be on sale in account, and reports whether one is not there yet. Rows that
// are fine are written too: a push that was about to take one out of sale then
// finds it changed and looks again.
func (s *Sales) askForPrices(ctx context.Context, tx bun.Tx, a models.API, account string) (bool, error) {
	offers, err := models.OffersOf(ctx, tx, a.ID)
	if err != nil {
		return false, err
	}
	asked := false
	for _, o := range offers {
		if err := models.HoldPolicy(ctx, tx, o.PolicyID); err != nil {
			return false, err
		}
		p, err := models.PolicyByID(ctx, tx, a.TenantID, o.PolicyID)
		if err != nil {
			return false, err
		}
		if p.Live == nil || p.BillingPlan != models.PlanCommercial {
			continue
		}
		versions, err := models.PriceVersionsOf(ctx, tx, p.ID)
		if err != nil {
			return false, err
		}
		if len(versions) == 0 {
			return false, fmt.Errorf("billing: plan %s has no price", p.UUID)
		}
		pushing, err := s.askForPrice(ctx, tx, a, p, versions[0], account)
		if err != nil {
			return false, err
		}
		asked = asked || pushing
	}
	return asked, nil
}

// askForPrice writes that a price of an API's plan is to be on sale in account,
// and reports whether it is not there yet.
func (s *Sales) askForPrice(ctx context.Context, tx bun.Tx, a models.API, p models.Policy, v models.PriceVersion, account string) (bool, error) {
	rows, err := models.MonetizedPlansOf(ctx, tx, a.ID)
	if err != nil {
		return false, err
	}
	for _, r := range rows {
		if r.PriceVersionID != v.ID || r.Account != account {
			continue
		}
		if r.State != models.PushLive {
			r.State, r.Problem = models.PushPushing, ""
		}
		return r.State != models.PushLive, models.SaveMonetizedPlan(ctx, tx, &r)
	}
	r := models.MonetizedPlan{
		APIID: a.ID, TierName: p.Name, TenantID: a.TenantID, PolicyID: p.ID, PriceVersionID: v.ID,
		Component: component(v), Currency: v.Currency, Account: account, State: models.PushPushing,
	}
	return true, models.InsertMonetizedPlan(ctx, tx, &r)
}

// component is which part of a price v is; today's prices have one part.
func component(v models.PriceVersion) string {
	if v.Model == models.DynamicRate {
		return componentUsage
	}
	return componentFixed
}

// disable writes that an API is not sold any more, and stages it. Whoever is
// subscribed stays so, at their price: Ends.EndSale ends that, too.
func (s *Sales) disable(ctx context.Context, who accounts.Actor, api string) (job string, err error) {
	err = models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		a, err := catalog.Own(ctx, tx, who, api)
		if err != nil {
			return err
		}
		job, err = s.stop(ctx, tx, who, a)
		return err
	})
	return job, err
}

// stop writes that a leaves sale, and stages it unless it is off sale.
func (s *Sales) stop(ctx context.Context, tx bun.Tx, who accounts.Actor, a models.API) (string, error) {
	wasOff := a.Monetization == models.MonetizationOff
	if wasOff && a.MonetizationProblem == "" {
		return "", nil
	}
	values, err := models.AttributesOf(ctx, tx, a.ID)
	if err != nil {
		return "", err
	}
	if !wasOff {
		a.Monetization = models.MonetizationDisabling
	}
	a.MonetizationProblem, a.UpdatedBy, a.UpdatedTime = "", who.Username, models.At(s.Wall.Now())
	if err := s.keep(ctx, tx, who, &a, values, "monetization.disable"); err != nil || wasOff {
		return "", err
	}
	return outbox.Stage(ctx, tx, a.TenantID, s.Wall.Now(), PushSale{a.ID})
}

// atAccount puts a message about the connected account at its field.
func atAccount(err error) error {
	if e, ok := errors.AsType[*fault.Error](err); ok && len(e.Fields) > 0 {
		for _, message := range e.Fields {
			return fault.Fields{ConnectedAccountKey: message}.Err()
		}
	}
	return err
}

// Await waits a little for a job that Monetize or the catalogue returned, so that
// a page can show what came of it. done is false while it goes on; problem is what
// a person may read when Stripe refused it.
func (s *Sales) Await(ctx context.Context, job string) (done bool, problem string, err error) {
	if job == "" || s.Jobs == nil {
		return job == "", "", nil
	}
	switch err = s.Jobs.Wait(ctx, job, s.Patience); {
	case errors.Is(err, outbox.ErrPending):
		return false, "", nil
	case fault.KindOf(err) == fault.Conflict:
		return true, fault.Message(err), nil
	}
	return err == nil, "", err
}
