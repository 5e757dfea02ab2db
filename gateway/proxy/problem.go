package proxy

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"tollgate/access"
	"tollgate/gateway"
)

// Problems of the gateway itself. Those of subscriptions are in package access,
// those of keys, paths and limits come from the gate.
var (
	badRequest       = access.Problem{Status: 400, Type: "bad-request", Title: "The request cannot be read."}
	otherHost        = access.Problem{Status: 421, Type: "misdirected-request", Title: "The request is for another host."}
	badMethod        = access.Problem{Status: 405, Type: "method-not-allowed", Title: "This method is not passed on."}
	nothingHere      = access.Problem{Status: 404, Type: "not-found", Title: "There is nothing at this path."}
	clientSlow       = access.Problem{Status: 408, Type: "request-timeout", Title: "The request did not arrive in time."}
	tooLarge         = access.Problem{Status: 413, Type: "body-too-large", Title: "The request's body is too large."}
	noConnection     = access.Problem{Status: 502, Type: "upstream-unreachable", Title: "The API cannot be reached."}
	badAnswer        = access.Problem{Status: 502, Type: "upstream-failed", Title: "The API gave no proper answer."}
	upstreamBusy     = access.Problem{Status: 503, Type: "upstream-busy", Title: "The API has too much to do."}
	upstreamSlow     = access.Problem{Status: 504, Type: "upstream-timeout", Title: "The API did not answer in time."}
	goesRound        = access.Problem{Status: 508, Type: "loop", Title: "The call came through this gateway too often."}
	notRecorded      = access.Problem{Status: 503, Type: "not-recorded", Title: "The call could not be recorded."}
	notReady         = access.Problem{Status: 503, Type: "not-ready", Title: "The gateway is not ready."}
	internalProblem  = access.Problem{Status: 500, Type: "internal", Title: "Something went wrong in the gateway."}
	noSuchCredential = access.Problem{Status: 401, Type: "unknown-credential", Title: "This is no gateway credential."}
)

// A document is a problem as RFC 9457 writes it.
type document struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	Limit     int64  `json:"limit,omitempty"`
	Used      *int64 `json:"used,omitempty"` // with a limit only
	ResetsAt  string `json:"resets_at,omitempty"`
	Link      string `json:"link,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// document returns r in words for programs.
func (h *Handler) document(r *gateway.Refusal, id string) document {
	d := document{Type: h.opts.Portal + "/problems/" + r.Type, Title: r.Title, Status: r.Status, Detail: r.Detail, RequestID: id}
	if r.Limit > 0 {
		d.Limit, d.Used = r.Limit, &r.Used
	}
	if !r.ResetsAt.IsZero() {
		d.ResetsAt = r.ResetsAt.UTC().Format(time.RFC3339)
	}
	if r.Link != "" {
		d.Link = h.opts.Portal + r.Link
	}
	return d
}

// refuse answers with a problem. Id is that of the call, "" where there was none.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, why *gateway.Refusal, id string) {
	text, _ := json.Marshal(h.document(why, id)) // strings and numbers can always be written
	header := w.Header()
	header["Content-Type"], header["Cache-Control"], header["X-Content-Type-Options"] = problemType, noStore, noSniff
	why.WriteHeader(header)
	if why.Status == http.StatusMethodNotAllowed {
		header["Allow"] = allowed
	}
	if id != "" {
		header["X-Request-Id"] = []string{id}
	}
	if r.Header["Origin"] != nil {
		header["Access-Control-Allow-Origin"] = anyOrigin
		header["Access-Control-Expose-Headers"] = exposed
	}
	long := h.leaveBody(w, r)
	w.WriteHeader(why.Status)
	_, _ = w.Write(text) // whoever has gone away reads nothing
	if long {
		linger(w, r)
	}
}

var (
	anyOrigin   = []string{"*"}
	exposed     = []string{"RateLimit, RateLimit-Policy, Retry-After, X-Request-Id"}
	problemType = []string{"application/problem+json"}
	noStore     = []string{"no-store"}
	noSniff     = []string{"nosniff"}
	allowed     = []string{"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"}
	closing     = []string{"close"}
)

// What a client may still send of a body that nobody wants.
const (
	lingering    = time.Second
	smallBody    = 64 << 10
	longBody     = 64 << 20
	retryInGrace = 5 * time.Second
)

// leaveBody sees to it that a body that nobody reads does not hold us: small ones
// are thrown away, after others the connection is closed. It reports whether the
// client may be sending a long one.
func (h *Handler) leaveBody(w http.ResponseWriter, r *http.Request) bool {
	if r.ContentLength == 0 {
		return false
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(h.opts.Wall.Now().Add(lingering)) // where there is none, nothing waits
	if 0 < r.ContentLength && r.ContentLength <= smallBody {
		return false
	}
	w.Header()["Connection"] = closing
	return r.Header["Expect"] == nil && control.EnableFullDuplex() == nil
}

// linger reads for a moment more what a client sends that may not look at its
// answer before it has sent all, and would find the connection reset.
func linger(w http.ResponseWriter, r *http.Request) {
	if http.NewResponseController(w).Flush() == nil {
		_, _ = io.CopyN(io.Discard, r.Body, longBody)
	}
}

// Problems returns the problems of carrying calls, one of each type.
func Problems() []access.Problem {
	return []access.Problem{
		badRequest, otherHost, badMethod, nothingHere, clientSlow, tooLarge, noConnection, badAnswer, upstreamBusy, upstreamSlow,
		goesRound, notRecorded, notReady, internalProblem, noSuchCredential,
	}
}
