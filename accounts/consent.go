package accounts

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/models"
)

// A Consent is what somebody decided about the subscriptions that end with what
// they take away, after those were shown to them. The zero Consent is that nothing
// was shown yet.
type Consent struct {
	Seen   string // names what was shown; billing made it
	How    string // models.EndsNow or models.EndsWithPeriods
	Refund bool   // the last payment of each is given back
	Reason string // what the subscribers read
}

// An Ender ends subscriptions, inside the transaction that takes away what they
// hang on. It returns the ending that shows how far that is, "" when nothing was
// subscribed. It is *Unconfirmed when the subscriptions were not shown, or others
// than those that were shown would end.
type Ender interface {
	// EndApplications ends what applications of the actor's are subscribed to.
	EndApplications(ctx context.Context, tx bun.Tx, who Actor, apps []models.Application, c Consent) (ending string, err error)
	// EndPerson ends what the applications of a person are subscribed to.
	EndPerson(ctx context.Context, tx bun.Tx, who Actor, p models.Person, apps []models.Application, c Consent) (ending string, err error)
}

// Unconfirmed says that subscriptions would end which nobody has agreed to.
type Unconfirmed struct {
	Count   int64 // how many would end
	Changed bool  // some were agreed to, but they are not the ones that would end now
}

// Error returns what a person may read.
func (e *Unconfirmed) Error() string {
	if e.Changed {
		return "The subscriptions changed while you were reading. Nothing is ended yet: look at what is below, then confirm again."
	}
	return "There are subscriptions that would end with it. Look at them, then confirm."
}

// Unwrap makes e a Conflict fault.
func (e *Unconfirmed) Unwrap() error { return fault.New(fault.Conflict, e.Error()) }

// ConsentOf reads a decision as forms send it: how is now, refund (now, and the last
// payment is given back), period-end, or anything else, which is kept as it is.
func ConsentOf(seen, how, reason string) Consent {
	c := Consent{Seen: seen, How: how, Reason: tidy(reason)}
	switch how {
	case "refund":
		c.How, c.Refund = models.EndsNow, true
	case "period-end":
		c.How = models.EndsWithPeriods
	}
	return c
}
