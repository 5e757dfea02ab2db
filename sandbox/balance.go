package sandbox

// A BalanceTransaction is one change of what a customer owes or is owed.
type BalanceTransaction struct {
	base
	Amount          int64             `json:"amount"` // minor units; negative gives credit
	CheckoutSession *string           `json:"checkout_session"`
	Created         int64             `json:"created"`
	CreditNote      *string           `json:"credit_note"`
	Currency        string            `json:"currency"`
	Customer        string            `json:"customer"`
	Description     *string           `json:"description"`
	EndingBalance   int64             `json:"ending_balance"`
	Invoice         *string           `json:"invoice"`
	Livemode        bool              `json:"livemode"`
	Metadata        map[string]string `json:"metadata"`
	Type            string            `json:"type"`
}

func (*BalanceTransaction) kind() string { return "customer_balance_transaction" }

var balanceKinds = map[string]kind{"customer_balance_transaction": {prefix: "cbtxn_1", random: 23,
	refs: map[string]string{"customer": "customer", "invoice": "invoice"}}}

var balanceRoutes = []route{
	{"POST", "/v1/customers/{customer}/balance_transactions", createBalanceTransaction},
	{"GET", "/v1/customers/{customer}/balance_transactions", listBalanceTransactions},
	{"GET", "/v1/customers/{customer}/balance_transactions/{transaction}", show[BalanceTransaction]("transaction")},
}

func createBalanceTransaction(r *request) (any, error) {
	in, err := read[struct {
		Amount      int64         `p:"amount,required"`
		Currency    string        `p:"currency,required"`
		Description *string       `p:"description,max=350"`
		Metadata    metadataParam `p:"metadata"`
	}](r)
	if err != nil {
		return nil, err
	}
	c, err := fromPath[Customer](r, "customer")
	if err != nil {
		return nil, err
	}
	currency, err := currencyParam(in.Currency, "currency")
	if err != nil {
		return nil, err
	}
	if c.Currency != nil && *c.Currency != currency.Code() {
		return nil, invalid("currency", "The customer's currency is %s; its balance cannot be changed in %s.", *c.Currency, currency.Code())
	}
	code := currency.Code()
	c.Currency = &code
	metadata, err := in.Metadata.apply(nil)
	if err != nil {
		return nil, err
	}
	return r.adjustBalance(c, BalanceTransaction{Amount: in.Amount, Description: in.Description, Metadata: metadata, Type: "adjustment"})
}

// adjustBalance changes what c owes by change.Amount, in c's currency, and
// keeps a record of it. It fails when c has no currency yet.
func (t *tx) adjustBalance(c *Customer, change BalanceTransaction) (*BalanceTransaction, error) {
	if c.Currency == nil {
		return nil, invalid("currency", "The customer has no currency yet.")
	}
	c.Balance += change.Amount
	change.Created, change.Currency, change.Customer, change.EndingBalance = t.unix(), *c.Currency, c.ID, c.Balance
	if change.Metadata == nil {
		change.Metadata = map[string]string{}
	}
	if err := t.insert(&change); err != nil {
		return nil, err
	}
	return &change, t.saveCustomer(c)
}

func listBalanceTransactions(r *request) (any, error) {
	in, err := read[struct {
		listParams
		createdParam
		Invoice string `p:"invoice"`
	}](r)
	if err != nil {
		return nil, err
	}
	c, err := fromPath[Customer](r, "customer")
	if err != nil {
		return nil, err
	}
	filters := append(in.Created.within("created"), where(map[string]string{"customer": c.ID, "invoice": in.Invoice})...)
	return list[BalanceTransaction](r, in.listParams, filters...)
}
