package sandbox

import (
	"time"
)

// A PortalConfiguration is how an account's Customer Portal looks and what it allows.
type PortalConfiguration struct {
	base
	Active           bool              `json:"active"`
	Application      *string           `json:"application"`
	BusinessProfile  portalProfile     `json:"business_profile"`
	Created          int64             `json:"created"`
	DefaultReturnURL *string           `json:"default_return_url"`
	Features         portalFeatures    `json:"features"`
	IsDefault        bool              `json:"is_default"`
	Livemode         bool              `json:"livemode"`
	LoginPage        portalLogin       `json:"login_page"`
	Metadata         map[string]string `json:"metadata"`
	Name             *string           `json:"name"`
	Updated          int64             `json:"updated"`
}

type portalProfile struct {
	Headline       *string `json:"headline"`
	PrivacyPolicy  *string `json:"privacy_policy_url"`
	TermsOfService *string `json:"terms_of_service_url"`
}

type portalLogin struct {
	Enabled bool    `json:"enabled"`
	URL     *string `json:"url"`
}

type portalFeatures struct {
	CustomerUpdate struct {
		AllowedUpdates []string `json:"allowed_updates"`
		Enabled        bool     `json:"enabled"`
	} `json:"customer_update"`
	InvoiceHistory      portalSwitch       `json:"invoice_history"`
	PaymentMethodUpdate portalMethodSwitch `json:"payment_method_update"`
	SubscriptionCancel  portalCancel       `json:"subscription_cancel"`
	SubscriptionUpdate  portalUpdate       `json:"subscription_update"`
}

type portalSwitch struct {
	Enabled bool `json:"enabled"`
}

type portalMethodSwitch struct {
	Enabled       bool    `json:"enabled"`
	Configuration *string `json:"payment_method_configuration"`
}

type portalCancel struct {
	CancellationReason struct {
		Enabled bool     `json:"enabled"`
		Options []string `json:"options"`
	} `json:"cancellation_reason"`
	Enabled           bool   `json:"enabled"`
	Mode              string `json:"mode"`
	ProrationBehavior string `json:"proration_behavior"`
}

type portalUpdate struct {
	BillingCycleAnchor    *string    `json:"billing_cycle_anchor"`
	DefaultAllowedUpdates []string   `json:"default_allowed_updates"`
	Enabled               bool       `json:"enabled"`
	Products              []struct{} `json:"products,omitempty"`
	ProrationBehavior     string     `json:"proration_behavior"`
	Schedule              struct {
		Conditions []struct{} `json:"conditions"`
	} `json:"schedule_at_period_end"`
	TrialUpdateBehavior string `json:"trial_update_behavior"`
}

// A PortalSession is one visit to the Customer Portal.
type PortalSession struct {
	base
	Configuration string  `json:"configuration"`
	Created       int64   `json:"created"`
	Customer      string  `json:"customer"`
	Flow          tree    `json:"flow"`
	Livemode      bool    `json:"livemode"`
	Locale        *string `json:"locale"`
	OnBehalfOf    *string `json:"on_behalf_of"`
	ReturnURL     *string `json:"return_url"`
	URL           string  `json:"url"`
	Token         string  `json:"_token"`
}

func (*PortalConfiguration) kind() string { return "billing_portal.configuration" }
func (*PortalSession) kind() string       { return "billing_portal.session" }

// portalLife is how long a visit may last, in business time.
const portalLife = time.Hour

var portalKinds = map[string]kind{
	"billing_portal.configuration": {prefix: "bpc_1", random: 23, shape: shapePortalConfiguration},
	"billing_portal.session":       {prefix: "bps_1", random: 23, refs: map[string]string{"configuration": "billing_portal.configuration"}},
}

func shapePortalConfiguration(o tree, at version) {
	if at.before(clover) {
		delete(o, "name")
	}
	features, _ := o["features"].(tree)
	if update, ok := features["subscription_update"].(tree); ok && at.before("2025-11-17.clover") {
		delete(update, "trial_update_behavior")
		delete(update, "billing_cycle_anchor")
	}
	if methods, ok := features["payment_method_update"].(tree); ok && at.before("2025-11-17.clover") {
		delete(methods, "payment_method_configuration")
	}
}

var portalRoutes = []route{
	{"POST", "/v1/billing_portal/configurations", createPortalConfiguration},
	{"GET", "/v1/billing_portal/configurations", listPortalConfigurations},
	{"GET", "/v1/billing_portal/configurations/{configuration}", show[PortalConfiguration]("configuration")},
	{"POST", "/v1/billing_portal/configurations/{configuration}", updatePortalConfiguration},
	{"POST", "/v1/billing_portal/sessions", createPortalSession},
}

type portalParams struct {
	Active          *bool   `p:"active"`
	ReturnURL       *string `p:"default_return_url"`
	Name            *string `p:"name,max=200"`
	BusinessProfile *struct {
		Headline *string `p:"headline,max=60"`
		Privacy  *string `p:"privacy_policy_url"`
		Terms    *string `p:"terms_of_service_url"`
	} `p:"business_profile"`
	Features *struct {
		CustomerUpdate *struct {
			Allowed []string `p:"allowed_updates"`
			Enabled *bool    `p:"enabled"`
		} `p:"customer_update"`
		InvoiceHistory *struct {
			Enabled bool `p:"enabled"`
		} `p:"invoice_history"`
		MethodUpdate *struct {
			Enabled bool `p:"enabled"`
		} `p:"payment_method_update"`
		Cancel *struct {
			Enabled bool   `p:"enabled"`
			Mode    string `p:"mode,enum=at_period_end|immediately"`
			Prorate string `p:"proration_behavior,enum=always_invoice|create_prorations|none"`
			Reason  *struct {
				Enabled bool     `p:"enabled"`
				Options []string `p:"options"`
			} `p:"cancellation_reason"`
		} `p:"subscription_cancel"`
		Update *struct {
			Enabled bool     `p:"enabled"`
			Allowed []string `p:"default_allowed_updates"`
			Prorate string   `p:"proration_behavior,enum=always_invoice|create_prorations|none"`
		} `p:"subscription_update"`
	} `p:"features"`
	Metadata metadataParam `p:"metadata"`
}

func createPortalConfiguration(r *request) (any, error) {
	in, err := read[portalParams](r)
	if err != nil {
		return nil, err
	}
	if in.Features == nil {
		return nil, missingParam("features")
	}
	c := &PortalConfiguration{Active: true, Created: r.unix()}
	c.Features.CustomerUpdate.AllowedUpdates = []string{}
	c.Features.SubscriptionCancel.Mode, c.Features.SubscriptionCancel.ProrationBehavior = "at_period_end", "none"
	c.Features.SubscriptionCancel.CancellationReason.Options = []string{}
	c.Features.SubscriptionUpdate.DefaultAllowedUpdates, c.Features.SubscriptionUpdate.ProrationBehavior = []string{}, "none"
	c.Features.SubscriptionUpdate.Schedule.Conditions = []struct{}{}
	c.Features.SubscriptionUpdate.TrialUpdateBehavior = "end_trial"
	if err := c.apply(in, r.unix()); err != nil {
		return nil, err
	}
	other, err := first[PortalConfiguration](r.tx)
	if err != nil {
		return nil, err
	}
	c.IsDefault = other == nil
	if err := r.insert(c); err != nil {
		return nil, err
	}
	return c, r.emit("billing_portal.configuration.created", c)
}

// apply changes c as the parameters say.
func (c *PortalConfiguration) apply(in portalParams, now int64) (err error) {
	c.Updated = now
	if in.Active != nil {
		c.Active = *in.Active
	}
	set(&c.DefaultReturnURL, in.ReturnURL)
	set(&c.Name, in.Name)
	if p := in.BusinessProfile; p != nil {
		set(&c.BusinessProfile.Headline, p.Headline)
		set(&c.BusinessProfile.PrivacyPolicy, p.Privacy)
		set(&c.BusinessProfile.TermsOfService, p.Terms)
	}
	if c.Metadata, err = in.Metadata.apply(c.Metadata); err != nil || in.Features == nil {
		return err
	}
	if u := in.Features.CustomerUpdate; u != nil {
		if u.Enabled != nil {
			c.Features.CustomerUpdate.Enabled = *u.Enabled
		}
		if u.Allowed != nil {
			c.Features.CustomerUpdate.AllowedUpdates = u.Allowed
		}
	}
	if h := in.Features.InvoiceHistory; h != nil {
		c.Features.InvoiceHistory.Enabled = h.Enabled
	}
	if m := in.Features.MethodUpdate; m != nil {
		c.Features.PaymentMethodUpdate.Enabled = m.Enabled
	}
	if u := in.Features.Update; u != nil {
		if u.Enabled {
			return invalid("features[subscription_update][enabled]", "This sandbox does not simulate plan switching in the Customer Portal.")
		}
		c.Features.SubscriptionUpdate.Enabled = false
	}
	return c.applyCancel(in)
}

func (c *PortalConfiguration) applyCancel(in portalParams) error {
	end := in.Features.Cancel
	if end == nil {
		return nil
	}
	to := &c.Features.SubscriptionCancel
	to.Enabled, to.Mode, to.ProrationBehavior = end.Enabled, either(end.Mode, to.Mode), either(end.Prorate, to.ProrationBehavior)
	if end.Reason != nil {
		to.CancellationReason.Enabled = end.Reason.Enabled
		if end.Reason.Options != nil {
			to.CancellationReason.Options = end.Reason.Options
		}
	}
	return nil
}

func listPortalConfigurations(r *request) (any, error) {
	in, err := read[struct {
		listParams
		Active    *bool `p:"active"`
		IsDefault *bool `p:"is_default"`
	}](r)
	if err != nil {
		return nil, err
	}
	var filters []filter
	if in.Active != nil {
		filters = append(filters, eq("active", *in.Active))
	}
	if in.IsDefault != nil {
		filters = append(filters, eq("is_default", *in.IsDefault))
	}
	return list[PortalConfiguration](r, in.listParams, filters...)
}

func updatePortalConfiguration(r *request) (any, error) {
	in, err := read[portalParams](r)
	if err != nil {
		return nil, err
	}
	c, err := fromPath[PortalConfiguration](r, "configuration")
	if err != nil {
		return nil, err
	}
	if err := c.apply(in, r.unix()); err != nil {
		return nil, err
	}
	if err := r.save(c); err != nil {
		return nil, err
	}
	return c, r.emit("billing_portal.configuration.updated", c)
}

func createPortalSession(r *request) (any, error) {
	in, err := read[struct {
		Customer      string  `p:"customer,required"`
		Configuration string  `p:"configuration"`
		ReturnURL     *string `p:"return_url"`
		Locale        *string `p:"locale"`
	}](r)
	if err != nil {
		return nil, err
	}
	if _, err := get[Customer](r.tx, in.Customer, "customer"); err != nil {
		return nil, err
	}
	if in.ReturnURL != nil && !isWebURL(*in.ReturnURL) {
		return nil, invalidCode("url_invalid", "return_url", "Not a valid URL")
	}
	c, err := r.portalConfiguration(in.Configuration)
	if err != nil {
		return nil, err
	}
	s := &PortalSession{Configuration: c.ID, Created: r.unix(), Customer: in.Customer, Locale: in.Locale, ReturnURL: in.ReturnURL, Token: r.s.random(40)}
	if s.ReturnURL == nil {
		s.ReturnURL = c.DefaultReturnURL
	}
	s.URL = r.s.url("/p/session/" + s.Token)
	if err := r.insert(s); err != nil {
		return nil, err
	}
	return s, r.emit("billing_portal.session.created", s)
}

// portalConfiguration is the one that is named, else the account's default.
func (t *tx) portalConfiguration(id string) (*PortalConfiguration, error) {
	if id != "" {
		c, err := get[PortalConfiguration](t, id, "configuration")
		if err == nil && !c.Active {
			err = invalid("configuration", "The configuration %s is not active.", id)
		}
		return c, err
	}
	c, err := first[PortalConfiguration](t, eq("is_default", true))
	if err == nil && c == nil {
		err = invalid("", "No configuration provided and your test mode default configuration has not been created. Provide a configuration or create your default by saving your customer portal settings in test mode at https://dashboard.stripe.com/test/settings/billing/portal.")
	}
	return c, err
}
