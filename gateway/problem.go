package gateway

// The types of the gateway's own problems, beside those of package access: the last
// part of a type URI.
const (
	KeyMissing    = "api-key-missing"
	KeyUnknown    = "api-key-unknown"
	KeyExpired    = "api-key-expired"
	KeyRevoked    = "api-key-revoked"
	APIUnknown    = "api-not-found"
	NotSubscribed = "not-subscribed"
	BurstSpent    = "burst-spent"
	QuotaSpent    = "quota-spent"
	TooBusy       = "too-busy"            // too many calls are in flight
	NotCurrent    = "gateway-not-current" // the gateway cannot see what changed
)
