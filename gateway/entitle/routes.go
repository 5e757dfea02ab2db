package entitle

import (
	"context"
	"fmt"
	"net/url"
	"sync"

	"tollgate/gateway"
	"tollgate/internal/fault"
	"tollgate/models"
)

// A table is where the calls of one tenant go.
type table struct {
	tenant int64
	routes map[string]*route // by context and version
	parts  int               // at most, of a key
}

// A route is a published API, or an API product: its calls go on to the member whose
// context follows, and count as the product's.
type route struct {
	api      int64
	link     string // of its page on the portal
	upstream *gateway.Upstream
	counting *gateway.Counting

	product bool
	members map[string]*gateway.Upstream // by context; see members
	parts   int
}

// loadTable reads the routes of a domain's tenant.
func (g *Gate) loadTable(ctx context.Context, domain string) (*table, []dep, bool, error) {
	tenant, err := models.TenantByDomain(ctx, g.o.DB, domain)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil, false, nil
	}
	if err != nil || tenant.State == models.StateDisabled {
		return nil, nil, false, err
	}
	t := &table{tenant: int64(tenant.ID), routes: map[string]*route{}}
	deps := []dep{{models.ChangedTenant, idOf(t.tenant)}, {routesOf, idOf(t.tenant)}}
	apis, err := models.RoutedAPIs(ctx, g.o.DB, tenant.ID)
	if err != nil {
		return nil, nil, false, err
	}
	var products bool
	byID := map[int64]*route{}
	for i := range apis {
		r, err := g.routeTo(&apis[i])
		if err != nil {
			g.complain("an API cannot be routed to", err, "api", apis[i].ID)
			continue
		}
		key := apis[i].Context + "/" + apis[i].APIVersion
		t.routes[key], byID[apis[i].ID] = r, r
		t.parts = max(t.parts, gateway.Parts(key))
		products = products || r.product
	}
	if products {
		err = g.addMembers(ctx, tenant.ID, byID)
	}
	return t, deps, true, err
}

func (g *Gate) routeTo(a *models.RoutedAPI) (*route, error) {
	r := &route{api: a.ID, link: "/devportal/apis/" + a.UUID, product: a.Type == models.TypeProduct}
	var err error
	switch a.Counting {
	case models.CountAll:
		r.counting = gateway.CountAll(a.UnitsHeader)
	case models.CountListed:
		r.counting, err = gateway.CountListed(a.CountingStatuses, a.UnitsHeader)
	default:
		r.counting = gateway.CountSuccess(a.UnitsHeader)
	}
	if err != nil {
		return nil, err
	}
	if r.product {
		r.members = map[string]*gateway.Upstream{}
		return r, nil
	}
	r.upstream, err = g.upstreams.of(a)
	return r, err
}

// addMembers adds the members of products. One is called by its context; where
// several have the same, as two versions of one API have, the first is called by it,
// and the others by context and version.
func (g *Gate) addMembers(ctx context.Context, tenant models.TenantID, routes map[int64]*route) error {
	members, err := models.RoutedMembers(ctx, g.o.DB, tenant)
	if err != nil {
		return err
	}
	for i := range members {
		m := &members[i]
		r := routes[m.ProductID]
		if r == nil || !r.product {
			continue
		}
		u, err := g.upstreams.of(m)
		if err != nil {
			g.complain("a member of an API product cannot be routed to", err, "api", m.ID)
			continue
		}
		key := m.Context
		if r.members[key] != nil {
			key += "/" + m.APIVersion
		}
		r.members[key] = u
		r.parts = max(r.parts, gateway.Parts(key))
	}
	return nil
}

// follow returns where a path below r's own leads.
func (r *route) follow(rest string) (*gateway.Upstream, string, bool) {
	if !r.product {
		return r.upstream, rest, true
	}
	return gateway.Longest(r.members, r.parts, rest)
}

// mostUpstreams is how many upstreams are known by one pointer.
const mostUpstreams = 100_000

// upstreams gives each upstream the same pointer as long as it stays as it is, so
// that others can remember it by that.
type upstreams struct {
	mu    sync.Mutex
	known map[upstreamKey]*gateway.Upstream
}

type upstreamKey struct {
	api      int64
	url      string
	upgrades bool
}

func (us *upstreams) of(a *models.RoutedAPI) (*gateway.Upstream, error) {
	us.mu.Lock()
	defer us.mu.Unlock()
	key := upstreamKey{a.ID, a.Upstream, a.Upgrades}
	if u := us.known[key]; u != nil {
		return u, nil
	}
	to, err := url.Parse(a.Upstream)
	if err != nil || to.Scheme == "" {
		return nil, fmt.Errorf("entitle: upstream %q is no URL", a.Upstream)
	}
	if us.known == nil || len(us.known) >= mostUpstreams {
		us.known = map[upstreamKey]*gateway.Upstream{}
	}
	u := &gateway.Upstream{API: a.ID, URL: to, Upgrades: a.Upgrades}
	us.known[key] = u
	return u, nil
}
