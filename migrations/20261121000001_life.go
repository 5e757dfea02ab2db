package migrations

// lifeColumns is what a subscription's later life needs to be known of it: changes
// of plan, grace, authentication, disputes.
var lifeColumns = []column{
	{"am_subscription", "pending_policy_id", "integer"},
	{"am_subscription", "pending_price_version_id", "{{.ID}}"},
	{"am_subscription", "change_kind", "varchar(12) NOT NULL DEFAULT ''"},
	{"am_subscription", "change_at", "bigint"},
	{"am_subscription", "change_asked_at", "bigint"},
	{"am_subscription", "change_problem", "varchar(500) NOT NULL DEFAULT ''"},
	{"am_subscription", "stripe_schedule_id", "{{.Ref}}"},
	{"am_subscription", "grace_hours", "integer NOT NULL DEFAULT 0"},
	{"am_subscription", "action_needed", "boolean NOT NULL DEFAULT FALSE"},
	{"am_subscription", "retry_at", "bigint"},
	{"am_subscription", "open_invoice", "{{.Ref}}"},
	{"am_subscription", "trial_ends", "bigint"},
	{"am_subscription", "collection_paused", "boolean NOT NULL DEFAULT FALSE"},
	{"am_subscription", "money_hold", "varchar(10) NOT NULL DEFAULT ''"},
	{"am_subscription", "checked_at", "bigint NOT NULL DEFAULT 0"},
	{"am_policy_subscription", "grace_hours", "integer"},
	{"am_monetization_shared_customers", "grace_hours", "integer"},
	{"am_monetization_shared_customers", "deleted_at", "bigint"},
	{"tenants", "grace_hours", "integer NOT NULL DEFAULT 0"},
	{"tenants", "hold_on_dispute", "boolean NOT NULL DEFAULT FALSE"},
	{"tenants", "hold_on_refund", "boolean NOT NULL DEFAULT FALSE"},
	{"connected_accounts", "deauthorized_at", "bigint"},
}
