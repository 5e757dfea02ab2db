package sandbox

// An Account is a platform, or a business connected to one. Connected accounts
// are kept with their platform, platforms with themselves.
type Account struct {
	base
	BusinessProfile   businessProfile   `json:"business_profile"`
	BusinessType      *string           `json:"business_type"`
	Capabilities      map[string]string `json:"capabilities"`
	ChargesEnabled    bool              `json:"charges_enabled"`
	Controller        controller        `json:"controller"`
	Country           string            `json:"country"`
	Created           int64             `json:"created"`
	DefaultCurrency   string            `json:"default_currency"`
	DetailsSubmitted  bool              `json:"details_submitted"`
	Email             *string           `json:"email"`
	FutureRequired    requirements      `json:"future_requirements"`
	Metadata          map[string]string `json:"metadata"`
	PayoutsEnabled    bool              `json:"payouts_enabled"`
	Requirements      requirements      `json:"requirements"`
	Settings          accountSettings   `json:"settings"`
	TermsOfAcceptance map[string]*int64 `json:"tos_acceptance"`
	Type              string            `json:"type"`
	Revoked           bool              `json:"_revoked,omitempty"` // its platform has no access any more
}

type businessProfile struct {
	MCC                *string `json:"mcc"`
	Name               *string `json:"name"`
	ProductDescription *string `json:"product_description"`
	SupportAddress     *string `json:"support_address"`
	SupportEmail       *string `json:"support_email"`
	SupportPhone       *string `json:"support_phone"`
	SupportURL         *string `json:"support_url"`
	URL                *string `json:"url"`
}

type controller struct {
	Fees struct {
		Payer string `json:"payer,omitempty"`
	} `json:"fees,omitzero"`
	IsController bool `json:"is_controller,omitempty"`
	Losses       struct {
		Payments string `json:"payments,omitempty"`
	} `json:"losses,omitzero"`
	RequirementCollection string `json:"requirement_collection,omitempty"`
	StripeDashboard       struct {
		Type string `json:"type,omitempty"`
	} `json:"stripe_dashboard,omitzero"`
	Type string `json:"type"`
}

type requirements struct {
	Alternatives        []string `json:"alternatives"`
	CurrentDeadline     *int64   `json:"current_deadline"`
	CurrentlyDue        []string `json:"currently_due"`
	DisabledReason      *string  `json:"disabled_reason"`
	Errors              []string `json:"errors"`
	EventuallyDue       []string `json:"eventually_due"`
	PastDue             []string `json:"past_due"`
	PendingVerification []string `json:"pending_verification"`
}

func noRequirements() requirements {
	return requirements{Alternatives: []string{}, CurrentlyDue: []string{}, Errors: []string{},
		EventuallyDue: []string{}, PastDue: []string{}, PendingVerification: []string{}}
}

type accountSettings struct {
	Branding struct {
		Icon           *string `json:"icon"`
		Logo           *string `json:"logo"`
		PrimaryColor   *string `json:"primary_color"`
		SecondaryColor *string `json:"secondary_color"`
	} `json:"branding"`
	CardPayments struct {
		DeclineOn struct {
			AVSFailure bool `json:"avs_failure"`
			CVCFailure bool `json:"cvc_failure"`
		} `json:"decline_on"`
		DescriptorPrefix      *string `json:"statement_descriptor_prefix"`
		DescriptorPrefixKana  *string `json:"statement_descriptor_prefix_kana"`
		DescriptorPrefixKanji *string `json:"statement_descriptor_prefix_kanji"`
	} `json:"card_payments"`
	Dashboard struct {
		DisplayName *string `json:"display_name"`
		Timezone    string  `json:"timezone"`
	} `json:"dashboard"`
	Payments struct {
		Descriptor      *string `json:"statement_descriptor"`
		DescriptorKana  *string `json:"statement_descriptor_kana"`
		DescriptorKanji *string `json:"statement_descriptor_kanji"`
	} `json:"payments"`
}

func (*Account) kind() string { return "account" }

var accountKinds = map[string]kind{"account": {prefix: "acct_1", random: 15, complete: completeAccount}}

func completeAccount(_ *tx, o tree) error {
	id, _ := o["id"].(string)
	o["external_accounts"] = tree{"object": "list", "data": []any{}, "has_more": false, "url": "/v1/accounts/" + id + "/external_accounts"}
	return nil
}

var accountRoutes = []route{
	{"POST", "/v1/accounts", createAccount},
	{"GET", "/v1/accounts", listAccounts},
	{"GET", "/v1/accounts/{account}", showAccount},
	{"POST", "/v1/accounts/{account}", updateAccount},
	{"DELETE", "/v1/accounts/{account}", deleteAccount},
	{"GET", "/v1/account", showOwnAccount},
}

// onboardingNeeds is what Stripe asks of a new business before it may charge.
var onboardingNeeds = []string{"business_profile.url", "business_type", "external_account", "representative.first_name", "representative.last_name", "tos_acceptance.date"}

// openPlatform makes the account behind a key that is used for the first time.
func (t *tx) openPlatform(h *home, keyHash, hint string) error {
	h.ID = t.s.newID("account")
	h.Platform, h.Version = h.ID, newest
	err := t.exec(`INSERT INTO accounts (id, platform, key_hash, key_hint, version, created) VALUES (?, ?, ?, ?, ?, ?)`,
		h.ID, h.Platform, keyHash, hint, string(h.Version), t.now.UnixMilli())
	if err != nil {
		return err
	}
	a := newAccount(t, "US", "standard")
	a.ID = h.ID
	a.enable()
	a.Controller = controller{Type: "account"}
	return t.as(h.ID).insert(a)
}

func newAccount(t *tx, country, kind string) *Account {
	a := &Account{Country: country, DefaultCurrency: currencyOf(country), Type: kind, Created: t.unix(),
		Capabilities: map[string]string{"card_payments": "inactive", "transfers": "inactive"},
		Metadata:     map[string]string{}, FutureRequired: noRequirements(), Requirements: noRequirements(),
		TermsOfAcceptance: map[string]*int64{"date": nil}}
	reason := "requirements.past_due"
	a.Requirements.CurrentlyDue, a.Requirements.EventuallyDue, a.Requirements.PastDue = onboardingNeeds, onboardingNeeds, onboardingNeeds
	a.Requirements.DisabledReason = &reason
	a.Settings.Dashboard.Timezone = "Etc/UTC"
	a.Controller.Type, a.Controller.IsController = "application", true
	a.control(kind)
	return a
}

// control sets who is responsible for what, as the classic types imply it.
func (a *Account) control(kind string) {
	c := &a.Controller
	c.Fees.Payer, c.Losses.Payments, c.RequirementCollection, c.StripeDashboard.Type = "account", "stripe", "stripe", "full"
	switch kind {
	case "express":
		c.Fees.Payer, c.Losses.Payments, c.StripeDashboard.Type = "application_express", "application", "express"
	case "custom":
		c.Fees.Payer, c.Losses.Payments, c.RequirementCollection, c.StripeDashboard.Type = "application_custom", "application", "application", "none"
	}
}

// enable is what finished onboarding means.
func (a *Account) enable() {
	a.ChargesEnabled, a.PayoutsEnabled, a.DetailsSubmitted = true, true, true
	a.Requirements = noRequirements()
	a.Capabilities = map[string]string{"card_payments": "active", "transfers": "active"}
}

// ownAccount returns the account that t acts on, wherever it is kept: connected
// ones are kept with their platform. It is nil for an account that is gone.
func (t *tx) ownAccount() (*Account, error) {
	h, err := t.home()
	if err != nil {
		return nil, err
	}
	return find[Account](t.as(h.Platform), t.account)
}

// displayName is what people read as the account's name, nil when it has none.
func (a *Account) displayName() *string { return a.Settings.Dashboard.DisplayName }

// currencyOf is what a business in that country is paid in.
func currencyOf(country string) string {
	switch country {
	case "AT", "BE", "CY", "DE", "EE", "ES", "FI", "FR", "GR", "HR", "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PT", "SI", "SK":
		return "eur"
	}
	others := map[string]string{"AU": "aud", "BG": "bgn", "BR": "brl", "CA": "cad", "CH": "chf", "CZ": "czk", "DK": "dkk",
		"GB": "gbp", "HK": "hkd", "HU": "huf", "IN": "inr", "JP": "jpy", "LI": "chf", "MX": "mxn", "MY": "myr", "NO": "nok",
		"NZ": "nzd", "PL": "pln", "RO": "ron", "SE": "sek", "SG": "sgd", "TH": "thb", "AE": "aed"}
	if c, ok := others[country]; ok {
		return c
	}
	return "usd"
}

type profileParams struct {
	MCC                *string `p:"mcc,max=4"`
	Name               *string `p:"name,max=5000"`
	ProductDescription *string `p:"product_description,max=40000"`
	SupportEmail       *string `p:"support_email"`
	SupportPhone       *string `p:"support_phone,max=5000"`
	SupportURL         *string `p:"support_url"`
	URL                *string `p:"url"`
}

type requestedParam struct {
	Requested *bool `p:"requested"`
}

type accountParams struct {
	BusinessProfile *profileParams `p:"business_profile"`
	BusinessType    *string        `p:"business_type,enum=company|government_entity|individual|non_profit"`
	Capabilities    *struct {
		CardPayments *requestedParam `p:"card_payments"`
		Transfers    *requestedParam `p:"transfers"`
	} `p:"capabilities"`
	DefaultCurrency *string       `p:"default_currency,max=3"`
	Email           *string       `p:"email"`
	Metadata        metadataParam `p:"metadata"`
}

type accountCreate struct {
	accountParams
	Type       string `p:"type,enum=standard|express|custom"`
	Country    string `p:"country,max=2"`
	Controller *struct {
		Fees *struct {
			Payer string `p:"payer,enum=account|application"`
		} `p:"fees"`
		Losses *struct {
			Payments string `p:"payments,enum=stripe|application"`
		} `p:"losses"`
		RequirementCollection string `p:"requirement_collection,enum=stripe|application"`
		StripeDashboard       *struct {
			Type string `p:"type,enum=full|express|none"`
		} `p:"stripe_dashboard"`
	} `p:"controller"`
}

func createAccount(r *request) (any, error) {
	in, err := read[accountCreate](r)
	if err != nil {
		return nil, err
	}
	if r.account != r.platform {
		return nil, invalid("", "Only platforms create accounts: leave the Stripe-Account header out.")
	}
	if in.Type != "" && in.Controller != nil {
		return nil, invalid("type", "You may not provide the `type` parameter and `controller` parameters simultaneously. They are mutually exclusive.")
	}
	a := newAccount(r.tx, either(in.Country, "US"), either(in.Type, "standard"))
	if in.Controller != nil {
		a.Type = in.control(a)
	}
	if err := a.apply(in.accountParams); err != nil {
		return nil, err
	}
	if err := r.insert(a); err != nil {
		return nil, err
	}
	err = r.exec(`INSERT INTO accounts (id, platform, version, created) SELECT ?, id, version, ? FROM accounts WHERE id = ?`,
		a.ID, r.now.UnixMilli(), r.platform)
	return a, err
}

// control applies the controller parameters and returns the type they amount to.
func (in accountCreate) control(a *Account) string {
	c, to := in.Controller, &a.Controller
	if c.Fees != nil && c.Fees.Payer != "" {
		to.Fees.Payer = c.Fees.Payer
	}
	if c.Losses != nil && c.Losses.Payments != "" {
		to.Losses.Payments = c.Losses.Payments
	}
	to.RequirementCollection = either(c.RequirementCollection, to.RequirementCollection)
	if c.StripeDashboard != nil {
		to.StripeDashboard.Type = either(c.StripeDashboard.Type, to.StripeDashboard.Type)
	}
	if to.StripeDashboard.Type == "full" && to.RequirementCollection == "stripe" {
		return "standard"
	}
	return "none"
}

func (a *Account) apply(in accountParams) (err error) {
	if p, to := in.BusinessProfile, &a.BusinessProfile; p != nil {
		set(&to.MCC, p.MCC)
		set(&to.Name, p.Name)
		set(&to.ProductDescription, p.ProductDescription)
		set(&to.SupportEmail, p.SupportEmail)
		set(&to.SupportPhone, p.SupportPhone)
		set(&to.SupportURL, p.SupportURL)
		set(&to.URL, p.URL)
	}
	set(&a.BusinessType, in.BusinessType)
	set(&a.Email, in.Email)
	if in.DefaultCurrency != nil {
		a.DefaultCurrency = *in.DefaultCurrency
	}
	a.Settings.Dashboard.DisplayName = a.BusinessProfile.Name
	a.Metadata, err = in.Metadata.apply(a.Metadata)
	return err
}

func listAccounts(r *request) (any, error) {
	in, err := read[struct {
		listParams
		createdParam
	}](r)
	if err != nil {
		return nil, err
	}
	return list[Account](r, in.listParams, append(in.Created.within("created"), compare("id", "<>", r.platform), filter{sql: "json_extract(doc, '$._revoked') IS NOT 1"})...)
}

// accountFromPath returns the account that the URL names, if the caller may see it.
func accountFromPath(r *request) (*Account, error) {
	id := r.path("account")
	a, err := find[Account](r.as(r.platform), id)
	if err != nil {
		return nil, err
	}
	if a == nil || a.Revoked || r.account != r.platform && id != r.account {
		return nil, noAccess("", id)
	}
	return a, nil
}

func showAccount(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	return accountFromPath(r)
}

func showOwnAccount(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	return r.ownAccount()
}

func updateAccount(r *request) (any, error) {
	in, err := read[accountParams](r)
	if err != nil {
		return nil, err
	}
	a, err := accountFromPath(r)
	if err != nil {
		return nil, err
	}
	if err := a.apply(in); err != nil {
		return nil, err
	}
	return a, r.saveAccount(a)
}

// saveAccount keeps a changed account and tells its platform.
func (t *tx) saveAccount(a *Account) error {
	h, err := t.as(a.ID).home()
	if err != nil {
		return err
	}
	if err := t.as(h.Platform).save(a); err != nil {
		return err
	}
	return t.as(a.ID).emit("account.updated", a)
}

func deleteAccount(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	a, err := accountFromPath(r)
	if err != nil {
		return nil, err
	}
	if a.ID == r.platform {
		return nil, invalid("account", "You cannot delete your own platform account.")
	}
	left, err := r.as(r.platform).remove(a)
	if err != nil {
		return nil, err
	}
	return left, r.exec(`UPDATE accounts SET platform = '' WHERE id = ?`, a.ID)
}
