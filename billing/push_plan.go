package billing

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/catalog"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// PushPlan makes the tenant's platform account agree with what our rows say of a
// plan: one product, a price for each version, a meter when calls are counted.
type PushPlan struct {
	Policy int64 `json:"policy"`
}

// Kind names the task.
func (PushPlan) Kind() string { return "billing.push_plan" }

// Subject is the plan: one push of it runs at a time.
func (p PushPlan) Subject() string { return "plan/" + strconv.FormatInt(p.Policy, 10) }

// planSale is all that our rows say about one plan in the platform account.
type planSale struct {
	policy   models.Policy
	rows     []models.PlatformPlan // the oldest price version first
	versions map[string]models.PriceVersion
}

// alive reports whether the plan is to be there at all.
func (s planSale) alive() bool {
	return s.policy.Live != nil && s.policy.BillingPlan == models.PlanCommercial
}

// next says the one thing to do now, and about which row. Like sale.next it is pure.
func (s planSale) next() (action, int) {
	for i, r := range s.rows {
		if r.State == models.PushPushing && s.alive() {
			return s.make(r), i
		}
	}
	for i, r := range s.rows {
		if act := s.leave(r); act != doNothing {
			return act, i
		}
	}
	return doNothing, -1
}

func (s planSale) make(r models.PlatformPlan) action {
	switch {
	case r.ProductID == "":
		return doMarkSent
	case s.metered(r) && r.MeterID == "":
		return doEnsureMeter
	default:
		return doMakePrice
	}
}

func (s planSale) leave(r models.PlatformPlan) action {
	switch r.State {
	case models.PushRefused, models.PushArchived:
		if r.ProductID != "" || r.MeterID != "" {
			return doTidy
		}
	case models.PushLive:
		if !s.alive() || s.superseded(r) {
			return doRetire
		}
	case models.PushPushing, models.PushArchiving:
		switch {
		case r.ProductID == "":
			return doForget
		case r.PlanID == "":
			return doSeek
		default:
			return doArchivePrice
		}
	}
	return doNothing
}

func (s planSale) metered(r models.PlatformPlan) bool {
	return s.versions[r.PriceVersionID].Model == models.DynamicRate
}

func (s planSale) number(r models.PlatformPlan) int { return s.versions[r.PriceVersionID].Number }

func (s planSale) superseded(r models.PlatformPlan) bool {
	for _, o := range s.rows {
		if o.State == models.PushLive && s.number(o) > s.number(r) {
			return true
		}
	}
	return false
}

// A row holds the plan's product while it has its id, and the plan's meter
// likewise: the last row that lets go takes them out of sale.

// held reports whether another row than r holds the product, and the meter.
func (s planSale) held(r models.PlatformPlan) (product, meter bool) {
	for _, o := range s.rows {
		if o.ID != r.ID {
			product = product || o.ProductID != ""
			meter = meter || o.MeterID != ""
		}
	}
	return product, meter
}

// planPush is one attempt at PushPlan.
type planPush struct {
	*Sales
	job   outbox.Job
	saved bool   // the product was saved in this attempt
	found string // the price that is there although its product was refused
}

// pushPlan performs PushPlan. A price that Stripe clearly refuses is marked so with
// the reason, and what was made for it is taken back; the one before stays on sale.
func (s *Sales) pushPlan(ctx context.Context, job outbox.Job, task PushPlan) error {
	p := &planPush{Sales: s, job: job}
	if err := p.retry(ctx, task.Policy); err != nil {
		return err
	}
	var refused error
	for range mostSteps {
		now, err := s.readPlanSale(ctx, job.Tenant, task.Policy)
		if err != nil {
			return err
		}
		act, i := now.next()
		if act == doNothing {
			return errors.Join(refused, p.rename(ctx, now))
		}
		err = p.take(ctx, now, act, now.rows[i])
		if no, ok := errors.AsType[*Refused](err); ok && makes(act) {
			refused, err = final(err), p.giveUp(ctx, now, now.rows[i], no)
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("billing: the push of plan %d does not come to an end", task.Policy)
}

func (s *Sales) readPlanSale(ctx context.Context, tenant models.TenantID, policy int64) (planSale, error) {
	out := planSale{versions: map[string]models.PriceVersion{}}
	var err error
	if out.policy, err = models.PolicyByID(ctx, s.DB, tenant, policy); err != nil {
		return out, err
	}
	if out.rows, err = models.PlatformPlansOf(ctx, s.DB, out.policy.UUID); err != nil {
		return out, err
	}
	versions, err := models.PriceVersionsOf(ctx, s.DB, policy)
	for _, v := range versions {
		out.versions[v.ID] = v
	}
	return out, err
}

// retry tries a refused newest price again when the job as a whole is tried again.
func (p *planPush) retry(ctx context.Context, policy int64) error {
	if p.job.Attempts < 2 {
		return nil
	}
	now, err := p.readPlanSale(ctx, p.job.Tenant, policy)
	if err != nil || !now.alive() || len(now.rows) == 0 {
		return err
	}
	r := now.rows[len(now.rows)-1]
	if r.State != models.PushRefused {
		return nil
	}
	r.State, r.Problem = models.PushPushing, ""
	return models.SavePlatformPlan(ctx, p.DB, &r)
}

// take does one step and writes down what came of it.
func (p *planPush) take(ctx context.Context, now planSale, act action, r models.PlatformPlan) error {
	switch act {
	case doMarkSent:
		r.ProductID = p.planProductID(now.policy.UUID)
	case doEnsureMeter:
		id, err := p.sendMeter(ctx, now, r)
		if err != nil {
			return err
		}
		r.MeterID = id
	case doMakePrice:
		return p.makePrice(ctx, now, r)
	case doRetire:
		r.State = models.PushArchiving
	case doForget:
		r.State = models.PushArchived
	case doSeek:
		return p.seek(ctx, now, r)
	case doArchivePrice:
		key := p.key("off", r, nil)
		if err := p.Engine.SetPriceActive(ctx, p.platform(), key, r.PlanID, false); err != nil {
			return err
		}
		r.State = models.PushArchived
	case doTidy:
		return p.tidy(ctx, now, r)
	case doNothing, doSaveProduct, doTurnOn, doStopMeter, doArchiveProduct, doTurnOff: // an API's, not a plan's
		return nil
	}
	return models.SavePlatformPlan(ctx, p.DB, &r)
}

func (p *planPush) platform() accounts.StripeAccount { return accounts.Platform(p.job.Tenant) }

// key is the idempotency key of one call about a row as it stands.
func (p *planPush) key(what string, r models.PlatformPlan, values any) string {
	return stepKey(p.job, what+"-"+r.PriceVersionID, r.Version, values)
}

// giveUp writes that Stripe refused a price.
func (p *planPush) giveUp(ctx context.Context, now planSale, r models.PlatformPlan, no *Refused) error {
	r.State, r.Problem = models.PushRefused, no.Message
	if p.found != "" {
		r.PlanID, p.found = p.found, ""
	}
	return models.InTx(ctx, p.DB, func(ctx context.Context, tx bun.Tx) error {
		r := r
		if err := models.SavePlatformPlan(ctx, tx, &r); err != nil {
			return err
		}
		by := accounts.System(r.TenantID, "")
		what := accounts.Object{Type: "plan", ID: now.policy.UUID, Name: now.policy.DisplayName}
		return models.InsertAudit(ctx, tx, by.Did(p.Wall.Now(), "plan.refused", what, map[string]string{"reason": clip(no.Message, 500)}))
	})
}

// makePrice makes the price of a row, or brings it back; older ones leave sale in
// the same instant.
func (p *planPush) makePrice(ctx context.Context, now planSale, r models.PlatformPlan) error {
	err := p.sendProduct(ctx, now, r)
	if err == nil && now.metered(r) { // it was there, and an attempt to undo may have stopped it since
		r.MeterID, err = p.sendMeter(ctx, now, r)
	}
	if no, ok := errors.AsType[*Refused](err); ok {
		return p.unmade(ctx, now, r, no)
	}
	if err != nil {
		return err
	}
	id, err := p.sendPrice(ctx, now, r)
	if err != nil {
		return err
	}
	return models.InTx(ctx, p.DB, func(ctx context.Context, tx bun.Tx) error {
		r := r
		r.PlanID, r.State, r.Problem = id, models.PushLive, ""
		if err := models.SavePlatformPlan(ctx, tx, &r); err != nil {
			return err
		}
		for _, o := range now.rows {
			if o.State != models.PushLive || now.number(o) >= now.number(r) {
				continue
			}
			o.State = models.PushArchiving
			if err := models.SavePlatformPlan(ctx, tx, &o); err != nil {
				return err
			}
		}
		return nil
	})
}

// unmade looks for a price whose product or meter was refused with no: it may be
// there from an attempt whose answer was lost.
func (p *planPush) unmade(ctx context.Context, now planSale, r models.PlatformPlan, no *Refused) error {
	id, err := p.sendPrice(ctx, now, r)
	if _, gone := errors.AsType[*Refused](err); err != nil && !gone {
		return err
	}
	p.found = id
	return no
}

func (p *planPush) sendProduct(ctx context.Context, now planSale, r models.PlatformPlan) error {
	in := Product{
		ID: r.ProductID, Name: now.policy.DisplayName, Description: clip(now.policy.Description, 500),
		Metadata: map[string]string{"tollgate_installation": p.Installation, "tollgate_plan": now.policy.UUID},
	}
	p.saved = true
	return p.Engine.SaveProduct(ctx, p.platform(), p.key("product", r, in), in)
}

func (p *planPush) sendMeter(ctx context.Context, now planSale, r models.PlatformPlan) (string, error) {
	in := MeterInput{Name: clip(now.policy.DisplayName, 250), EventName: p.planEventName(now.policy.UUID)}
	return p.Engine.EnsureMeter(ctx, p.platform(), p.key("meter", r, in), in)
}

func (p *planPush) sendPrice(ctx context.Context, now planSale, r models.PlatformPlan) (string, error) {
	price, err := catalog.PriceOf(now.versions[r.PriceVersionID])
	if err != nil {
		return "", err
	}
	in := PriceInput{
		Product: r.ProductID, Nickname: now.policy.DisplayName, Amount: price.Amount, Rate: price.Rate, Cycle: price.Cycle,
		Meter: r.MeterID, LookupKey: p.planLookupKey(now.policy.UUID, r.PriceVersionID),
		Metadata: map[string]string{
			"tollgate_installation": p.Installation, "tollgate_plan": now.policy.UUID, "tollgate_price_version": r.PriceVersionID,
		},
	}
	return p.Engine.CreatePrice(ctx, p.platform(), p.key("price", r, in.Nickname), in)
}

// seek finds what an attempt may have made whose answer never came, so that it can
// leave sale: the meter, or the price, which is asked for after its meter is known.
// Stripe's no means that it is not there.
func (p *planPush) seek(ctx context.Context, now planSale, r models.PlatformPlan) error {
	var err error
	r.State = models.PushArchived
	if now.metered(r) && r.MeterID == "" {
		r.MeterID, err = p.sendMeter(ctx, now, r)
	} else if r.PlanID, err = p.sendPrice(ctx, now, r); err == nil {
		r.State = models.PushArchiving
	}
	if _, no := errors.AsType[*Refused](err); err != nil && !no {
		return err
	}
	return models.SavePlatformPlan(ctx, p.DB, &r)
}

// tidy lets go of what a price that is not on sale held.
func (p *planPush) tidy(ctx context.Context, now planSale, r models.PlatformPlan) error {
	if r.State == models.PushRefused && r.PlanID != "" {
		key := p.key("off", r, nil)
		if err := p.Engine.SetPriceActive(ctx, p.platform(), key, r.PlanID, false); err != nil {
			return err
		}
	}
	productHeld, meterHeld := now.held(r)
	if r.MeterID != "" && !meterHeld {
		key := p.key("stop", r, nil)
		if err := p.Engine.DeactivateMeter(ctx, p.platform(), key, r.MeterID); err != nil {
			return err
		}
	}
	if r.ProductID != "" && !productHeld {
		key := p.key("archive", r, nil)
		if err := p.Engine.ArchiveProduct(ctx, p.platform(), key, r.ProductID); err != nil {
			return err
		}
	}
	r.ProductID, r.MeterID = "", ""
	return models.SavePlatformPlan(ctx, p.DB, &r)
}

// rename tells Stripe the plan's name of today.
func (p *planPush) rename(ctx context.Context, now planSale) error {
	if p.saved || !now.alive() {
		return nil
	}
	for _, r := range now.rows {
		if r.State == models.PushLive {
			return final(p.sendProduct(ctx, now, r))
		}
	}
	return nil
}
