package main

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"sync"

	"tollgate/accounts"
	"tollgate/models"
)

// A keyWatch notices when Stripe stops taking a tenant's key, and when it takes
// it again, so that the admin's pages can say so. It stands between the engine
// and the network: whoever calls Stripe need not think of it.
type keyWatch struct {
	tenants *accounts.Tenants
	log     *slog.Logger

	mu      sync.Mutex
	owner   map[[sha256.Size]byte]models.TenantID
	refused map[models.TenantID]bool
}

func newKeyWatch(tenants *accounts.Tenants, log *slog.Logger) *keyWatch {
	return &keyWatch{tenants: tenants, log: log, owner: map[[sha256.Size]byte]models.TenantID{}, refused: map[models.TenantID]bool{}}
}

// StripeKey is the tenants' own, which remembers whose key it gave out.
func (w *keyWatch) StripeKey(ctx context.Context, tenant models.TenantID) (string, error) {
	key, err := w.tenants.StripeKey(ctx, tenant)
	if err == nil {
		w.mu.Lock()
		w.owner[bearer(key)] = tenant
		w.mu.Unlock()
	}
	return key, err
}

func bearer(key string) [sha256.Size]byte { return sha256.Sum256([]byte("Bearer " + key)) }

// RoundTrip implements http.RoundTripper.
func (w *keyWatch) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		w.note(r.Context(), r.Header.Get("Authorization"), answer.StatusCode == http.StatusUnauthorized)
	}
	return answer, err
}

// note writes down a change, once.
func (w *keyWatch) note(ctx context.Context, authorization string, refused bool) {
	w.mu.Lock()
	tenant, known := w.owner[sha256.Sum256([]byte(authorization))]
	was, told := w.refused[tenant]
	if known {
		w.refused[tenant] = refused
	}
	w.mu.Unlock()
	if !known || told && was == refused {
		return
	}
	problem := ""
	if refused {
		problem = "Stripe does not take this key any more. Enter the one that it shows under Developers, API keys."
	}
	if err := w.tenants.NoteStripe(context.WithoutCancel(ctx), tenant, problem); err != nil {
		w.log.WarnContext(ctx, "whether Stripe takes the key could not be noted", "error", err)
	}
}
