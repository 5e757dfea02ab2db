package stripe

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// tolerance is how far a delivery's time may be from ours, either way.
const tolerance = 300 * time.Second

// maxHeader bounds the work that a stranger's header can cause. While secrets
// roll, Stripe signs with each of them: some hundred bytes.
const maxHeader = 4096

var (
	secretForm = regexp.MustCompile(`^whsec_[A-Za-z0-9+/=_-]{24,}$`)
	digits     = regexp.MustCompile(`^[0-9]{1,12}$`)

	errNoSecret  = errors.New("stripe: no usable signing secret is set for this webhook")
	errHeader    = errors.New("stripe: the Stripe-Signature header is missing or malformed")
	errTooFar    = errors.New("stripe: the delivery's time is more than five minutes from ours")
	errSignature = errors.New("stripe: no signature matches")
)

// usable reports whether a signing secret may be trusted to be one. stripe-go
// takes the empty secret, under which anybody can sign.
func usable(secret string) bool { return secretForm.MatchString(secret) }

// Verify checks a delivery's signature over its raw bytes under any of secrets,
// at wall time now. The payload is not parsed, so any API version will do.
func (e *Engine) Verify(payload []byte, signature string, secrets []string, now time.Time) error {
	signed, given, err := parseSignature(signature)
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(signed, 10, 64)
	if err != nil {
		return errHeader
	}
	if off := time.Unix(now.Unix(), 0).Sub(time.Unix(seconds, 0)).Abs(); off > tolerance {
		return errTooFar
	}
	known, matches := false, false
	for _, secret := range secrets {
		if !usable(secret) {
			continue
		}
		known = true
		if signedBy(secret, signed, payload, given) { // all are tried, so that time tells nothing
			matches = true
		}
	}
	switch {
	case !known:
		return errNoSecret
	case !matches:
		return errSignature
	}
	return nil
}

// parseSignature reads "t=…,v1=…,v1=…". Other schemes are not looked at. The
// time is returned as it was written, for it is signed that way.
func parseSignature(header string) (signed string, v1 [][]byte, err error) {
	if len(header) > maxHeader {
		return "", nil, errHeader
	}
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "t":
			if signed != "" || !digits.MatchString(value) {
				return "", nil, errHeader
			}
			signed = value
		case "v1":
			if mac, err := hex.DecodeString(value); err == nil && len(mac) == sha256.Size {
				v1 = append(v1, mac)
			}
		}
	}
	if signed == "" || len(v1) == 0 {
		return "", nil, errHeader
	}
	return signed, v1, nil
}

// signedBy reports whether any of given is secret's signature.
func signedBy(secret, signed string, payload []byte, given [][]byte) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed + "."))
	mac.Write(payload)
	want := mac.Sum(nil)
	matches := false
	for _, g := range given {
		if hmac.Equal(g, want) {
			matches = true
		}
	}
	return matches
}
