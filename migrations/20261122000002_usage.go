package migrations

// usageColumns is how calls are counted and what becomes of use that is too late.
var usageColumns = []column{
	{"am_api", "counting", "varchar(10) NOT NULL DEFAULT 'success'"},
	{"am_api", "counting_statuses", "varchar(200) NOT NULL DEFAULT ''"},
	{"am_api", "units_header", "varchar(80) NOT NULL DEFAULT ''"},
	{"am_api", "upgrades", "boolean NOT NULL DEFAULT FALSE"},
	{"tenants", "late_usage", "varchar(10) NOT NULL DEFAULT 'bill'"},
}
