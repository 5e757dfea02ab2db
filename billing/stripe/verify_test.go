package stripe_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tollgate/billing/stripe"
)

const (
	ours  = "whsec_0123456789abcdefABCDEF01"
	older = "whsec_0123456789abcdefABCDEF02"
)

var now = time.Date(2026, 2, 1, 12, 0, 0, 700e6, time.UTC)

func mac(secret, signed string, payload []byte) string {
	h := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(h, "%s.%s", signed, payload)
	return hex.EncodeToString(h.Sum(nil))
}

// signed is the header of a delivery of payload, at a time off from now.
func signed(secret string, payload []byte, off time.Duration) string {
	t := fmt.Sprint(now.Add(off).Unix())
	return "t=" + t + ",v1=" + mac(secret, t, payload)
}

func TestGoodSignatures(t *testing.T) {
	t.Parallel()
	body := []byte("{\n  \"id\": \"evt_1\"\n}")
	good := signed(ours, body, 0)
	stamp, v1, _ := strings.Cut(good, ",")
	wrong := "v1=" + strings.Repeat("ab", 32)
	for name, header := range map[string]string{
		"plain":             good,
		"five minutes old":  signed(ours, body, -300*time.Second),
		"five minutes fast": signed(ours, body, 300*time.Second),
		"older secret":      signed(older, body, 0),
		"other scheme":      good + ",v0=" + strings.Repeat("00", 32),
		"time last":         v1 + "," + stamp,
		"many v1":           stamp + "," + wrong + "," + wrong + "," + v1 + "," + wrong,
		"both secrets":      good + ",v1=" + mac(older, strings.TrimPrefix(stamp, "t="), body),
		"upper case":        stamp + ",v1=" + strings.ToUpper(strings.TrimPrefix(v1, "v1=")),
	} {
		if err := (&stripe.Engine{}).Verify(body, header, []string{"", ours, older}, now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestForgeriesAreRefused(t *testing.T) {
	t.Parallel()
	body := []byte(`{"id":"evt_1"}`)
	good := signed(ours, body, 0)
	stamp, v1, _ := strings.Cut(good, ",")
	unix := strings.TrimPrefix(stamp, "t=")
	both := []string{ours, older}
	for name, tt := range map[string]struct {
		payload string
		header  string
		secrets []string
	}{
		"other body":            {`{"id":"evt_2"}`, good, both},
		"body with a space":     {`{"id":"evt_1"} `, good, both},
		"empty body":            {"", good, both},
		"foreign secret":        {string(body), signed("whsec_ffffffffffffffffffffffffffff", body, 0), both},
		"no secret at all":      {string(body), good, nil},
		"empty secret":          {string(body), signed("", body, 0), []string{""}},
		"empty among others":    {string(body), signed("", body, 0), []string{"", ours}},
		"short secret":          {string(body), signed("whsec_short", body, 0), []string{"whsec_short"}},
		"secret without prefix": {string(body), signed("0123456789abcdefABCDEF0123456789", body, 0), []string{"0123456789abcdefABCDEF0123456789"}},
		"secret with newline":   {string(body), signed(ours+"\n", body, 0), []string{ours + "\n"}},
		"too old":               {string(body), signed(ours, body, -301*time.Second), both},
		"from the future":       {string(body), signed(ours, body, 302*time.Second), both},
		"years ahead":           {string(body), signed(ours, body, 10*365*24*time.Hour), both},
		"time moved":            {string(body), "t=" + fmt.Sprint(now.Unix()+1) + "," + v1, both},
		"time padded":           {string(body), "t=0" + unix + "," + v1, both},
		"two times":             {string(body), "t=" + unix + "," + good, both},
		"negative time":         {string(body), "t=-1,v1=" + mac(ours, "-1", body), both},
		"huge time":             {string(body), "t=99999999999999999999,v1=" + mac(ours, "99999999999999999999", body), both},
		"time in words":         {string(body), "t=now,v1=" + mac(ours, "now", body), both},
		"no time":               {string(body), v1, both},
		"empty time":            {string(body), "t=,v1=" + mac(ours, "", body), both},
		"no signature":          {string(body), stamp, both},
		"empty signature":       {string(body), stamp + ",v1=", both},
		"cut signature":         {string(body), good[:len(good)-2], both},
		"long signature":        {string(body), good + "00", both},
		"not hex":               {string(body), stamp + ",v1=" + strings.Repeat("zz", 32), both},
		"only v0":               {string(body), stamp + ",v0=" + strings.TrimPrefix(v1, "v1="), both},
		"no header":             {string(body), "", both},
		"nonsense":              {string(body), ",=,,t,v1,=;", both},
		"spaces":                {string(body), strings.ReplaceAll(good, ",", ", "), both},
		"endless":               {string(body), good + strings.Repeat(",v1="+strings.Repeat("ab", 32), 1000), both},
	} {
		if err := (&stripe.Engine{}).Verify([]byte(tt.payload), tt.header, tt.secrets, now); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Whatever one character of the header becomes, it no longer verifies, unless
// it means the same.
func TestChangedHeadersAreRefused(t *testing.T) {
	t.Parallel()
	body := []byte(`{"id":"evt_1"}`)
	good := signed(ours, body, 0)
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, len(good)-1).Draw(t, "at")
		changed := good[:i] + string(rune(rapid.ByteRange(' ', '~').Draw(t, "to"))) + good[i+1:]
		err := (&stripe.Engine{}).Verify(body, changed, []string{ours}, now)
		if same := strings.EqualFold(changed, good); (err == nil) && !same {
			t.Fatalf("%q passes for %q", changed, good)
		}
	})
}

func FuzzVerify(f *testing.F) {
	body := []byte(`{"id":"evt_1"}`)
	f.Add(body, signed(ours, body, 0))
	f.Add(body, "t=1,v1=")
	f.Fuzz(func(t *testing.T, payload []byte, header string) {
		err := (&stripe.Engine{}).Verify(payload, header, []string{older, "", "whsec_"}, now)
		if err == nil {
			t.Errorf("%q passes for %q without the secret", header, payload)
		}
	})
}
