package proxy

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"tollgate/gateway"
	"tollgate/internal/fault"
	"tollgate/usage"
)

// credentialHeader is where a tenant's own gateway says who it is.
const credentialHeader = "X-Gateway-Credential"

// A question is what a tenant's own gateway asks: may this call pass?
type question struct {
	target string // of the call, escaped, with what follows ?
	nginx  bool   // only 200, 401 and 403 are understood
}

// authorize answers /gateway/authorize. The call is described in headers: by nginx
// in X-Original-URI, by Traefik in X-Forwarded-Uri. Both at once may mean that a
// client put one of them in, to be judged by another path than it calls; unless the
// query says nginx, which replaces its own.
func (h *Handler) authorize(w http.ResponseWriter, r *http.Request, query string) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost && r.Method != http.MethodHead {
		h.tellOff(w, r, &gateway.Refusal{Problem: badMethod})
		return
	}
	q := question{nginx: query == "nginx"}
	original, forwarded := r.Header["X-Original-Uri"], r.Header["X-Forwarded-Uri"]
	switch {
	case len(original) == 1 && (q.nginx || len(forwarded) == 0):
		q.target = original[0]
	case len(forwarded) == 1 && len(original) == 0 && !q.nginx:
		q.target = forwarded[0]
	default:
		h.answerNo(w, r, q, &gateway.Refusal{Problem: badRequest, Detail: "Say which call you ask about in one header: X-Original-URI or X-Forwarded-Uri."})
		return
	}
	h.judge(w, r, q)
}

// authorizePrefixed answers for Envoy, which puts the call's path behind ours and
// keeps its method.
func (h *Handler) authorizePrefixed(w http.ResponseWriter, r *http.Request) {
	h.judge(w, r, question{target: strings.TrimPrefix(r.RequestURI, "/gateway/authorize")})
}

// judge asks the gate on behalf of the tenant whose credential came along. The pass
// is given back at once: what such a call comes to is told later, by events.
func (h *Handler) judge(w http.ResponseWriter, r *http.Request, q question) {
	tenant, _, err := h.opts.Credentials.Authenticate(r.Context(), r.Header.Get(credentialHeader))
	if err != nil {
		h.unauthenticated(w, r, q, err)
		return
	}
	raw, _, _ := strings.Cut(q.target, "?")
	path, err := gateway.CleanPath(raw)
	if err != nil {
		h.answerNo(w, r, q, &gateway.Refusal{Problem: badRequest, Detail: fault.Message(err)})
		return
	}
	prefix, err := h.opts.TenantPath(r.Context(), tenant)
	if err != nil {
		h.unauthenticated(w, r, q, err)
		return
	}
	if prefix != "" && !strings.HasPrefix(path, prefix+"/") {
		path = prefix + path
	}
	key, _, ok := h.keyOf(r.Header)
	if !ok {
		h.answerNo(w, r, q, &gateway.Refusal{Problem: badRequest, Detail: oneKey})
		return
	}
	pass, refusal := h.opts.Gate.Admit(r.Context(), gateway.Ask{Path: path, Key: key, Tenant: int64(tenant)})
	if refusal != nil {
		h.answerNo(w, r, q, refusal)
		return
	}
	h.opts.Gate.Settle(pass, 0)
	h.answerYes(w, r, pass)
}

func (h *Handler) unauthenticated(w http.ResponseWriter, r *http.Request, q question, err error) {
	if fault.KindOf(err) == fault.Unauthenticated {
		h.answerNo(w, r, q, &gateway.Refusal{Problem: noSuchCredential, Detail: fault.Message(err)})
		return
	}
	h.opts.Log.ErrorContext(r.Context(), "a gateway credential cannot be looked up", "error", err)
	h.answerNo(w, r, q, &gateway.Refusal{Problem: notReady, RetryAfter: retryInGrace})
}

// answerYes says that a call may pass, whose it is, and what to call it in an event.
func (h *Handler) answerYes(w http.ResponseWriter, r *http.Request, pass *gateway.Pass) {
	h.stats.authorized.Add(1)
	header := w.Header()
	header["X-Subscription"] = []string{pass.UUID}
	header["X-Call-Id"] = []string{usage.NewCallID(h.opts.Wall.Now()).String()}
	header["Cache-Control"] = noStore
	gateway.WriteLimits(header, pass.Limits)
	h.leaveBody(w, r)
	w.WriteHeader(http.StatusOK)
}

// answerNo says that a call may not pass, and why. Nginx understands 401 and 403
// only: for it the status and the problem are in headers as well.
func (h *Handler) answerNo(w http.ResponseWriter, r *http.Request, q question, why *gateway.Refusal) {
	h.countRefusal(why)
	if !q.nginx {
		h.refuse(w, r, why, "")
		return
	}
	header := w.Header()
	text, _ := json.Marshal(h.document(why, "")) // strings and numbers can always be written
	header["X-Problem"] = []string{string(text)}
	header["X-Problem-Status"] = []string{strconv.Itoa(why.Status)}
	why.WriteHeader(header)
	header["Cache-Control"] = noStore
	h.leaveBody(w, r)
	status := http.StatusForbidden
	if why.Status == http.StatusUnauthorized {
		status = why.Status
	}
	w.WriteHeader(status)
}
