package usage

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/models"
)

// silentAfter is how long a gateway says nothing before it is taken for gone: it
// gives a sign of life every few seconds.
const silentAfter = 15 * time.Second

// shownFor is how long a gateway that is gone is listed.
const shownFor = 24 * time.Hour

// A Fleet tells how the gateways of an installation are.
type Fleet struct {
	DB   *bun.DB
	Wall clock.Wall
}

// A Member is a process that writes to the ledger. Its times are wall time.
type Member struct {
	models.Gateway
	State  string // one of the Member constants
	Behind int64  // changes of access that it has not heard of
}

// How a member is.
const (
	MemberWorks   = "works"
	MemberTrouble = "trouble" // it works, and has a problem
	MemberSilent  = "silent"  // it has stopped without a word, or cannot reach the database
	MemberStopped = "stopped"
)

// A FleetView is the gateways as somebody may see them.
type FleetView struct {
	Members []Member
	Working int  // gateways that serve calls
	Numbers bool // whether the members' addresses and numbers are told
}

// View returns who has written to the ledger within a day. Gateways serve every
// tenant of an installation, so their addresses and their numbers, which are of all
// tenants together, are told to who runs the default tenant alone.
func (f Fleet) View(ctx context.Context, who accounts.Actor) (FleetView, error) {
	if !who.Runs() {
		return FleetView{}, fault.New(fault.NotFound, "Not found.")
	}
	now := f.Wall.Now()
	rows, err := models.GatewaysSeenSince(ctx, f.DB, models.At(now.Add(-shownFor)))
	if err != nil {
		return FleetView{}, err
	}
	last, err := models.LastAccessChange(ctx, f.DB)
	v := FleetView{Numbers: who.Tenant == models.SuperTenant}
	for _, g := range rows {
		m := Member{Gateway: g, State: MemberWorks}
		if g.Kind == "gateway" {
			m.Behind = max(last-g.CaughtUp, 0)
		}
		switch {
		case !g.StoppedAt.IsZero():
			m.State = MemberStopped
		case now.Sub(g.SeenAt.Time()) > silentAfter:
			m.State = MemberSilent
		case g.Problem != "":
			m.State = MemberTrouble
		}
		if g.Kind == "gateway" && (m.State == MemberWorks || m.State == MemberTrouble) {
			v.Working++
		}
		if !v.Numbers {
			m.Address, m.Name, m.Problem = "", "", ""
			m.Served, m.Refused, m.Failed, m.InFlight = 0, 0, 0, 0
		}
		v.Members = append(v.Members, m)
	}
	return v, err
}
