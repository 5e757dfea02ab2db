package billing

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/catalog"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// The components of a price: the one that is charged a cycle, and the one that
// depends on usage.
const (
	componentFixed = "fixed"
	componentUsage = "usage"
)

// mostSteps is more than any push needs: a push that has not come to an end by
// then goes round in circles.
const mostSteps = 2000

// salePush is one attempt at PushSale.
type salePush struct {
	*Sales
	job   outbox.Job
	saved bool // the product was saved in this attempt
}

// pushSale performs PushSale. What Stripe clearly refuses is marked refused with
// its reason; when the API was just being turned on, everything that was made
// for it is taken back. The rest goes on.
func (s *Sales) pushSale(ctx context.Context, job outbox.Job, task PushSale) error {
	p := &salePush{Sales: s, job: job}
	if err := p.retry(ctx, task.API); err != nil {
		return err
	}
	var refused error
	for range mostSteps {
		now, err := s.readSale(ctx, job.Tenant, task.API)
		if err != nil {
			return err
		}
		st := now.next()
		if st.act == doNothing {
			return errors.Join(refused, p.rename(ctx, now))
		}
		err = p.take(ctx, now, st)
		if no, ok := errors.AsType[*Refused](err); ok && makes(st.act) {
			refused, err = final(err), p.giveUp(ctx, now, st, no)
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("billing: the push of API %d does not come to an end", task.API)
}

// makes reports whether a step brings something on sale, so that Stripe's no to
// it is final. What has to leave sale is tried until it has.
func makes(act action) bool {
	return act == doSaveProduct || act == doEnsureMeter || act == doMakePrice
}

// retry tries refused prices again when the job as a whole is tried again, which
// an admin can ask for, and nothing else waits.
func (p *salePush) retry(ctx context.Context, api int64) error {
	if p.job.Attempts < 2 {
		return nil
	}
	now, err := p.readSale(ctx, p.job.Tenant, api)
	if err != nil || now.api.Monetization != models.MonetizationOn {
		return err
	}
	for _, r := range now.rows {
		if r.State == models.PushPushing {
			return nil
		}
	}
	for _, r := range now.rows {
		if r.State != models.PushRefused || !now.wanted(r) || !now.newest(r) {
			continue
		}
		r.State, r.Problem = models.PushPushing, ""
		if err := models.SaveMonetizedPlan(ctx, p.DB, &r); err != nil {
			return err
		}
	}
	return nil
}

// newest reports whether r is of its plan's newest price version.
func (s sale) newest(r models.MonetizedPlan) bool {
	for _, v := range s.versions {
		if v.PolicyID == r.PolicyID && v.Number > s.number(r) {
			return false
		}
	}
	return true
}

// take does one step and writes down what came of it.
func (p *salePush) take(ctx context.Context, now sale, st step) error {
	switch st.act {
	case doSaveProduct:
		return p.saveProduct(ctx, now, st)
	case doEnsureMeter:
		return p.ensureMeter(ctx, now, st)
	case doMarkSent:
		r := now.rows[st.row]
		r.StripeProductID = now.product(st.account).ProductID
		return models.SaveMonetizedPlan(ctx, p.DB, &r)
	case doMakePrice:
		return p.makePrice(ctx, now, st)
	case doTurnOn:
		return p.turn(ctx, now.api, models.MonetizationOn, "monetization.on")
	case doRetire:
		return p.setState(ctx, now.rows[st.row], models.PushArchiving)
	case doForget:
		return p.setState(ctx, now.rows[st.row], models.PushArchived)
	case doSeek:
		return p.seek(ctx, now, st)
	case doArchivePrice:
		return p.archivePrice(ctx, now.rows[st.row])
	case doStopMeter:
		return p.stopMeter(ctx, now, st)
	case doArchiveProduct:
		return p.archiveProduct(ctx, now, st)
	case doTurnOff:
		return p.turn(ctx, now.api, models.MonetizationOff, "monetization.off")
	case doNothing, doTidy: // an API is tidied by its products and meters
	}
	return nil
}

func (p *salePush) at(account string) accounts.StripeAccount {
	return accounts.StripeAccount{Tenant: p.job.Tenant, Connected: account}
}

// giveUp writes that Stripe refused a price, and turns off again what was just
// being turned on.
func (p *salePush) giveUp(ctx context.Context, now sale, st step, no *Refused) error {
	r := now.rows[st.row]
	plan := now.plans[r.PolicyID].DisplayName
	r.State, r.Problem = models.PushRefused, no.Message
	if r.StripePlanID == "" {
		r.StripeProductID = "" // nothing is there: what is there is found, not refused
	}
	return models.InTx(ctx, p.DB, func(ctx context.Context, tx bun.Tx) error {
		r := r
		if err := models.SaveMonetizedPlan(ctx, tx, &r); err != nil {
			return err
		}
		if a := now.api; a.Monetization == models.MonetizationEnabling {
			a.Monetization, a.MonetizationProblem = models.MonetizationDisabling, plan+": "+no.Message
			if err := models.SaveAPI(ctx, tx, &a); err != nil {
				return err
			}
		}
		return p.tell(ctx, tx, "monetization.refused", now.api, map[string]string{"plan": plan, "reason": clip(no.Message, 500)})
	})
}

// turn writes that monetization of an API is on or off now.
func (p *salePush) turn(ctx context.Context, a models.API, to, action string) error {
	return models.InTx(ctx, p.DB, func(ctx context.Context, tx bun.Tx) error {
		a := a
		a.Monetization = to
		if err := models.SaveAPI(ctx, tx, &a); err != nil {
			return err
		}
		return p.tell(ctx, tx, action, a, nil)
	})
}

// tell writes into the audit what came of a push.
func (p *salePush) tell(ctx context.Context, tx bun.Tx, action string, a models.API, details map[string]string) error {
	by := accounts.System(a.TenantID, a.Organization)
	what := accounts.Object{Type: "api", ID: a.UUID, Name: a.Name + " " + a.APIVersion}
	return models.InsertAudit(ctx, tx, by.Did(p.Wall.Now(), action, what, details))
}

func (p *salePush) setState(ctx context.Context, r models.MonetizedPlan, state string) error {
	r.State = state
	return models.SaveMonetizedPlan(ctx, p.DB, &r)
}

// saveProduct makes the product of an account or brings it back. Its row is there
// before Stripe is asked, so that a cut-off attempt can be undone.
func (p *salePush) saveProduct(ctx context.Context, now sale, st step) error {
	row := now.product(st.account)
	switch {
	case row == nil:
		return models.InsertStripeProduct(ctx, p.DB, models.StripeProduct{
			APIID: now.api.ID, Account: st.account, TenantID: now.api.TenantID,
			ProductID: p.productID(now.api.UUID, st.account), State: models.PushPushing,
		})
	case row.State != models.PushPushing:
		row.State = models.PushPushing
		return models.SaveStripeProduct(ctx, p.DB, row)
	}
	if err := p.sendProduct(ctx, now, *row); err != nil {
		return err
	}
	row.State = models.PushLive
	return models.SaveStripeProduct(ctx, p.DB, row)
}

func (p *salePush) sendProduct(ctx context.Context, now sale, row models.StripeProduct) error {
	in := Product{
		ID: row.ProductID, Name: now.api.Name + " " + now.api.APIVersion, Description: clip(now.api.Description, 500),
		Metadata: map[string]string{"tollgate_installation": p.Installation, "tollgate_api": now.api.UUID},
	}
	p.saved = true
	return p.Engine.SaveProduct(ctx, p.at(row.Account), stepKey(p.job, "product", row.Version, in), in)
}

// rename tells Stripe the API's name of today.
func (p *salePush) rename(ctx context.Context, now sale) error {
	row := now.product(now.account)
	if p.saved || !now.selling() || row == nil || row.State != models.PushLive {
		return nil
	}
	return final(p.sendProduct(ctx, now, *row))
}

// ensureMeter makes the meter of a plan or brings it back; its row is there first.
func (p *salePush) ensureMeter(ctx context.Context, now sale, st step) error {
	row := now.meter(st.policy, st.account)
	switch {
	case row == nil:
		return models.InsertStripeMeter(ctx, p.DB, models.StripeMeter{
			APIID: now.api.ID, PolicyID: st.policy, Account: st.account, TenantID: now.api.TenantID,
			EventName: p.eventName(now.api.UUID, now.plans[st.policy].UUID), State: models.PushPushing,
		})
	case row.State != models.PushPushing:
		row.State = models.PushPushing
		return models.SaveStripeMeter(ctx, p.DB, row)
	}
	id, err := p.sendMeter(ctx, now, *row)
	if err != nil {
		return err
	}
	row.MeterID, row.State = id, models.PushLive
	return models.SaveStripeMeter(ctx, p.DB, row)
}

func (p *salePush) sendMeter(ctx context.Context, now sale, row models.StripeMeter) (string, error) {
	in := MeterInput{Name: clip(now.api.Name+" "+now.api.APIVersion+", "+now.plans[row.PolicyID].DisplayName, 250), EventName: row.EventName}
	return p.Engine.EnsureMeter(ctx, p.at(row.Account), stepKey(p.job, "meter"+row.EventName, row.Version, in), in)
}

// makePrice makes the price of a row, or brings it back, and puts it on sale. Older
// prices of the plan leave sale in the same instant; whoever pays them keeps them.
func (p *salePush) makePrice(ctx context.Context, now sale, st step) error {
	r := now.rows[st.row]
	id, err := p.sendPrice(ctx, now, r)
	if err != nil {
		return err
	}
	return models.InTx(ctx, p.DB, func(ctx context.Context, tx bun.Tx) error {
		r := r
		r.StripePlanID, r.State, r.Problem = id, models.PushLive, ""
		if m := now.meter(r.PolicyID, r.Account); m != nil && r.Component == componentUsage {
			r.MeterID = m.MeterID
		}
		if err := models.SaveMonetizedPlan(ctx, tx, &r); err != nil {
			return err
		}
		for _, o := range now.rows {
			if o.PolicyID != r.PolicyID || o.Account != r.Account || o.State != models.PushLive || now.number(o) >= now.number(r) {
				continue
			}
			o.State = models.PushArchiving
			if err := models.SaveMonetizedPlan(ctx, tx, &o); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *salePush) sendPrice(ctx context.Context, now sale, r models.MonetizedPlan) (string, error) {
	v, plan := now.versions[r.PriceVersionID], now.plans[r.PolicyID]
	price, err := catalog.PriceOf(v)
	if err != nil {
		return "", err
	}
	in := PriceInput{
		Product: r.StripeProductID, Nickname: plan.DisplayName, Amount: price.Amount, Rate: price.Rate, Cycle: price.Cycle,
		LookupKey: p.lookupKey(now.api.UUID, plan.UUID, v.ID, r.Component, r.Currency, r.Account),
		Metadata: map[string]string{
			"tollgate_installation": p.Installation, "tollgate_api": now.api.UUID,
			"tollgate_plan": plan.UUID, "tollgate_price_version": v.ID,
		},
	}
	if m := now.meter(r.PolicyID, r.Account); m != nil && price.Metered() {
		in.Meter = m.MeterID
	}
	return p.Engine.CreatePrice(ctx, p.at(r.Account), stepKey(p.job, "price"+in.LookupKey, r.Version, in.Nickname), in)
}

// seek finds the price that an attempt may have made whose answer never came.
// Stripe's no means that there is none.
func (p *salePush) seek(ctx context.Context, now sale, st step) error {
	r := now.rows[st.row]
	id, err := p.sendPrice(ctx, now, r)
	if _, no := errors.AsType[*Refused](err); no {
		return p.gone(ctx, r)
	}
	if err != nil {
		return err
	}
	r.StripePlanID = id
	if r.State == models.PushPushing {
		r.State = models.PushArchiving
	}
	return models.SaveMonetizedPlan(ctx, p.DB, &r)
}

// gone writes that a row has nothing on sale. A refused one stays refused, so that
// its reason is seen.
func (p *salePush) gone(ctx context.Context, r models.MonetizedPlan) error {
	if r.State == models.PushRefused {
		r.StripeProductID = ""
	} else {
		r.State = models.PushArchived
	}
	return models.SaveMonetizedPlan(ctx, p.DB, &r)
}

func (p *salePush) archivePrice(ctx context.Context, r models.MonetizedPlan) error {
	key := stepKey(p.job, "off"+r.StripePlanID, r.Version, nil)
	if err := p.Engine.SetPriceActive(ctx, p.at(r.Account), key, r.StripePlanID, false); err != nil {
		return err
	}
	return p.gone(ctx, r)
}

// stopMeter deactivates a meter. One whose making was cut off is found first. The
// row says that the meter is uncertain before Stripe is asked.
func (p *salePush) stopMeter(ctx context.Context, now sale, st step) error {
	row := now.meter(st.policy, st.account)
	if row.State == models.PushLive {
		row.State = models.PushPushing
		return models.SaveStripeMeter(ctx, p.DB, row)
	}
	if row.MeterID == "" {
		id, err := p.sendMeter(ctx, now, *row)
		if _, no := errors.AsType[*Refused](err); err != nil && !no {
			return err
		}
		row.MeterID = id
	}
	if row.MeterID != "" {
		key := stepKey(p.job, "stop"+row.MeterID, row.Version, nil)
		if err := p.Engine.DeactivateMeter(ctx, p.at(row.Account), key, row.MeterID); err != nil {
			return err
		}
	}
	row.State = "inactive"
	return models.SaveStripeMeter(ctx, p.DB, row)
}

// archiveProduct takes a product out of sale; like a meter it is uncertain first.
func (p *salePush) archiveProduct(ctx context.Context, now sale, st step) error {
	row := now.product(st.account)
	if row.State == models.PushLive {
		row.State = models.PushPushing
		return models.SaveStripeProduct(ctx, p.DB, row)
	}
	key := stepKey(p.job, "archive"+row.ProductID, row.Version, nil)
	if err := p.Engine.ArchiveProduct(ctx, p.at(row.Account), key, row.ProductID); err != nil {
		return err
	}
	row.State = models.PushArchived
	return models.SaveStripeProduct(ctx, p.DB, row)
}
