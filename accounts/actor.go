package accounts

import (
	"slices"
	"time"

	"tollgate/models"
)

// A Role is what a person may do. One person may have several.
type Role string

// The roles.
const (
	Admin      Role = "admin"      // runs the tenant
	Publisher  Role = "publisher"  // sells APIs
	Subscriber Role = "subscriber" // buys them
)

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool { return r == Admin || r == Publisher || r == Subscriber }

// An Actor is who is acting now: a person, or this program itself. The zero
// Actor is nobody. The tenant of everything an actor does comes from here,
// never from a form or a URL.
type Actor struct {
	Tenant    models.TenantID
	Domain    string // the tenant's domain
	Person    string // person id; "system" for this program, "" for a visitor
	Username  string
	Name      string
	Email     string
	Roles     []Role
	RequestID string // of the HTTP request, for the audit
}

// system is the Person of work that no person asked for.
const system = "system"

// System returns this program, acting for a tenant.
func System(t models.TenantID, domain string) Actor {
	return Actor{Tenant: t, Domain: domain, Person: system, Username: system, Name: "Tollgate"}
}

// SignedIn reports whether a is a person.
func (a Actor) SignedIn() bool { return a.Person != "" && a.Person != system }

// Is reports whether a has the role r.
func (a Actor) Is(r Role) bool { return slices.Contains(a.Roles, r) }

// Runs reports whether a may run the tenant: an admin of it, or this program.
func (a Actor) Runs() bool { return a.Person == system || a.Is(Admin) }

// Did returns the audit row of something a does, at wall time now. Whoever makes
// the change writes the row in the same transaction. details must hold no secret.
func (a Actor) Did(now time.Time, action string, what Object, details map[string]string) models.Audit {
	return models.Audit{
		TenantID: a.Tenant, At: models.At(now), Actor: a.Person, ActorName: a.Name, Action: action,
		ObjectType: what.Type, ObjectID: what.ID, ObjectName: what.Name, Details: details, RequestID: a.RequestID,
	}
}

// An Object is what an audit row is about.
type Object struct{ Type, ID, Name string }
