package proxy

import (
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"

	"tollgate/access"
	"tollgate/gateway"
	"tollgate/gateway/upstream"
)

// explain answers a call that did not come through.
func (c *call) explain(w http.ResponseWriter, err error) {
	if errors.Is(err, errUnrecorded) {
		c.fail(w, &gateway.Refusal{Problem: notRecorded, RetryAfter: retryInGrace, Detail: "It is not billed. The API has seen it, so look before you send it again unless that does no harm."})
		return
	}
	failure, ok := errors.AsType[*upstream.Error](err)
	if !ok {
		c.h.loud.say(c, "a call failed", err)
		c.fail(w, &gateway.Refusal{Problem: internalProblem})
		return
	}
	if failure.Begun {
		c.h.stats.cut.Add(1)
		panic(http.ErrAbortHandler)
	}
	why := &gateway.Refusal{Problem: problemOf(failure.Kind)}
	switch failure.Kind {
	case upstream.ClientGone:
		if conn := connOf(c.r.Context()); c.r.Context().Err() != nil && (conn == nil || !conn.Malformed()) {
			c.abandoned()
		}
		why.Detail = "The body is malformed." // the client is still there
	case upstream.Busy:
		why.RetryAfter = lingering
	case upstream.Denied, upstream.NoConnect, upstream.BadAnswer, upstream.Timeout, upstream.Loop:
		c.h.loud.say(c, "an upstream failed", err)
	case upstream.BadCall, upstream.ClientSlow, upstream.TooLarge:
	}
	c.fail(w, why)
}

// statusGone is what the log of calls shows when the client did not wait.
const statusGone = 499

// abandoned ends a call whose client has gone away.
func (c *call) abandoned() {
	c.h.stats.failed.add("client-gone")
	if !c.recorded {
		if err := c.record(statusGone); err != nil {
			c.h.loud.say(c, "a failed call could not be recorded", err)
		}
	}
	panic(http.ErrAbortHandler)
}

// problemOf says what a failure is to the client.
func problemOf(k upstream.Kind) access.Problem {
	switch k {
	case upstream.BadCall, upstream.ClientGone:
		return badRequest
	case upstream.ClientSlow:
		return clientSlow
	case upstream.TooLarge:
		return tooLarge
	case upstream.Denied, upstream.NoConnect:
		return noConnection
	case upstream.BadAnswer:
		return badAnswer
	case upstream.Busy:
		return upstreamBusy
	case upstream.Timeout:
		return upstreamSlow
	case upstream.Loop:
		return goesRound
	}
	return internalProblem
}

// loud writes to the log about calls, at most once a second: when an upstream is
// down, every call has the same to say.
type loud struct {
	last   atomic.Int64 // Unix second
	silent atomic.Int64
}

func (l *loud) say(c *call, what string, err error) {
	now := c.h.opts.Wall.Now().Unix()
	if last := l.last.Load(); last == now || !l.last.CompareAndSwap(last, now) {
		l.silent.Add(1)
		return
	}
	c.h.opts.Log.LogAttrs(c.r.Context(), slog.LevelWarn, what, slog.String("request_id", c.idText), slog.Int64("tenant", c.pass.Tenant),
		slog.Int64("api", c.pass.API), slog.Any("error", err), slog.Int64("not_logged_before", l.silent.Swap(0)))
}
