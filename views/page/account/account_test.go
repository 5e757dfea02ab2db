package account_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/a-h/templ"

	"tollgate/internal/golden"
	"tollgate/views/layout"
	"tollgate/views/page/account"
	"tollgate/views/ui"
)

// hostile tries to leave every place where text goes.
const hostile = `"><script>alert(1)</script>`

var (
	tape   = &layout.Tape{Now: time.Date(2026, 12, 8, 14, 32, 0, 0, time.UTC), URL: "http://localhost:8281/"}
	morn   = time.Date(2026, 12, 8, 8, 5, 0, 0, time.UTC)
	begun  = time.Date(2026, 11, 30, 17, 40, 0, 0, time.UTC)
	person = &layout.Person{Name: "Ada Byron", Detail: "Subscriber"}
)

func stranger(title string) layout.Frame {
	return layout.Frame{Title: title, Tenant: "Acme APIs", Tape: tape, FormToken: "tok_1", Path: "/sign-in"}
}

func inside(title string) layout.Frame {
	f := stranger(title)
	f.Person, f.Portals, f.Path, f.Current = person, []layout.Portal{layout.Publisher, layout.Devportal}, "/account", "/account"
	return f
}

func profile(problems map[string]string) account.ProfileProps {
	return account.ProfileProps{
		Frame: inside("Your account"), Username: "ada", Organization: "Acme APIs", Roles: "Publisher, Subscriber",
		DisplayName: "Ada Byron", Email: "ada@example.com", Problems: problems,
		Sessions: []account.Session{
			{ID: "s1", Browser: "Firefox on Linux", Address: "192.0.2.7", Since: morn, Seen: tape.Now, Current: true},
			{ID: "s2", Browser: "Safari on iPhone", Address: "2001:db8::17", Since: begun, Seen: morn},
		},
	}
}

func told() account.NoticesProps {
	f := inside("Notices")
	f.Portal, f.Current, f.Unread, f.Portals = layout.Devportal, "/account/notices", 120, nil
	return account.NoticesProps{
		Frame: f, Lead: "2 notices are new.", Until: "1796000000000", Pager: ui.Pager{Showing: "3 notices", Next: "/account/notices?after=1.a"},
		Rows: []account.NoticeRow{
			{
				ID: "n1", Subject: "The payment for City Weather failed", Urgent: true, At: tape.Now, Ago: "just now", LinkText: "Update your card", LinkURL: "/devportal/subscriptions/7c1e0b52",
				Paragraphs: []string{"9.00 USD for City Weather v1, plan Basic, could not be charged: your card was declined.", "It is tried again on 12 Dec 2026.\nUntil then your calls are served."},
				Mail:       "also mailed to ada@example.com",
			},
			{ID: "n2", Subject: "Your trial of Geocoding ends on 15 Dec 2026", At: morn, Ago: "6 h 27 min ago", Paragraphs: []string{"From then on it costs 49.00 USD a month."}},
			{ID: "n3", Subject: "Your plan has changed", Read: true, Urgent: true, At: begun, Ago: "7 days 20 h ago", Paragraphs: []string{"City Weather is on plan Gold now."}, LinkText: "Open the subscription", LinkURL: "/devportal/subscriptions/7c1e0b52", Mail: "not mailed: you have no e-mail address"},
		},
	}
}

// pages are all pages in their states.
func pages() map[string]templ.Component {
	hostileFrame := layout.Frame{Title: hostile, Tenant: hostile, FormToken: hostile, Path: hostile, Person: &layout.Person{Name: hostile, Detail: hostile}}
	tooShort := map[string]string{"new": "Use at least 10 characters; a few words are easy to remember.", "again": "This is not the same as above."}
	return map[string]templ.Component{
		"sign_in":      account.SignIn(account.SignInProps{Frame: stranger("Sign in")}),
		"sign_in_demo": account.SignIn(account.SignInProps{Frame: stranger("Sign in"), Demo: true, Next: "/devportal/invoices"}),
		"sign_in_refused": account.SignIn(account.SignInProps{
			Frame: stranger("Sign in"), Demo: true, Username: "ada",
			Problem: "This name and password do not go together. Nothing else has changed; try again.",
		}),
		"sign_in_hostile":      account.SignIn(account.SignInProps{Frame: hostileFrame, Username: hostile, Next: hostile, Problem: hostile}),
		"set_password":         account.SetPassword(account.SetPasswordProps{Frame: stranger("Set your password"), Username: "ada", Action: "/account/link/t1"}),
		"set_password_problem": account.SetPassword(account.SetPasswordProps{Frame: stranger("Set your password"), Username: "ada", Action: "/account/link/t1", Problems: tooShort}),
		"profile":              account.Profile(profile(nil)),
		"profile_problem": account.Profile(profile(map[string]string{
			"email": "Enter an e-mail address such as ada@example.com.", "current": "This is not your password.",
		})),
		"profile_hostile": account.Profile(account.ProfileProps{
			Frame: hostileFrame, Username: hostile, Organization: hostile, Roles: hostile, DisplayName: hostile, Email: hostile,
			Problems: map[string]string{"display_name": hostile}, Sessions: []account.Session{{ID: hostile, Browser: hostile, Address: hostile}},
		}),
		"notices":         account.Notices(told()),
		"notices_none":    account.Notices(account.NoticesProps{Frame: inside("Notices"), Lead: "What concerns you is told here, and by mail."}),
		"notices_hostile": account.Notices(account.NoticesProps{Frame: hostileFrame, Lead: hostile, Until: hostile, Rows: []account.NoticeRow{{ID: hostile, Subject: hostile, Paragraphs: []string{hostile}, Urgent: true, Ago: hostile, LinkText: hostile, LinkURL: "javascript:alert(1)", Mail: hostile}}}),
		"trouble_404": account.Trouble(account.TroubleProps{
			Frame: inPortal(), Status: http.StatusNotFound, Address: "/devportal/subscriptions/7c1e0b52", RequestID: "req_8Fq2LmZ4",
			Sentence: "It may have been removed, or it belongs to somebody else and you are not signed in as them.",
			Actions:  []ui.Link{{Href: "/devportal", Label: "Browse APIs"}, {Href: "/devportal/subscriptions", Label: "My subscriptions"}},
		}),
		"trouble_stranger": account.Trouble(account.TroubleProps{
			Frame: stranger("There is nothing at this address"), Status: http.StatusNotFound, Address: "/nowhere", RequestID: "req_8Fq2LmZ4",
			Sentence: "This page does not exist, or is not yours.",
		}),
		"trouble_500": account.Trouble(account.TroubleProps{
			Frame: inside("Something went wrong"), Status: http.StatusInternalServerError, RequestID: "req_8Fq2LmZ4",
			Sentence: "Nothing you typed was the reason; try again in a moment.",
		}),
		"trouble_422": account.Trouble(account.TroubleProps{
			Frame: inside("Something is not right"), Status: http.StatusUnprocessableEntity, Address: "/devportal/subscriptions/1/cancel",
			Sentence: "Go back and choose again.", Problems: []string{"Choose when it ends."},
		}),
		"trouble_hostile": account.Trouble(account.TroubleProps{
			Frame: hostileFrame, Status: 799, Title: hostile, Sentence: hostile, Problems: []string{hostile}, Address: hostile, RequestID: hostile,
			Actions: []ui.Link{{Href: "javascript:alert(1)", Label: hostile}},
		}),
	}
}

func inPortal() layout.Frame {
	f := inside("There is nothing at this address")
	f.Portal, f.Current, f.Portals = layout.Devportal, "", []layout.Portal{layout.Publisher}
	return f
}

func TestPages(t *testing.T) {
	t.Parallel()
	for name, page := range pages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden.HTML(t, name, page)
		})
	}
}
