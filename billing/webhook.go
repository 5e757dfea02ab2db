package billing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// MaxDelivery is how large a webhook delivery may be, in bytes.
const MaxDelivery = 256 << 10

// HookSecrets tells a tenant's webhook signing secrets by the endpoint they
// belong to; package accounts keeps them.
type HookSecrets interface {
	HookSecrets(ctx context.Context, tenant models.TenantID) (map[accounts.Scope][]string, error)
}

// Inbox takes what Stripe sends. It only checks, stores and promises; the work is
// done later, from what Stripe itself says then.
type Inbox struct {
	DB      *bun.DB
	Engine  Engine
	Jobs    *outbox.Runner
	Secrets HookSecrets
	Wall    clock.Wall
	Live    bool // whether this installation is in live mode

	// Heard is called when a delivery proved to be Stripe's, before it is kept: where
	// business time is not wall time, it is looked up then. Nil does nothing.
	Heard func(context.Context) error
}

// delivery is the little of an event that we read. Any API version has it.
type delivery struct {
	ID         string `json:"id"`
	Object     string `json:"object"`
	Type       string `json:"type"`
	Account    string `json:"account"`
	APIVersion string `json:"api_version"`
	Livemode   bool   `json:"livemode"`
	Created    int64  `json:"created"`
	Data       struct {
		Object struct {
			ID     string `json:"id"`
			Object string `json:"object"`
		} `json:"object"`
	} `json:"data"`
}

// What is said about deliveries. The words to strangers are WSO2's.
var (
	errBadSignature = fault.New(fault.Unauthenticated, "Invalid signature")
	errBadJSON      = fault.New(fault.Malformed, "Invalid JSON payload")
	errNoSecret     = fault.New(fault.Unavailable, "Webhook secret not configured")
)

// Receive stores one delivery for the tenant of domain ("" means carbon.super) and
// promises to act on it. signature is the header Stripe-Signature. A duplicate
// changes nothing. What is not for us is stored as ignored, and is no error,
// because Stripe would send it again for days.
func (b *Inbox) Receive(ctx context.Context, domain string, body []byte, signature string) error {
	if len(body) > MaxDelivery {
		return fault.New(fault.Malformed, "The delivery is too large.")
	}
	if domain == "" {
		domain = models.SuperDomain
	}
	tenant, err := models.TenantByDomain(ctx, b.DB, domain)
	if fault.KindOf(err) == fault.NotFound {
		return errBadSignature // nobody has a secret for it
	}
	if err != nil {
		return err
	}
	scopes, err := b.verify(ctx, tenant.ID, body, signature)
	if err != nil {
		return err
	}
	if b.Heard != nil {
		if err := b.Heard(ctx); err != nil {
			return fault.From(fault.Unavailable, err, "The time is not known.")
		}
	}
	d, err := read(body)
	if err != nil {
		return err
	}
	ignored, err := b.ignored(ctx, tenant.ID, d, scopes)
	if err != nil {
		return err
	}
	return b.store(ctx, tenant.ID, d, body, ignored)
}

// verify returns which of the tenant's endpoints signed body.
func (b *Inbox) verify(ctx context.Context, tenant models.TenantID, body []byte, signature string) ([]accounts.Scope, error) {
	secrets, err := b.Secrets.HookSecrets(ctx, tenant)
	if err != nil {
		return nil, err
	}
	usable := 0
	var scopes []accounts.Scope
	for scope, have := range secrets {
		have = slices.DeleteFunc(slices.Clone(have), func(s string) bool { return !hookSecret.MatchString(s) })
		usable += len(have)
		if len(have) > 0 && b.Engine.Verify(body, signature, have, b.Wall.Now()) == nil {
			scopes = append(scopes, scope)
		}
	}
	switch {
	case usable == 0:
		return nil, errNoSecret
	case len(scopes) == 0:
		return nil, errBadSignature
	}
	return scopes, nil
}

// hookSecret is what a signing secret looks like. A shorter one, or none, would
// let anybody sign.
var hookSecret = regexp.MustCompile(`^whsec_[A-Za-z0-9+/=_-]{24,}$`)

// eventID is what an id of Stripe's looks like; longer ones do not fit our tables.
var eventID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

// read reads the envelope of a delivery that was signed properly.
func read(body []byte) (delivery, error) {
	var d delivery
	if err := json.Unmarshal(body, &d); err != nil {
		return d, errBadJSON
	}
	fits := len(d.Type) <= 80 && len(d.APIVersion) <= 40 && len(d.Data.Object.ID) <= 255 && len(d.Data.Object.Object) <= 60 && len(d.Account) <= 255
	if !eventID.MatchString(d.ID) || d.Type == "" || !fits {
		return d, errBadJSON
	}
	return d, nil
}

// ignored says why nothing is to be done about a delivery, or "" when something is.
func (b *Inbox) ignored(ctx context.Context, tenant models.TenantID, d delivery, scopes []accounts.Scope) (string, error) {
	switch {
	case d.Object != "event":
		return "Not an event that carries its object.", nil
	case d.Livemode != b.Live:
		return "Of the other mode: this installation does not take " + map[bool]string{true: "live", false: "test"}[d.Livemode] + " events.", nil
	case d.Account == "" && !slices.Contains(scopes, accounts.ScopePlatform):
		return "Signed for connected accounts, but of the platform account.", nil
	case d.Account != "" && !slices.Contains(scopes, accounts.ScopeConnect):
		return "Signed for the platform account, but of a connected account.", nil
	}
	if d.Account != "" {
		if ours, err := models.OwnsAccount(ctx, b.DB, tenant, d.Account); err != nil || !ours {
			return "Of an account that is not linked here.", err
		}
	}
	if !concerns(d.Type) || d.Data.Object.ID == "" && !ofApplication(d.Type) {
		return "Events of this type change nothing here.", nil
	}
	return "", nil
}

// families are the beginnings of the types that say that something of ours may have
// changed; single types are whole ones.
var (
	families = []string{"checkout.session.", "customer.subscription.", "invoice.", "subscription_schedule.", "refund.", "charge.dispute.", "product.", "price."}
	singles  = []string{"account.updated", appAuthorized, appDeauthorized, "customer.deleted", "customer.updated", "charge.refunded", "charge.refund.updated"}
)

// These say that an account's owner gave us access, or took it away. Their object is
// the platform's application, so the account is what to look at.
const (
	appAuthorized   = "account.application.authorized"
	appDeauthorized = "account.application.deauthorized"
)

// ofApplication reports whether events of a type are about our access to an account.
func ofApplication(kind string) bool { return kind == appAuthorized || kind == appDeauthorized }

// concerns reports whether events of a type say that something of ours may have changed.
func concerns(kind string) bool {
	if kind == "invoice.upcoming" { // of an invoice that does not exist yet
		return false
	}
	return slices.Contains(singles, kind) || slices.ContainsFunc(families, func(family string) bool { return strings.HasPrefix(kind, family) })
}

// store keeps the event, once, and stages the work it asks for.
func (b *Inbox) store(ctx context.Context, tenant models.TenantID, d delivery, body []byte, ignored string) error {
	now, sum := models.At(b.Wall.Now()), sha256.Sum256(body)
	e := models.StripeEvent{
		TenantID: tenant, ID: d.ID, Account: d.Account, Type: d.Type, ObjectType: d.Data.Object.Object, ObjectID: d.Data.Object.ID,
		APIVersion: d.APIVersion, Livemode: d.Livemode, BodySHA256: hex.EncodeToString(sum[:]), Source: "webhook",
		State: models.EventWaiting, CreatedAt: models.At(time.Unix(d.Created, 0)), ReceivedAt: now,
	}
	if ignored != "" {
		e.State, e.Outcome, e.ProcessedAt = models.EventIgnored, ignored, now
	}
	err := models.InTx(ctx, b.DB, func(ctx context.Context, tx bun.Tx) error {
		isNew, err := models.InsertStripeEvent(ctx, tx, e)
		if err != nil || !isNew || ignored != "" {
			return err
		}
		return b.stage(ctx, tx, e)
	})
	if err == nil && ignored == "" {
		b.Jobs.Wake()
	}
	return err
}

// stage promises the work that an event asks for.
func (b *Inbox) stage(ctx context.Context, tx bun.Tx, e models.StripeEvent) error {
	job, err := outbox.Stage(ctx, tx, e.TenantID, b.Wall.Now(), askedBy(e))
	if err != nil {
		return err
	}
	return models.AwaitStripeEvent(ctx, tx, e.TenantID, e.ID, job)
}

// Events lists the events that the actor's tenant has received, newest first. Only
// its admins may see them.
func (b *Inbox) Events(ctx context.Context, who accounts.Actor, f models.StripeEventFilter, limit int) ([]models.StripeEvent, error) {
	if !who.Runs() {
		return nil, fault.New(fault.Forbidden, "Only an admin can see this.")
	}
	return models.StripeEventPage(ctx, b.DB, who.Tenant, f, pageSize(limit))
}

// Event returns one event that the actor's tenant has received.
func (b *Inbox) Event(ctx context.Context, who accounts.Actor, id string) (models.StripeEvent, error) {
	if !who.Runs() {
		return models.StripeEvent{}, fault.New(fault.Forbidden, "Only an admin can see this.")
	}
	return models.StripeEventByID(ctx, b.DB, who.Tenant, id)
}

// ProcessAgain does once more what an event asks for, and waits a little for it.
// What was ignored stays so: the reason still holds.
func (b *Inbox) ProcessAgain(ctx context.Context, who accounts.Actor, id string, patience time.Duration) error {
	e, err := b.Event(ctx, who, id)
	if err != nil {
		return err
	}
	if e.State == models.EventIgnored && !concerns(e.Type) || e.ObjectID == "" && !ofApplication(e.Type) || e.Livemode != b.Live {
		return fault.New(fault.Conflict, "This event asks for nothing. "+e.Outcome)
	}
	if e.Account != "" {
		if ours, err := models.OwnsAccount(ctx, b.DB, who.Tenant, e.Account); err != nil {
			return err
		} else if !ours {
			return fault.New(fault.Conflict, "This event is of an account that is not linked here.")
		}
	}
	err = models.InTx(ctx, b.DB, func(ctx context.Context, tx bun.Tx) error {
		if err := b.stage(ctx, tx, e); err != nil {
			return err
		}
		what := accounts.Object{Type: "event", ID: e.ID, Name: e.Type}
		return models.InsertAudit(ctx, tx, who.Did(b.Wall.Now(), "event.process_again", what, nil))
	})
	if err != nil {
		return err
	}
	return b.awaitEvent(ctx, who, id, patience)
}

// awaitEvent waits until the work of an event is over. It reports only how that failed.
func (b *Inbox) awaitEvent(ctx context.Context, who accounts.Actor, id string, patience time.Duration) error {
	for until := b.Wall.Now().Add(patience); ; {
		e, err := models.StripeEventByID(ctx, b.DB, who.Tenant, id)
		switch {
		case err != nil:
			return err
		case e.State == models.EventFailed:
			return fault.New(fault.Conflict, e.Outcome)
		case e.State != models.EventWaiting || !b.Wall.Now().Before(until):
			return nil
		}
		if err := b.Jobs.Wait(ctx, e.JobID, until.Sub(b.Wall.Now())); errors.Is(err, outbox.ErrPending) {
			return nil
		}
	}
}
