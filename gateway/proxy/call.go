package proxy

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"tollgate/access"
	"tollgate/gateway"
	"tollgate/gateway/upstream"
	"tollgate/internal/peer"
	"tollgate/models"
	"tollgate/usage"
)

// A call is one call under way. It is used again for others.
type call struct {
	h      *Handler
	r      *http.Request
	id     usage.CallID
	idText string
	pass   *gateway.Pass
	start  time.Time

	recorded bool  // it is in the ledger
	counted  bool  // and counts there
	units    int64 // as many
	upgraded bool  // it became a websocket, which takes as long as it likes
	up       upstream.Call
	set      [2]upstream.Field
}

func newCall(h *Handler) *call {
	c := &call{h: h}
	c.up.Before, c.up.Cookies = c.before, h.opts.Cookies
	return c
}

// errUnrecorded says that an answer was dropped because it could not be written down.
var errUnrecorded = errors.New("proxy: the call could not be recorded")

const oneKey = "Send one key, in the header apikey or behind Bearer in Authorization."

// serve takes one call from its admission to its end.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, path string) {
	now := h.opts.Wall.Now()
	id := usage.NewCallID(now)
	idText := id.String()
	key, drop, ok := h.keyOf(r.Header)
	if !ok {
		h.stats.refused.add(badRequest.Type)
		h.refuse(w, r, &gateway.Refusal{Problem: badRequest, Detail: oneKey}, idText)
		return
	}
	pass, refusal := h.opts.Gate.Admit(r.Context(), gateway.Ask{Path: path, Key: key})
	if refusal != nil {
		h.countRefusal(refusal)
		h.refuse(w, r, refusal, idText)
		return
	}
	c := h.calls.Get().(*call)
	c.r, c.id, c.idText, c.pass, c.start = r, id, idText, pass, now
	c.up.Drop = drop
	defer c.end()
	c.carry(w)
}

// countRefusal counts a call that the gate turned away.
func (h *Handler) countRefusal(why *gateway.Refusal) {
	h.stats.refused.add(why.Type)
	if h.opts.Refused != nil && (why.Type == gateway.BurstSpent || why.Type == gateway.QuotaSpent) {
		h.opts.Refused(models.TenantID(why.Tenant), why.Subscription, why.Policy)
	}
}

// end gives back what the call held, also after a panic.
func (c *call) end() {
	h := c.h
	h.opts.Gate.Settle(c.pass, c.units)
	if !c.upgraded {
		h.stats.took.add(h.opts.Wall.Now().Sub(c.start))
	}
	c.r, c.idText, c.pass, c.start, c.recorded, c.counted, c.units, c.upgraded = nil, "", nil, time.Time{}, false, false, 0, false
	c.up = upstream.Call{Before: c.up.Before, Cookies: c.up.Cookies}
	c.set = [2]upstream.Field{}
	h.calls.Put(c)
}

// carry takes the call to its upstream and the answer back.
func (c *call) carry(w http.ResponseWriter) {
	h := c.h
	if h.opts.CanRecord != nil {
		if err := h.opts.CanRecord(); err != nil {
			h.loud.say(c, "calls cannot be recorded", err)
			c.recorded = true // as well as it can be
			c.fail(w, &gateway.Refusal{Problem: notRecorded, RetryAfter: retryInGrace, Detail: "So the API was not called, and nothing is billed."})
			return
		}
	}
	if problem := c.prepare(w); problem != nil {
		c.fail(w, problem)
		return
	}
	result, err := h.opts.Carrier.Do(w, c.r, &c.up)
	if result.Waited > 0 {
		h.stats.waited.add(result.Waited)
	}
	if err != nil {
		c.explain(w, err)
		return
	}
	h.stats.served.Add(1)
}

// prepare says what the upstream gets.
func (c *call) prepare(w http.ResponseWriter) *gateway.Refusal {
	r, h := c.r, c.h
	target, err := h.targets.of(c.pass.Upstream)
	if err != nil {
		h.loud.say(c, "an API has no usable upstream", err)
		return &gateway.Refusal{Problem: noConnection}
	}
	if most := h.opts.MaxBody; most > 0 {
		if r.ContentLength > most {
			return &gateway.Refusal{Problem: tooLarge}
		}
		if r.ContentLength < 0 {
			r.Body = http.MaxBytesReader(w, r.Body, most)
		}
	}
	c.up.Target, c.up.Path, c.up.Query = target, c.pass.Rest, r.URL.RawQuery
	c.up.ClientAddr, c.up.ClientProto, c.up.ClientHost = h.addressOf(r), h.protoOf(r), r.Host
	c.set[0] = upstream.Field{Name: "X-Request-Id", Value: c.idText}
	c.up.Set = c.set[:1]
	if theirs := r.Header["X-Request-Id"]; len(theirs) == 1 && len(theirs[0]) <= longestID {
		c.set[1] = upstream.Field{Name: "X-Client-Request-Id", Value: theirs[0]}
		c.up.Set = c.set[:2]
	}
	return nil
}

// longestID is how long an id may be that a client gives its request.
const longestID = 200

// addressOf returns who calls.
func (h *Handler) addressOf(r *http.Request) string {
	remote := r.RemoteAddr
	if i := strings.LastIndexByte(remote, ':'); i >= 0 {
		remote = strings.Trim(remote[:i], "[]")
	}
	if len(h.opts.Trusted) == 0 {
		return remote
	}
	return peer.Address(remote, r.Header["X-Forwarded-For"], h.opts.Trusted)
}

// protoOf returns how the client reached us, or the proxy in front of us.
func (h *Handler) protoOf(r *http.Request) string {
	if said := r.Header["X-Forwarded-Proto"]; len(said) == 1 && said[0] == "https" && peer.Among(r.RemoteAddr, h.opts.Trusted) {
		return "https"
	}
	return "http"
}

// before has the call written down. Until it returns, the client gets no byte.
func (c *call) before(status int, header http.Header) error {
	if c.counted = c.counts(status); c.counted {
		var faulty bool
		if c.units, faulty = c.pass.Counting.Units(header.Get(c.pass.Counting.UnitsHeader)); faulty {
			c.h.stats.faultyUnits.Add(1)
		}
	}
	if err := c.record(status); err != nil && c.counted {
		c.units = 0
		c.h.loud.say(c, "a call could not be recorded", err)
		return errUnrecorded
	}
	if c.counted {
		c.h.stats.counted.Add(1)
	}
	if status == http.StatusSwitchingProtocols {
		c.upgraded = true
		if conn := connOf(c.r.Context()); conn != nil {
			conn.Release()
		}
	}
	header["X-Request-Id"] = []string{c.idText}
	gateway.WriteLimits(header, c.pass.Limits)
	if c.h.stopping.Load() && status != http.StatusSwitchingProtocols {
		header["Connection"] = closing
	}
	return nil
}

// counts reports whether an answer counts. A connection that becomes a websocket is
// one call, which counts as one answered with 200.
func (c *call) counts(status int) bool {
	if status == http.StatusSwitchingProtocols && c.pass.Counting.Counts(http.StatusOK) {
		return true
	}
	return c.pass.Counting.Counts(status)
}

// record writes the call down with a status. Whether the client still waits is of
// no account: the upstream has done its work.
func (c *call) record(status int) error {
	c.recorded = true
	p := c.pass
	return c.h.opts.Recorder.Record(context.Background(), usage.Call{
		ID: c.id, Tenant: models.TenantID(p.Tenant), Subscription: p.Subscription, API: p.API, Policy: p.Policy,
		Metered: p.Metered, Sandbox: p.KeyType == access.Sandbox, Status: status, Counted: c.counted, Units: c.units,
		Took: c.h.opts.Wall.Now().Sub(c.start),
	})
}

// fail answers a call that was let through with a problem of ours. It is written
// down as one that does not count, so that the log of calls shows it.
func (c *call) fail(w http.ResponseWriter, why *gateway.Refusal) {
	c.h.stats.failed.add(why.Type)
	if !c.recorded {
		if err := c.record(why.Status); err != nil {
			c.h.loud.say(c, "a failed call could not be recorded", err)
		}
	}
	why.Limits = c.pass.Limits
	c.h.refuse(w, c.r, why, c.idText)
}
