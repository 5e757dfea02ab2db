package admin_test

import (
	"testing"
	"time"

	"github.com/a-h/templ"

	"tollgate/internal/golden"
	"tollgate/money"
	"tollgate/views/page/admin"
	"tollgate/views/ui"
)

var until = time.Date(2027, 1, 8, 14, 0, 0, 0, time.UTC)

func endRows() []ui.EndRow {
	return []ui.EndRow{
		{Href: "/somewhere/s1", Name: "Weather v1", Plan: "Gold", Application: "Widget", Who: "Ada Byron", Tone: ui.Good, State: "Active", Until: until, Last: "Nothing more", Back: money.New(4900, money.MustCurrency("usd"))},
		{Name: "Weather v1", Plan: "Free", Application: "Toy", Who: "Bob", Tone: ui.Attention, State: "Waiting for payment", Last: "Nothing"},
	}
}

func ends() map[string]templ.Component {
	e := ui.Ends{
		Title: "Delete Weather v1", Lead: "It disappears.", Caption: "Subscriptions that end, oldest first", Facts: []string{"1 subscription is free: it ends at once."}, Rows: endRows(), Money: true, Whose: true,
		Pager: ui.Pager{Showing: "2 of 120 subscriptions", Next: "/somewhere?after=2"}, Action: "/somewhere/delete", Token: "tok_1", Seen: "ab.cd", HowLabel: "When they end", How: "now",
		Hidden: []ui.Hidden{{Name: "version", Value: "3"}}, Choices: []ui.Choice{{Value: "period-end", Label: "When their periods end", Hint: "They work until then."}, {Value: "now", Label: "Now"}},
		AskReason: true, ReasonHint: "They read it.", Agree: "I have read this, and 120 subscriptions are to end.", Button: "Delete Weather v1", Back: ui.Link{Href: "/somewhere", Label: "Keep it"},
	}
	wrong := e
	wrong.Problem, wrong.Problems = "The subscriptions changed while you were reading.", map[string]string{"how": "Choose when they end.", "reason": "Say why.", "agree": "Tick this to confirm."}
	wrong.Standing, wrong.TakeBack, wrong.Money, wrong.Whose = "It is being ended already.", "/somewhere/keep", false, false
	blocked := ui.Ends{Title: "Delete Nils", Lead: "They are signed out.", Facts: []string{"Nothing is subscribed."}, Standing: "Nils publishes Weather v1.", Blocked: true, Back: ui.Link{Href: "/somewhere", Label: "Keep this person"}}
	heirs := blocked
	heirs.HandOver, heirs.Heirs, heirs.Problems = "/somewhere/hand-over", []ui.Choice{{Value: "p2", Label: "Olga (olga)"}}, map[string]string{"to": "Choose a publisher who can sign in."}
	evils := ui.Ends{
		Title: hostile, Lead: hostile, Caption: hostile, Facts: []string{hostile}, Rows: []ui.EndRow{{Href: hostile, Name: hostile, Plan: hostile, Application: hostile, Who: hostile, State: hostile, Last: hostile}}, Whose: true,
		Action: hostile, Token: hostile, Seen: hostile, HowLabel: hostile, How: hostile, Hidden: []ui.Hidden{{Name: hostile, Value: hostile}}, Choices: []ui.Choice{{Value: "x", Label: hostile, Hint: hostile}}, AskReason: true, Reason: hostile,
		ReasonHint: hostile, Agree: hostile, Button: hostile, Back: ui.Link{Href: hostile, Label: hostile}, Problem: hostile, Problems: map[string]string{"reason": hostile}, Standing: hostile, TakeBack: hostile,
	}
	going := ui.EndProgress{
		Title: "End of subscriptions: Weather v1", Lead: "1 of 3 subscriptions have ended.", Tone: ui.Bad, Word: "Stripe refused", Done: 1, All: 3, Caption: "Subscriptions of this ending", Whose: true, Self: "/somewhere/e1",
		Facts: []ui.Fact{{Name: "Reason", Text: "It is retired."}}, Rows: endRows(), Back: ui.Link{Href: "/somewhere", Label: "All endings"}, Refused: "Stripe refused to end 1 subscription.", Pager: ui.Pager{Showing: "2 of 3 subscriptions", Next: "/somewhere/e1?after=2"},
	}
	going.Rows[1].Problem, going.Rows[0].Ends = "Not today.", until
	bad := ui.EndProgress{
		Title: hostile, Lead: hostile, Word: hostile, Caption: hostile, Facts: []ui.Fact{{Name: hostile, Text: hostile}}, Back: ui.Link{Href: hostile, Label: hostile}, Refused: hostile,
		Rows: []ui.EndRow{{Name: hostile, Plan: hostile, Application: hostile, State: hostile, Problem: hostile}}, All: 1,
	}
	return map[string]templ.Component{
		"ends":            admin.End(admin.EndProps{Frame: inside("End", "/admin/subscriptions"), Ends: e}),
		"ends_wrong":      admin.End(admin.EndProps{Frame: inside("End", "/admin/subscriptions"), Ends: wrong}),
		"ends_blocked":    admin.End(admin.EndProps{Frame: inside("End", "/admin/subscriptions"), Ends: blocked}),
		"ends_heirs":      admin.End(admin.EndProps{Frame: inside("End", "/admin/subscriptions"), Ends: heirs}),
		"ends_hostile":    admin.End(admin.EndProps{Frame: evil(), Ends: evils}),
		"ending":          admin.Ending(admin.EndingProps{Frame: inside("End", "/admin/subscriptions"), Ending: going}),
		"ending_hostile":  admin.Ending(admin.EndingProps{Frame: evil(), Ending: bad}),
		"endings":         admin.Endings(admin.EndingsProps{Frame: inside("Ended subscriptions", "/admin/subscriptions"), Rows: []ui.EndingRow{{Href: "/somewhere/e1", Name: "Weather v1", Who: "Nils Holm", When: "Now", At: until, Tone: ui.Good, Word: "All ended", Progress: "3 of 3 ended"}}}),
		"endings_none":    admin.Endings(admin.EndingsProps{Frame: inside("Ended subscriptions", "/admin/subscriptions")}),
		"endings_hostile": admin.Endings(admin.EndingsProps{Frame: evil(), Rows: []ui.EndingRow{{Href: hostile, Name: hostile, Who: hostile, When: hostile, At: until, Word: hostile, Progress: hostile}}}),
	}
}

func TestEndPages(t *testing.T) {
	t.Parallel()
	for name, page := range ends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden.HTML(t, name, page)
		})
	}
}
