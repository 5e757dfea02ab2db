package models

import "github.com/uptrace/bun"

// The kinds of a ledger row.
const (
	LedgerCalls      = "calls"      // as a gateway wrote it
	LedgerPacked     = "packed"     // several of those in one, of the same sums
	LedgerCorrection = "correction" // takes back or adds units, with a reason; it names its range of nothing by the sequence numbers of its own
)

// What is still to be done with a ledger row.
const (
	ToSend   = 1 // it belongs to no window yet
	ToPack   = 2 // with its neighbours; corrections are never packed, so they go from ToSend to nothing
	ToForget = 3 // its detail, once that is old
)

// A LedgerRow is the calls of one subscription that one writer committed together:
// all under one plan, within one second of business time. Writers number the calls
// of a subscription without a gap from 1 on in each epoch, so a hole shows a loss.
// The database refuses every change but three: putting the row into a window, packing
// it with others, and forgetting its detail. It also refuses a row that overlaps
// with another of its writer, so that none can be written twice.
type LedgerRow struct {
	bun.BaseModel `bun:"table:usage_ledger,alias:ul"`

	SubscriptionID int64    `bun:"subscription_id,pk"`
	Hour           Instant  `bun:"hour,pk"` // start of the UTC hour of business time
	Writer         string   `bun:"writer,pk"`
	Epoch          int64    `bun:"epoch,pk"`
	SeqFrom        int64    `bun:"seq_from,pk"`
	SeqTo          int64    `bun:"seq_to,pk"`
	TenantID       TenantID `bun:"tenant_id,notnull"`
	APIID          int64    `bun:"api_id,notnull"` // the API subscribed to
	PolicyID       int64    `bun:"policy_id,notnull"`
	FirstAt        Instant  `bun:"first_at,notnull"` // business time
	LastAt         Instant  `bun:"last_at,notnull"`
	RecordedAt     Instant  `bun:"recorded_at,notnull"` // wall time
	Calls          int64    `bun:"calls,notnull"`
	Counted        int64    `bun:"counted,notnull"`  // those of them that count as the API says
	Quantity       int64    `bun:"quantity,notnull"` // units of the counted ones; negative only in a correction
	Kind           string   `bun:"kind,notnull"`
	Reason         string   `bun:"reason,notnull"`     // of a correction
	Todo           *int64   `bun:"todo"`               // ToSend (metered plans), ToPack, ToForget, or nil
	WindowID       string   `bun:"window_id,nullzero"` // the window it is sent in
	Detail         []byte   `bun:"detail,type:blob"`   // the calls one by one, as package usage packs them; nil once forgotten
}
