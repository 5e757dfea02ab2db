package proxy

import (
	"context"
	"errors"
	"net/http"
	"time"

	"tollgate/gateway"
)

// readyTime is how long the parts may take to say that they are ready.
const readyTime = 2 * time.Second

var errStopping = errors.New("proxy: the gateway is about to stop")

// ready returns why calls should go elsewhere, nil when they need not.
func (h *Handler) ready(ctx context.Context) error {
	if h.stopping.Load() {
		return errStopping
	}
	if h.opts.Ready == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	return h.opts.Ready(ctx)
}

// health answers /healthz, which has no check, and /readyz.
func (h *Handler) health(w http.ResponseWriter, r *http.Request, check func(context.Context) error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.tellOff(w, r, &gateway.Refusal{Problem: badMethod})
		return
	}
	text := `{"status":"ok"}`
	if check != nil {
		if err := check(r.Context()); err != nil {
			h.opts.Log.WarnContext(r.Context(), "the gateway is not ready", "error", err)
			h.refuse(w, r, &gateway.Refusal{Problem: notReady}, "")
			return
		}
		text = `{"status":"ready"}`
	}
	header := w.Header()
	header["Content-Type"] = []string{"application/json"}
	header["Cache-Control"] = noStore
	header["X-Content-Type-Options"] = noSniff
	h.leaveBody(w, r)
	_, _ = w.Write([]byte(text)) // whoever has gone away reads nothing
}
