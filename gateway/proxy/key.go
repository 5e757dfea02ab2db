package proxy

import (
	"net/http"
	"strings"
)

// Where keys are. Both headers stay here.
const (
	keyHeader  = "Apikey"
	authHeader = "Authorization"
)

// Headers that are not passed on, by where the key was found.
var (
	dropKey  = []string{keyHeader, credentialHeader}
	dropBoth = []string{keyHeader, credentialHeader, authHeader}
)

// keyOf returns the API key that a call brings, "" for none, and the headers that
// are not passed on. A key in Authorization is behind the word Bearer. When the
// header apikey holds the key, Authorization is the upstream's business, unless a
// key of ours is in it as well.
func (h *Handler) keyOf(header http.Header) (key string, drop []string, ok bool) {
	keys, auth := header[keyHeader], header[authHeader]
	if len(keys) > 1 || len(auth) > 1 {
		return "", nil, false
	}
	bearer, isBearer := "", false
	if len(auth) == 1 {
		bearer, isBearer = bearerOf(auth[0])
	}
	if len(keys) == 0 {
		if !isBearer {
			return "", dropKey, true
		}
		return bearer, dropBoth, true
	}
	key = strings.TrimSpace(keys[0])
	if isBearer && h.isOurs(bearer) || len(auth) == 1 && key != "" && strings.Contains(auth[0], key) {
		return key, dropBoth, true
	}
	return key, dropKey, true
}

// bearerOf returns what stands behind Bearer (RFC 6750 §2.1).
func bearerOf(auth string) (string, bool) {
	const scheme = "bearer "
	if len(auth) < len(scheme) || !strings.EqualFold(auth[:len(scheme)], scheme) {
		return "", false
	}
	return strings.TrimSpace(auth[len(scheme):]), true
}

// isOurs reports whether a token looks like one of our keys.
func (h *Handler) isOurs(token string) bool {
	for _, prefix := range h.opts.KeyPrefixes {
		if strings.HasPrefix(token, prefix) {
			return true
		}
	}
	return false
}
