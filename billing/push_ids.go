package billing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"tollgate/internal/outbox"
)

// named returns the name of a thing of ours at Stripe: the same one for the same
// parts, and another one for any others. Every part is written with its length
// before it, so that no two lists of parts read alike.
func named(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p)) //nolint:errcheck // a hash takes everything
	}
	return "tg_" + hex.EncodeToString(h.Sum(nil)[:20])
}

// The names of what stands for an API in a connected account.

func (s *Sales) productID(api, account string) string {
	return named("product", s.Installation, api, account)
}

func (s *Sales) eventName(api, policy string) string {
	return named("meter", s.Installation, api, policy)
}

func (s *Sales) lookupKey(api, policy, version, component, currency, account string) string {
	return named("price", s.Installation, api, policy, version, component, currency, account)
}

// The names of what stands for a plan in the platform account.

func (s *Sales) planProductID(policy string) string {
	return named("plan product", s.Installation, policy)
}

func (s *Sales) planEventName(policy string) string {
	return named("plan meter", s.Installation, policy)
}

func (s *Sales) planLookupKey(policy, version string) string {
	return named("plan price", s.Installation, policy, version)
}

// stepKey is the idempotency key of one call: the same whenever the job sends the
// same values for the same state of a row, and no other's. So a key never comes
// with two bodies, and never finds an answer from before the row changed.
func stepKey(job outbox.Job, what string, version int64, values any) string {
	text, err := json.Marshal(values)
	if err != nil {
		text = []byte(fmt.Sprint(values))
	}
	sum := sha256.Sum256(text)
	return job.Key(what + "." + strconv.FormatInt(version, 10) + "." + hex.EncodeToString(sum[:6]))
}
