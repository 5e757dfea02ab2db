package sandbox

// A Product is what is sold, at any price.
type Product struct {
	base
	Active              bool               `json:"active"`
	Created             int64              `json:"created"`
	DefaultPrice        *string            `json:"default_price"`
	Description         *string            `json:"description"`
	Images              []string           `json:"images"`
	Livemode            bool               `json:"livemode"`
	MarketingFeatures   []marketingFeature `json:"marketing_features"`
	Metadata            map[string]string  `json:"metadata"`
	Name                string             `json:"name"`
	PackageDimensions   *struct{}          `json:"package_dimensions"`
	Shippable           *bool              `json:"shippable"`
	StatementDescriptor *string            `json:"statement_descriptor"`
	TaxCode             *string            `json:"tax_code"`
	Type                string             `json:"type"`
	UnitLabel           *string            `json:"unit_label"`
	Updated             int64              `json:"updated"`
	URL                 *string            `json:"url"`
}

type marketingFeature struct {
	Name string `json:"name" p:"name,required,max=5000"`
}

func (*Product) kind() string { return "product" }

var productKinds = map[string]kind{"product": {prefix: "prod_", random: 14, refs: map[string]string{"default_price": "price"}}}

var productRoutes = []route{
	{"POST", "/v1/products", createProduct},
	{"GET", "/v1/products", listProducts},
	{"GET", "/v1/products/search", search[Product]("active", "description", "name", "shippable", "url")},
	{"GET", "/v1/products/{id}", show[Product]("id")},
	{"POST", "/v1/products/{id}", updateProduct},
	{"DELETE", "/v1/products/{id}", deleteProduct},
}

// productParams are what creating and updating a product have in common.
type productParams struct {
	Active              *bool               `p:"active"`
	Description         *string             `p:"description,max=40000"`
	Images              *[]string           `p:"images"`
	MarketingFeatures   *[]marketingFeature `p:"marketing_features"`
	Metadata            metadataParam       `p:"metadata"`
	Shippable           *bool               `p:"shippable"`
	StatementDescriptor *string             `p:"statement_descriptor,max=22"`
	TaxCode             *string             `p:"tax_code"`
	UnitLabel           *string             `p:"unit_label,max=12"`
	URL                 *string             `p:"url,max=5000"`
}

func (p *Product) apply(in productParams) (err error) {
	set(&p.Description, in.Description)
	set(&p.StatementDescriptor, in.StatementDescriptor)
	set(&p.TaxCode, in.TaxCode)
	set(&p.UnitLabel, in.UnitLabel)
	set(&p.URL, in.URL)
	if in.Active != nil {
		p.Active = *in.Active
	}
	if in.Shippable != nil {
		p.Shippable = in.Shippable
	}
	if in.Images != nil {
		p.Images = *in.Images
	}
	if in.MarketingFeatures != nil {
		p.MarketingFeatures = *in.MarketingFeatures
	}
	p.Metadata, err = in.Metadata.apply(p.Metadata)
	return err
}

type productCreate struct {
	productParams
	ID           string `p:"id,max=5000"`
	Name         string `p:"name,required,max=5000"`
	Type         string `p:"type,enum=good|service"`
	DefaultPrice *struct {
		Currency string `p:"currency,required"`
		amountParams
		Recurring   *recurringParams `p:"recurring"`
		TaxBehavior string           `p:"tax_behavior,enum=exclusive|inclusive|unspecified"`
		Metadata    metadataParam    `p:"metadata"`
	} `p:"default_price_data"`
}

func createProduct(r *request) (any, error) {
	in, err := read[productCreate](r)
	if err != nil {
		return nil, err
	}
	p, err := r.newProduct(in.ID, in.Name, in.productParams)
	if err != nil || in.DefaultPrice == nil {
		return p, err
	}
	d := in.DefaultPrice
	price, err := r.newPrice(priceCreate{Currency: d.Currency, Product: p.ID, amountParams: d.amountParams,
		Recurring: d.Recurring, TaxBehavior: d.TaxBehavior, Metadata: d.Metadata})
	if err != nil {
		return nil, err
	}
	p.DefaultPrice = &price.ID
	if err := r.save(p); err != nil {
		return nil, err
	}
	return p, r.emit("product.updated", p)
}

// newProduct makes a product and tells of it.
func (t *tx) newProduct(id, name string, in productParams) (*Product, error) {
	p := &Product{Active: true, Created: t.unix(), Updated: t.unix(), Images: []string{},
		MarketingFeatures: []marketingFeature{}, Name: name, Type: "service"}
	p.ID = id
	if err := p.apply(in); err != nil {
		return nil, err
	}
	if err := t.insert(p); err != nil {
		return nil, err
	}
	return p, t.emit("product.created", p)
}

func listProducts(r *request) (any, error) {
	in, err := read[struct {
		listParams
		createdParam
		Active    *bool    `p:"active"`
		IDs       []string `p:"ids"`
		Shippable *bool    `p:"shippable"`
		URL       string   `p:"url"`
	}](r)
	if err != nil {
		return nil, err
	}
	filters := in.Created.within("created")
	if in.Active != nil {
		filters = append(filters, eq("active", *in.Active))
	}
	if in.Shippable != nil {
		filters = append(filters, eq("shippable", *in.Shippable))
	}
	if in.URL != "" {
		filters = append(filters, eq("url", in.URL))
	}
	if in.IDs != nil {
		filters = append(filters, among("id", in.IDs...))
	}
	return list[Product](r, in.listParams, filters...)
}

// editProduct changes a product by hand.
func (t *tx) editProduct(id string, change func(*Product)) error {
	p, err := get[Product](t, id, "product")
	if err != nil {
		return err
	}
	change(p)
	p.Updated = t.unix()
	if err := t.save(p); err != nil {
		return err
	}
	return t.emit("product.updated", p)
}

func updateProduct(r *request) (any, error) {
	in, err := read[struct {
		productParams
		Name         *string `p:"name,max=5000"`
		DefaultPrice *string `p:"default_price"`
	}](r)
	if err != nil {
		return nil, err
	}
	p, err := fromPath[Product](r, "id")
	if err != nil {
		return nil, err
	}
	if in.Name != nil {
		if p.Name = *in.Name; p.Name == "" {
			return nil, emptyParam("name")
		}
	}
	if err := p.apply(in.productParams); err != nil {
		return nil, err
	}
	if err := r.setDefaultPrice(p, in.DefaultPrice); err != nil {
		return nil, err
	}
	p.Updated = r.unix()
	if err := r.save(p); err != nil {
		return nil, err
	}
	return p, r.emit("product.updated", p)
}

func (t *tx) setDefaultPrice(p *Product, id *string) error {
	if id != nil && *id != "" {
		price, err := get[Price](t, *id, "default_price")
		if err != nil {
			return err
		}
		if price.Product != p.ID {
			return invalid("default_price", "The price `%s` does not belong to the product `%s`.", price.ID, p.ID)
		}
	}
	set(&p.DefaultPrice, id)
	return nil
}

func deleteProduct(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	p, err := fromPath[Product](r, "id")
	if err != nil {
		return nil, err
	}
	price, err := first[Price](r.tx, eq("product", p.ID))
	if err != nil {
		return nil, err
	}
	if price != nil {
		return nil, invalid("id", "This product cannot be deleted because it has one or more user-created prices.")
	}
	left, err := r.remove(p)
	if err != nil {
		return nil, err
	}
	return left, r.emit("product.deleted", p)
}
