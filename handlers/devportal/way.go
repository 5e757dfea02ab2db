package devportal

import (
	"context"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/models"
	page "tollgate/views/page/devportal"
)

// A Way is how applications call APIs.
type Way struct {
	Gateway string // how they reach the gateway; "" when that is not known
	Catalog Goods
}

// Goods is what is on show.
type Goods interface {
	Show(ctx context.Context, viewer accounts.Actor, uuid string) (catalog.Listed, error)
}

// keyHeader is the header that a call brings its key in.
const keyHeader = "apikey"

// callPath is where an API is called at the gateway.
func callPath(who accounts.Actor, a models.API) string {
	path := "/" + a.Context + "/" + a.APIVersion
	if who.Domain != models.SuperDomain {
		path = "/t/" + who.Domain + path
	}
	return path
}

// pathOf is where the API of a subscription is called at the gateway.
func pathOf(who accounts.Actor, o billing.Overview) string {
	return callPath(who, models.API{Context: o.APIContext, APIVersion: o.APIVersion})
}

// command is a call as a command. What stands in it is escaped or ours.
func command(address, key string) string {
	return "curl -i \\\n  -H '" + keyHeader + ": " + key + "' \\\n  '" + address + "/'"
}

// example is an address to try o out with. An API product is called by the paths of
// its APIs.
func (w Way) example(ctx context.Context, who accounts.Actor, o billing.Overview) (string, error) {
	address := w.Gateway + pathOf(who, o)
	if o.APIType != models.TypeProduct {
		return address, nil
	}
	l, err := w.Catalog.Show(ctx, who, o.APIUUID)
	if fault.KindOf(err) == fault.NotFound {
		return address, nil // it is not on show any more
	}
	for _, path := range l.Paths {
		if path != "" {
			return address + "/" + path, err
		}
	}
	return address, err
}

// examplesShown is how many APIs a new key is tried out on.
const examplesShown = 3

// examples are calls that can be made with a key, one for each API that serves it.
func (w Way) examples(ctx context.Context, who accounts.Actor, mine []billing.Overview, key string) ([]page.Example, error) {
	var out []page.Example
	for _, o := range mine {
		if !o.State.ServesSome() || len(out) >= examplesShown || w.Gateway == "" {
			continue
		}
		address, err := w.example(ctx, who, o)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Example{Name: titled(o.Title(), o.APIVersion) + ", " + o.PolicyName, Text: command(address, key)})
	}
	return out, nil
}
