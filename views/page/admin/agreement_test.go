package admin_test

import (
	"testing"

	"tollgate/internal/golden"
	"tollgate/views/page/admin"
	"tollgate/views/ui"
)

func comparisons() []admin.ComparisonRow {
	return []admin.ComparisonRow{
		{Account: "Your own account", What: "Undelivered events", Tone: ui.Good, Word: "Compared", Finished: now, Next: now.Add(600_000_000_000), Compared: "0", Found: "0", Healed: "0"},
		{Account: "Northwind Weather", AccountID: "acct_1Northwind", What: "Subscriptions, customers, checkouts", Tone: ui.Good, Word: "Compared", Finished: morn, Next: now, Compared: "1,204", Found: "2", Healed: "1"},
		{Account: "Northwind Weather", AccountID: "acct_1Northwind", What: "Products, prices, meters", Tone: ui.Bad, Word: "Failed", Problem: "Stripe does not answer right now.", Finished: morn, Next: now, Compared: "36", Found: "0", Healed: "0"},
		{Account: "City Maps", AccountID: "acct_1Maps", What: "Refunds and disputes", Tone: ui.Quiet, Word: "Not yet", Next: now, Compared: "0", Found: "0", Healed: "0"},
	}
}

func drifts() []admin.DriftRow {
	return []admin.DriftRow{
		{
			Name: "Product of City Weather v1", Kind: "Product", ID: "tg_593a2748602f1ac3dc574c048730a7dde26d1eb3", Account: "Northwind Weather", Field: "name",
			Ours: "City Weather v1", Theirs: "Weather (old)", Tone: ui.Quiet, Word: "By itself", Remedy: "Put back: it is kept here. To change it, change it here.", Since: morn, Healed: now,
		},
		{
			Name: "Subscription to Gold", Kind: "Subscription", ID: "sub_1Gold", Href: "/admin/subscriptions/0193-gold", Account: "Northwind Weather", Field: "payments", Ours: "Charged every period.", Theirs: "Paused.",
			Tone: ui.Attention, Word: "Shown only", Remedy: "Shown only: somebody paused it in Stripe's dashboard.", Since: morn, Healed: now,
		},
		{
			Name: "Subscription of customer cus_9", Kind: "Subscription", ID: "sub_1Stray", Account: "Northwind Weather", Field: "an orphan", Ours: "Nothing here refers to it.", Theirs: "There, active, and paid for.",
			Tone: ui.Bad, Word: "Needs you", Remedy: "For a person: urgent. Somebody pays for it and can use nothing.", Since: morn, Healed: now,
		},
	}
}

func TestAgreementPages(t *testing.T) {
	t.Parallel()
	const title, path = "In agreement with Stripe", "/admin/agreement"
	golden.HTML(t, "agreement", admin.Agreement(admin.AgreementProps{
		Frame: inside(title, path), Tone: ui.Good, Word: "In agreement", Lead: "What Stripe has and what is here are the same.", Comparisons: comparisons()[:2], Healed: drifts()[:1],
	}))
	golden.HTML(t, "agreement_differs", admin.Agreement(admin.AgreementProps{
		Frame: inside(title, path), Tone: ui.Bad, Word: "Needs you", Lead: "103 differences, the oldest for 6 h. At least one needs somebody to act.", More: "100 older differences are in the CSV.",
		Open: drifts(), Comparisons: comparisons(),
	}))
	golden.HTML(t, "agreement_unset", admin.Agreement(admin.AgreementProps{
		Frame: inside(title, path), Tone: ui.Quiet, Word: "Not compared", Lead: "Nothing has been compared yet.", Unset: true,
	}))
	row := admin.DriftRow{
		Name: hostile, Kind: hostile, ID: hostile, Account: hostile, Field: hostile, Ours: hostile, Theirs: hostile, Tone: ui.Bad, Word: hostile, Remedy: hostile, Since: morn, Healed: now,
	}
	golden.HTML(t, "agreement_hostile", admin.Agreement(admin.AgreementProps{
		Frame: evil(), Tone: ui.Bad, Word: hostile, Lead: hostile, More: hostile, Open: []admin.DriftRow{row}, Healed: []admin.DriftRow{row},
		Comparisons: []admin.ComparisonRow{{Account: hostile, AccountID: hostile, What: hostile, Tone: ui.Bad, Word: hostile, Problem: hostile, Finished: now, Next: now, Compared: hostile, Found: hostile, Healed: hostile}},
	}))
}
