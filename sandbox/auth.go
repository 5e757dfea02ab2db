package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
)

// A caller is who makes a call, and on which account.
type caller struct {
	platform string  // the account of the key
	account  string  // the account the call acts on: Stripe-Account, else the platform
	version  version // what that account gets when it names none
}

// testKey is a secret or restricted key as Stripe writes them in test mode.
var testKey = regexp.MustCompile(`^(sk|rk)_test_[A-Za-z0-9_]{16,240}$`)

func unauthorized(message string) error {
	return early(&apiError{Status: http.StatusUnauthorized, Type: "invalid_request_error", Message: message})
}

// authenticate finds out who calls. A key that was never seen opens an account.
func (s *Server) authenticate(r *http.Request) (caller, error) {
	key, ok := keyOf(r)
	if err := checkKey(key, ok); err != nil {
		return caller{}, err
	}
	sum := sha256.Sum256([]byte(key))
	platform, err := s.platformOf(r.Context(), hex.EncodeToString(sum[:]), key)
	if err != nil {
		return caller{}, err
	}
	who := caller{platform: platform.ID, account: platform.ID, version: platform.Version}
	other := r.Header.Get("Stripe-Account")
	if other == "" && second(r) {
		other = r.Header.Get("Stripe-Context")
	}
	if other == "" || other == platform.ID {
		return who, nil
	}
	return s.onBehalf(r.Context(), who, other, key)
}

// keyOf reads the key from a Bearer or Basic header.
func keyOf(r *http.Request) (string, bool) {
	if user, _, ok := r.BasicAuth(); ok {
		return user, true
	}
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(key), strings.EqualFold(scheme, "Bearer")
}

// checkKey refuses what is no test secret key, and says why.
func checkKey(key string, sent bool) error {
	switch {
	case !sent || key == "":
		return unauthorized("You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.")
	case strings.HasPrefix(key, "sk_live_"), strings.HasPrefix(key, "rk_live_"), strings.HasPrefix(key, "pk_live_"):
		return unauthorized("This is a sandbox: it has no live mode, and a live mode key does not belong here. Use a test key such as sk_test_ followed by at least 16 letters and digits, and consider rolling the key you just sent.")
	case strings.HasPrefix(key, "pk_test_"):
		return early(&apiError{Status: http.StatusForbidden, Type: "invalid_request_error", Code: "secret_key_required",
			Message: "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list of your API keys at https://dashboard.stripe.com/account/apikeys."})
	case !testKey.MatchString(key):
		return unauthorized("Invalid API Key provided: " + masked(key))
	}
	return nil
}

// masked hides all of a key but how it begins and ends.
func masked(key string) string {
	if len(key) < 12 {
		return strings.Repeat("*", len(key))
	}
	return key[:8] + strings.Repeat("*", min(len(key)-12, 40)) + key[len(key)-4:]
}

// platformOf returns the platform account of a key, opened at first use.
func (s *Server) platformOf(ctx context.Context, hash, key string) (home, error) {
	var found home
	byKey := func(t *tx) error {
		_, err := t.scan(`SELECT id, platform, version FROM accounts WHERE key_hash = ?`, []any{hash},
			&found.ID, &found.Platform, &found.Version)
		return err
	}
	if known, ok := s.openedBy(hash); ok {
		return known, nil
	}
	if err := s.read(ctx, "", byKey); err != nil || found.ID != "" {
		s.noteOpened(hash, found)
		return found, err
	}
	return found, s.write(ctx, "", func(t *tx) error {
		if err := byKey(t); err != nil || found.ID != "" {
			return err
		}
		return t.openPlatform(&found, hash, masked(key))
	})
}

// openedBy is the platform that a key is known to have opened. Nothing about it
// changes any more, and every call asks.
func (s *Server) openedBy(hash string) (home, bool) {
	s.keysLock.Lock()
	defer s.keysLock.Unlock()
	h, ok := s.keysOpened[hash]
	return h, ok
}

// noteOpened remembers the platform of a key, unless there is none.
func (s *Server) noteOpened(hash string, h home) {
	if h.ID == "" {
		return
	}
	s.keysLock.Lock()
	defer s.keysLock.Unlock()
	s.keysOpened[hash] = h
}

// onBehalf lets a platform act on an account that it made.
func (s *Server) onBehalf(ctx context.Context, who caller, other, key string) (caller, error) {
	var platform string
	err := s.read(ctx, other, func(t *tx) error {
		there, err := t.home()
		if err == nil {
			platform, err = t.listener(there)
		}
		return err
	})
	if err != nil {
		return caller{}, err
	}
	if platform != who.platform {
		return who, early(noAccess(masked(key), other))
	}
	return caller{platform: who.platform, account: other, version: who.version}, nil
}

// A home is the row behind an account.
type home struct {
	ID, Platform string
	Version      version
}

// home returns the row of t's account; the zero home when there is none.
func (t *tx) home() (h home, err error) {
	_, err = t.scan(`SELECT id, platform, version FROM accounts WHERE id = ?`, []any{t.account},
		&h.ID, &h.Platform, &h.Version)
	return h, err
}
