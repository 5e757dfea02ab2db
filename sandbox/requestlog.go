package sandbox

import (
	"context"
	"strings"
	"time"
)

// A logged call is one line of the request log.
type loggedCall struct {
	ID, Account    string
	At             time.Time // business time
	Method, Path   string
	Params         string // card numbers and codes taken out
	Status         int
	Error          string
	Version        string
	IdempotencyKey string
	Took           time.Duration
}

// maxUnlogged is how many calls are remembered before they are written down.
const maxUnlogged = 100

// log notes what was asked and answered, for the pages that show it. Lines are
// written down together, so that reading costs no write; a crash may lose some.
func (c *call) log() {
	if c.account == "" {
		return
	}
	line := loggedCall{
		ID: c.id, Account: c.account, At: c.s.Now(), Method: c.http.Method, Path: c.http.URL.Path,
		Params: redacted(c.body), Status: c.status, Error: c.problem, Version: string(c.version),
		IdempotencyKey: c.idempotencyKey, Took: c.s.wall.Now().Sub(c.began),
	}
	c.s.logLock.Lock()
	c.s.unlogged = append(c.s.unlogged, line)
	full := len(c.s.unlogged) >= maxUnlogged
	c.s.logLock.Unlock()
	if !full {
		return
	}
	if err := c.s.flushLog(context.WithoutCancel(c.http.Context())); err != nil {
		c.s.log.WarnContext(c.http.Context(), "sandbox: calls could not be logged", "error", err)
	}
}

// flushLog writes down the calls that are only remembered so far.
func (s *Server) flushLog(ctx context.Context) error {
	s.logLock.Lock()
	lines := s.unlogged
	s.unlogged = nil
	s.logLock.Unlock()
	if len(lines) == 0 {
		return nil
	}
	return s.write(ctx, "", func(t *tx) error {
		for _, l := range lines {
			err := t.exec(`INSERT INTO requests (id, account, at, method, path, params, status, error, version, idempotency_key, duration_ms)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, l.ID, l.Account, l.At.UnixMilli(), l.Method, l.Path, l.Params,
				l.Status, l.Error, l.Version, l.IdempotencyKey, l.Took.Milliseconds())
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// redacted takes card numbers and security codes out of parameters.
func redacted(form string) string {
	pairs := strings.Split(form, "&")
	for i, pair := range pairs {
		name, _, _ := strings.Cut(pair, "=")
		plain := strings.NewReplacer("%5B", "[", "%5D", "]", "%5b", "[", "%5d", "]").Replace(name)
		if strings.HasSuffix(plain, "[number]") || strings.HasSuffix(plain, "[cvc]") {
			pairs[i] = name + "=[redacted]"
		}
	}
	return strings.Join(pairs, "&")
}
