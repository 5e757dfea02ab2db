package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"time"
)

// A Webhook is one event for one endpoint, ready to be sent by whoever has it.
type Webhook struct {
	Event    string // its id: evt_…
	Type     string // such as "invoice.paid"
	Account  string // whose event it is
	Endpoint string // we_…
	URL      string // where it goes
	Body     []byte // the exact bytes that are signed
	secrets  []string
}

// Signature is the Stripe-Signature header for w, made at that wall time. The
// receiver compares the time with the clock on its wall.
func (w Webhook) Signature(at time.Time) string { return sign(w.Body, at, w.secrets...) }

// Request is w as the sandbox itself would send it at that wall time.
func (w Webhook) Request(ctx context.Context, at time.Time) (*http.Request, error) {
	return webhookRequest(ctx, w.URL, w.Body, w.Signature(at))
}

// A WebhookQuery says which webhooks somebody wants to have.
type WebhookQuery struct {
	Account  string // only the events of this account; "" for all
	Endpoint string // only those for this endpoint; "" for all
	After    string // only events after this one; "" for all
	// Version is the API version of the bodies; "" for that of each endpoint.
	Version string
}

// Webhooks returns what endpoints were or will be sent, oldest event first,
// whatever became of it, and sends nothing: the caller may deliver them in any
// order, as often as it likes, or not at all. Nothing is written down about
// that. Endpoints that are disabled or gone have none. With
// Options.HoldWebhooks these are the only deliveries there are.
func (s *Server) Webhooks(ctx context.Context, q WebhookQuery) (found []Webhook, err error) {
	var at version
	if q.Version != "" {
		if at, err = parseVersion(q.Version); err != nil {
			return nil, err
		}
	}
	err = s.read(ctx, "", func(t *tx) error {
		parcels, err := t.parcels(q)
		if err != nil {
			return err
		}
		for _, p := range parcels {
			p.version = at
			if err := t.pack(&p); err != nil {
				return err
			}
			if p.url != "" {
				found = append(found, Webhook{p.event, p.eventType, p.account, p.endpoint, p.url, p.body, p.secrets})
			}
		}
		return nil
	})
	return found, err
}

// errNoEvent is what a query after an unknown event gets.
var errNoEvent = errors.New("sandbox: there is no such event to look after")

// parcels are the deliveries that q asks for, not packed yet.
func (t *tx) parcels(q WebhookQuery) ([]parcel, error) {
	var after int64
	if q.After != "" {
		found, err := t.scan(`SELECT seq FROM objects WHERE type IN ('event', 'v2.core.event') AND id = ?`, []any{q.After}, &after)
		if err != nil || !found {
			return nil, orElse(err, errNoEvent)
		}
	}
	return rows(t, func(row *sql.Rows, p *parcel) error {
		return row.Scan(&p.account, &p.event, &p.endpointAccount, &p.endpoint)
	}, `SELECT d.account, d.event, d.endpoint_account, d.endpoint FROM deliveries d
		JOIN objects o ON o.account = d.account AND o.type IN ('event', 'v2.core.event') AND o.id = d.event
		WHERE o.seq > ? AND (? = '' OR d.account = ?) AND (? = '' OR d.endpoint = ?) ORDER BY o.seq, d.id`,
		after, q.Account, q.Account, q.Endpoint, q.Endpoint)
}
