package sandbox

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// mishap is the fault that befalls this call, if any does.
func (c *call) mishap() (Fault, bool) {
	line := c.http.Method + " " + c.http.URL.Path
	c.s.faultLock.Lock()
	defer c.s.faultLock.Unlock()
	return c.s.strike(func(f Fault) bool {
		return f.Call != "" && strings.HasPrefix(line, f.Call) && f.befalls(c.account)
	})
}

// suffer makes the answer what f says. Answers that never come are left to
// interrupt, when everything else about the call is over.
func (c *call) suffer(f Fault) {
	switch {
	case f.How == howTimeout, f.How == howReset, f.How == "" && f.Status == 0:
		c.interrupted = &f
		c.status, c.problem = 0, "No answer: a fault."
		return
	case f.How == howLock:
		c.fail(&apiError{Status: max(f.Status, http.StatusConflict), Type: "invalid_request_error", Code: "lock_timeout",
			Message: lockedMessage + " (It was asked for at /faults.)"})
	case f.Status == http.StatusTooManyRequests:
		c.overLimit = globalRate
		c.fail(&apiError{Status: f.Status, Type: "invalid_request_error", Code: "rate_limit",
			Message: "Request rate limit exceeded. (It was asked for at /faults.)"})
	default:
		c.fail(&apiError{Status: f.Status, Type: "api_error", Message: "This failure was asked for at /faults."})
	}
	if f.RetryAfter > 0 {
		c.retryAfter = strconv.Itoa(f.RetryAfter)
	}
}

// interrupt ends a call without an answer: after a while, or with a reset.
func (c *call) interrupt(w http.ResponseWriter) {
	switch c.interrupted.How {
	case howTimeout:
		over := time.NewTimer(c.interrupted.by(patience))
		defer over.Stop()
		select {
		case <-over.C:
		case <-c.http.Context().Done():
		}
	case howReset:
		reset(w)
	}
	panic(http.ErrAbortHandler)
}

// reset has the caller's connection reset, where there is one; otherwise it is
// closed.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // then closing it sends a reset; without, it is only closed
	}
	_ = conn.Close()
}
