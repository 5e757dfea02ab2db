package stripe

import (
	"log/slog"
	"net/http"
)

// mute is stripe-go's logger. It says nothing, because what stripe-go would log
// has bodies in it; logged says what is worth saying.
type mute struct{}

func (mute) Debugf(string, ...any) {}
func (mute) Infof(string, ...any)  {}
func (mute) Warnf(string, ...any)  {}
func (mute) Errorf(string, ...any) {}

// logged is a transport that logs calls that fail: which, and Stripe's number
// for it, but neither bodies nor headers.
type logged struct {
	next http.RoundTripper
	log  *slog.Logger
}

// RoundTrip implements http.RoundTripper.
func (l *logged) RoundTrip(r *http.Request) (*http.Response, error) {
	next := l.next
	if next == nil {
		next = http.DefaultTransport
	}
	answer, err := next.RoundTrip(r)
	if l.log == nil {
		return answer, err
	}
	call := []any{"method", r.Method, "path", r.URL.Path, "account", r.Header.Get("Stripe-Account")}
	switch {
	case err != nil:
		l.log.WarnContext(r.Context(), "stripe does not answer", append(call, "error", err.Error())...)
	case answer.StatusCode >= http.StatusMultipleChoices:
		level := slog.LevelWarn
		switch answer.StatusCode {
		case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusNotFound:
			level = slog.LevelInfo // an answer like others: whoever asked deals with it
		}
		l.log.Log(r.Context(), level, "stripe refuses",
			append(call, "status", answer.StatusCode, "stripe_request", answer.Header.Get("Request-Id"))...)
	}
	return answer, err
}
