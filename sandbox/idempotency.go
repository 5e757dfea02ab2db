package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"time"
)

// idempotencyLife is how long an answer is kept for its key, by business time.
const idempotencyLife = 24 * time.Hour

// executeOnce runs the handler unless its idempotency key was used before, and
// keeps the answer with the effects. Two calls with one key never run at once.
func (c *call) executeOnce() error {
	slot := c.account + "\x00" + c.idempotencyKey
	if !c.s.occupy(slot) {
		return &apiError{Status: http.StatusConflict, Type: "idempotency_error", Code: "idempotency_key_in_use",
			Message: "There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): " + c.idempotencyKey + ". Try again later."}
	}
	defer c.s.release(slot)
	err := c.alone(func() error { return c.s.transact(c.http.Context(), c.account, c.attemptOnce) })
	if err == nil || errors.Is(err, errAnswered) {
		return nil
	}
	return c.saveFailure(err)
}

// attemptOnce is attempt unless the key was used before.
func (c *call) attemptOnce(t *tx) (commit bool, err error) {
	if replayed, err := c.replay(t); replayed || err != nil {
		return false, err
	}
	commit, err = c.attempt(t)
	if err == nil {
		return true, c.saveAnswer(t)
	}
	if !commit {
		return false, err
	}
	c.fail(err)
	return true, orElse(c.saveAnswer(t), errAnswered)
}

// errAnswered means that the answer, an error, was made and kept already.
var errAnswered = errors.New("sandbox: answered")

// saveFailure keeps an error that undid the call's effects, if execution had begun.
func (c *call) saveFailure(err error) error {
	if e, ok := errors.AsType[*apiError](err); ok && e.early || c.http.Context().Err() != nil {
		return err
	}
	c.fail(err)
	return c.s.write(c.http.Context(), c.account, c.saveAnswer)
}

func (s *Server) occupy(slot string) bool {
	s.keysLock.Lock()
	defer s.keysLock.Unlock()
	if s.keysBusy[slot] {
		return false
	}
	s.keysBusy[slot] = true
	return true
}

func (s *Server) release(slot string) {
	s.keysLock.Lock()
	defer s.keysLock.Unlock()
	delete(s.keysBusy, slot)
}

// fingerprint is what must be the same for an answer to be replayed.
func (c *call) fingerprint() string {
	sum := sha256.Sum256([]byte(c.http.Method + "\n" + c.http.URL.Path + "\n" + canonical(c.params, "") + "\n" + canonicalList(c.expand)))
	return hex.EncodeToString(sum[:])
}

// replay answers with what was answered before, if the key is known.
func (c *call) replay(t *tx) (bool, error) {
	var fingerprint, original string
	var status int
	var body []byte
	found, err := t.scan(`SELECT fingerprint, request, status, body FROM idempotency WHERE account = ? AND key = ? AND created >= ?`,
		[]any{c.account, c.idempotencyKey, t.now.Add(-idempotencyLife).UnixMilli()}, &fingerprint, &original, &status, &body)
	if err != nil || !found {
		return false, err
	}
	if fingerprint != c.fingerprint() {
		return false, early(&apiError{Status: http.StatusBadRequest, Type: "idempotency_error",
			Message: "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '" + c.idempotencyKey + "' if you meant to execute a different request."})
	}
	c.status, c.answer, c.original = status, body, original
	return true, nil
}

func (c *call) saveAnswer(t *tx) error {
	return t.exec(`INSERT OR REPLACE INTO idempotency (account, key, fingerprint, request, status, body, created) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		c.account, c.idempotencyKey, c.fingerprint(), c.id, c.status, c.answer, t.now.UnixMilli())
}
