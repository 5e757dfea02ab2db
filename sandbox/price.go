package sandbox

// A Price is what one unit of a product costs, how often. Its amounts never change.
type Price struct {
	base
	Active            bool               `json:"active"`
	BillingScheme     string             `json:"billing_scheme"`
	Created           int64              `json:"created"`
	Currency          string             `json:"currency"`
	CustomUnitAmount  *struct{}          `json:"custom_unit_amount"`
	Livemode          bool               `json:"livemode"`
	LookupKey         *string            `json:"lookup_key"`
	Metadata          map[string]string  `json:"metadata"`
	Nickname          *string            `json:"nickname"`
	Product           string             `json:"product"`
	Recurring         *Recurring         `json:"recurring"`
	TaxBehavior       string             `json:"tax_behavior"`
	TiersMode         *string            `json:"tiers_mode"`
	TransformQuantity *TransformQuantity `json:"transform_quantity"`
	Type              string             `json:"type"`
	UnitAmount        *int64             `json:"unit_amount"`
	UnitAmountDecimal *string            `json:"unit_amount_decimal"` // in minor units, exact
	Tiers             []PriceTier        `json:"_tiers,omitempty"`
}

// Recurring says how often a price is paid, and for what.
type Recurring struct {
	Interval        string  `json:"interval"`
	IntervalCount   int64   `json:"interval_count"`
	Meter           *string `json:"meter"`
	TrialPeriodDays *int64  `json:"trial_period_days"`
	UsageType       string  `json:"usage_type"`
}

// TransformQuantity makes packages of units.
type TransformQuantity struct {
	DivideBy int64  `json:"divide_by" p:"divide_by,required,min=1"`
	Round    string `json:"round" p:"round,required,enum=up|down"`
}

// A PriceTier is one step of a tiered price; UpTo is inclusive, nil for no end.
type PriceTier struct {
	FlatAmount        *int64  `json:"flat_amount"`
	FlatAmountDecimal *string `json:"flat_amount_decimal"`
	UnitAmount        *int64  `json:"unit_amount"`
	UnitAmountDecimal *string `json:"unit_amount_decimal"`
	UpTo              *int64  `json:"up_to"`
}

func (*Price) kind() string { return "price" }

var priceKinds = map[string]kind{"price": {
	prefix: "price_1", random: 23,
	refs: map[string]string{"product": "product"},
	include: map[string]func(*tx, tree) (any, error){
		"tiers": func(t *tx, o tree) (any, error) {
			p, err := find[Price](t, o["id"].(string))
			if err != nil || p == nil || p.Tiers == nil {
				return nil, err
			}
			return p.Tiers, nil
		},
		"currency_options": func(_ *tx, o tree) (any, error) {
			code, _ := o["currency"].(string)
			return tree{code: tree{"custom_unit_amount": nil, "tax_behavior": o["tax_behavior"],
				"unit_amount": o["unit_amount"], "unit_amount_decimal": o["unit_amount_decimal"]}}, nil
		},
	},
}}

var priceRoutes = []route{
	{"POST", "/v1/prices", createPrice},
	{"GET", "/v1/prices", listPrices},
	{"GET", "/v1/prices/search", search[Price]("active", "currency", "lookup_key", "product", "type")},
	{"GET", "/v1/prices/{price}", show[Price]("price")},
	{"POST", "/v1/prices/{price}", updatePrice},
}

type amountParams struct {
	UnitAmount        *int64   `p:"unit_amount"`
	UnitAmountDecimal *decimal `p:"unit_amount_decimal"`
}

type recurringParams struct {
	Interval      string  `p:"interval,required,enum=day|week|month|year"`
	IntervalCount *int64  `p:"interval_count,min=1"`
	Meter         *string `p:"meter"`
	UsageType     string  `p:"usage_type,enum=licensed|metered"`
}

type tierParams struct {
	FlatAmount        *int64   `p:"flat_amount"`
	FlatAmountDecimal *decimal `p:"flat_amount_decimal"`
	amountParams
	UpTo string `p:"up_to,required"`
}

type priceCreate struct {
	amountParams
	Active        *bool              `p:"active"`
	BillingScheme string             `p:"billing_scheme,enum=per_unit|tiered"`
	Currency      string             `p:"currency,required"`
	LookupKey     *string            `p:"lookup_key,max=200"`
	Metadata      metadataParam      `p:"metadata"`
	Nickname      *string            `p:"nickname,max=5000"`
	Product       string             `p:"product"`
	ProductData   *productInPrice    `p:"product_data"`
	Recurring     *recurringParams   `p:"recurring"`
	TaxBehavior   string             `p:"tax_behavior,enum=exclusive|inclusive|unspecified"`
	Tiers         []tierParams       `p:"tiers"`
	TiersMode     string             `p:"tiers_mode,enum=graduated|volume"`
	Transfer      bool               `p:"transfer_lookup_key"`
	Transform     *TransformQuantity `p:"transform_quantity"`
}

type productInPrice struct {
	Active              *bool         `p:"active"`
	ID                  string        `p:"id,max=5000"`
	Metadata            metadataParam `p:"metadata"`
	Name                string        `p:"name,required,max=5000"`
	StatementDescriptor *string       `p:"statement_descriptor,max=22"`
	TaxCode             *string       `p:"tax_code"`
	UnitLabel           *string       `p:"unit_label,max=12"`
}

func createPrice(r *request) (any, error) {
	in, err := read[priceCreate](r)
	if err != nil {
		return nil, err
	}
	return r.newPrice(in)
}

// newPrice makes a price, and its product when that comes along, and tells of both.
func (t *tx) newPrice(in priceCreate) (*Price, error) {
	currency, err := currencyParam(in.Currency, "currency")
	if err != nil {
		return nil, err
	}
	p := &Price{Active: in.Active == nil || *in.Active, BillingScheme: either(in.BillingScheme, "per_unit"),
		Created: t.unix(), Currency: currency.Code(), TaxBehavior: either(in.TaxBehavior, "unspecified"), Type: "one_time"}
	set(&p.Nickname, in.Nickname)
	if p.Metadata, err = in.Metadata.apply(nil); err != nil {
		return nil, err
	}
	if err := t.recur(p, in.Recurring); err != nil {
		return nil, err
	}
	if err := p.cost(in, currency); err != nil {
		return nil, err
	}
	if err := t.ofProduct(p, in); err != nil {
		return nil, err
	}
	if err := t.claimLookupKey(p, in.LookupKey, in.Transfer); err != nil {
		return nil, err
	}
	if err := t.insert(p); err != nil {
		return nil, err
	}
	return p, t.emit("price.created", p)
}

// longest is how many intervals make Stripe's limit of three years.
var longest = map[string]int64{"day": 1095, "week": 156, "month": 36, "year": 3}

func (t *tx) recur(p *Price, in *recurringParams) error {
	if in == nil {
		return nil
	}
	p.Type = "recurring"
	p.Recurring = &Recurring{Interval: in.Interval, IntervalCount: 1, UsageType: either(in.UsageType, "licensed")}
	if in.IntervalCount != nil {
		p.Recurring.IntervalCount = *in.IntervalCount
	}
	if p.Recurring.IntervalCount > longest[in.Interval] {
		return invalid("recurring[interval_count]", "Invalid interval_count: the billing interval must be at most three years, which is %d for interval %s.", longest[in.Interval], in.Interval)
	}
	return t.measure(p.Recurring, in.Meter)
}

// measure ties a metered price to its meter.
func (t *tx) measure(r *Recurring, meter *string) error {
	switch {
	case r.UsageType == "licensed" && meter != nil:
		return invalid("recurring[meter]", "A meter can only be set on a price with recurring[usage_type]=metered.")
	case r.UsageType == "licensed":
		return nil
	case meter == nil:
		return invalidCode("parameter_missing", "recurring[meter]", "Metered prices must be backed by a meter. Missing required param: recurring[meter].")
	}
	m, err := get[Meter](t, *meter, "recurring[meter]")
	if err != nil {
		return err
	}
	if m.Status != "active" {
		return invalid("recurring[meter]", "The meter `%s` is inactive and cannot be attached to a price.", m.ID)
	}
	r.Meter = &m.ID
	return nil
}

// ofProduct finds the product of a new price, or makes it.
func (t *tx) ofProduct(p *Price, in priceCreate) error {
	switch {
	case in.Product != "" && in.ProductData != nil:
		return invalid("product_data", "You may only specify one of these parameters: product, product_data.")
	case in.Product != "":
		product, err := get[Product](t, in.Product, "product")
		if err == nil {
			p.Product = product.ID
		}
		return err
	case in.ProductData == nil:
		return invalidCode("parameter_missing", "product", "You must specify either `product` or `product_data` when creating a price.")
	}
	d := in.ProductData
	product, err := t.newProduct(d.ID, d.Name, productParams{Active: d.Active, Metadata: d.Metadata,
		StatementDescriptor: d.StatementDescriptor, TaxCode: d.TaxCode, UnitLabel: d.UnitLabel})
	if err == nil {
		p.Product = product.ID
	}
	return err
}

// claimLookupKey gives p a key that no other active price has, or takes it from that one.
func (t *tx) claimLookupKey(p *Price, key *string, transfer bool) error {
	if key == nil || *key == "" {
		set(&p.LookupKey, key)
		return nil
	}
	holder, err := first[Price](t, eq("lookup_key", *key))
	if err != nil {
		return err
	}
	if holder != nil && holder.ID != p.ID {
		if !transfer {
			return invalid("lookup_key", "A price (`%s`) already uses that lookup key.", holder.ID)
		}
		holder.LookupKey = nil
		if err := t.save(holder); err != nil {
			return err
		}
		if err := t.emit("price.updated", holder); err != nil {
			return err
		}
	}
	p.LookupKey = key
	return nil
}

func listPrices(r *request) (any, error) {
	in, err := read[struct {
		listParams
		createdParam
		Active     *bool    `p:"active"`
		Currency   string   `p:"currency"`
		LookupKeys []string `p:"lookup_keys"`
		Product    string   `p:"product"`
		Type       string   `p:"type,enum=one_time|recurring"`
		Recurring  *struct {
			Interval  string `p:"interval,enum=day|week|month|year"`
			Meter     string `p:"meter"`
			UsageType string `p:"usage_type,enum=licensed|metered"`
		} `p:"recurring"`
	}](r)
	if err != nil {
		return nil, err
	}
	filters := in.Created.within("created")
	if in.Active != nil {
		filters = append(filters, eq("active", *in.Active))
	}
	if in.LookupKeys != nil {
		filters = append(filters, among("lookup_key", in.LookupKeys...))
	}
	wanted := map[string]string{"currency": in.Currency, "product": in.Product, "type": in.Type}
	if in.Recurring != nil {
		wanted["recurring.interval"], wanted["recurring.meter"], wanted["recurring.usage_type"] = in.Recurring.Interval, in.Recurring.Meter, in.Recurring.UsageType
	}
	return list[Price](r, in.listParams, append(filters, where(wanted)...)...)
}

// activatePrice puts a price on sale, or takes it off.
func (t *tx) activatePrice(id string, active bool) error {
	p, err := get[Price](t, id, "price")
	if err != nil {
		return err
	}
	p.Active = active
	if err := t.save(p); err != nil {
		return err
	}
	return t.emit("price.updated", p)
}

func updatePrice(r *request) (any, error) {
	in, err := read[struct {
		Active      *bool         `p:"active"`
		LookupKey   *string       `p:"lookup_key,max=200"`
		Metadata    metadataParam `p:"metadata"`
		Nickname    *string       `p:"nickname,max=5000"`
		TaxBehavior string        `p:"tax_behavior,enum=exclusive|inclusive|unspecified"`
		Transfer    bool          `p:"transfer_lookup_key"`
	}](r)
	if err != nil {
		return nil, err
	}
	p, err := fromPath[Price](r, "price")
	if err != nil {
		return nil, err
	}
	if in.Active != nil {
		p.Active = *in.Active
	}
	set(&p.Nickname, in.Nickname)
	if p.Metadata, err = in.Metadata.apply(p.Metadata); err != nil {
		return nil, err
	}
	if in.TaxBehavior != "" && in.TaxBehavior != p.TaxBehavior && p.TaxBehavior != "unspecified" {
		return nil, invalid("tax_behavior", "Once specified as either inclusive or exclusive, the tax behavior of a price cannot be changed.")
	}
	p.TaxBehavior = either(in.TaxBehavior, p.TaxBehavior)
	if in.LookupKey != nil {
		if err := r.claimLookupKey(p, in.LookupKey, in.Transfer); err != nil {
			return nil, err
		}
	}
	if err := r.save(p); err != nil {
		return nil, err
	}
	return p, r.emit("price.updated", p)
}
