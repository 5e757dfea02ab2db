package stripe

import (
	"context"
	"errors"

	"github.com/stripe/stripe-go/v82"

	"tollgate/accounts"
	"tollgate/billing"
)

// SaveProduct makes the product with in.ID, or makes the one that is there
// equal to in. Metadata that others put on it stays.
func (e *Engine) SaveProduct(ctx context.Context, at accounts.StripeAccount, key string, in billing.Product) error {
	c, err := e.writing(ctx, at, key, in.ID)
	if err != nil {
		return err
	}
	p := &stripe.ProductCreateParams{
		ID: &in.ID, Name: &in.Name, Description: optional(in.Description), Metadata: in.Metadata, Active: stripe.Bool(true),
	}
	c.mark(&p.Params, "")
	made, err := c.V1Products.Create(ctx, p)
	err = answered("create product", made.ID, err)
	no, refused := errors.AsType[*billing.Refused](err)
	if refused && no.Code == string(stripe.ErrorCodeResourceAlreadyExists) {
		return c.updateProduct(ctx, in)
	}
	return err
}

func (c conn) updateProduct(ctx context.Context, in billing.Product) error {
	p := &stripe.ProductUpdateParams{
		Name: &in.Name, Description: &in.Description, Metadata: in.Metadata, Active: stripe.Bool(true),
	}
	c.mark(&p.Params, ".update")
	made, err := c.V1Products.Update(ctx, in.ID, p)
	return answered("update product", made.ID, err)
}

// ArchiveProduct takes a product out of sale. One that is gone counts as archived.
func (e *Engine) ArchiveProduct(ctx context.Context, at accounts.StripeAccount, key, id string) error {
	c, err := e.writing(ctx, at, key, id)
	if err != nil {
		return err
	}
	p := &stripe.ProductUpdateParams{Active: stripe.Bool(false)}
	c.mark(&p.Params, "")
	made, err := c.V1Products.Update(ctx, id, p)
	if err = answered("archive product", made.ID, err); gone(err) {
		return nil
	}
	return err
}

// CreateCustomer makes a customer and returns its id.
func (e *Engine) CreateCustomer(ctx context.Context, at accounts.StripeAccount, key string, in billing.CustomerInput) (string, error) {
	c, err := e.writing(ctx, at, key)
	if err != nil {
		return "", err
	}
	p := &stripe.CustomerCreateParams{Name: optional(in.Name), Email: optional(in.Email), Metadata: in.Metadata}
	c.mark(&p.Params, "")
	made, err := c.V1Customers.Create(ctx, p)
	return made.ID, answered("create customer", made.ID, err)
}
