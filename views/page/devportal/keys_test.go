package devportal_test

import (
	"testing"

	"github.com/a-h/templ"

	"tollgate/views/page/devportal"
	"tollgate/views/ui"
)

const appID = "4d9b6a52-6f3c-4ab1-9ef3-6d1a6f1a9c11"

func keyRows() []devportal.KeyRow {
	return []devportal.KeyRow{
		{ID: "k3", Name: "Web server", Kind: "Production", Begins: "tgp_4pXq7B", Created: day(12, 1), LastUsed: now, Tone: ui.Good, State: "Active", Live: true},
		{ID: "k2", Name: "Web server (replaced)", Kind: "Production", Begins: "tgp_9sQm2R", Created: day(8, 14), LastUsed: day(12, 8), Expires: day(12, 9), Tone: ui.Attention, State: "Expires soon", Live: true},
		{ID: "k1", Name: "Tests", Kind: "Sandbox", Begins: "tgs_Aa01bC", Created: day(8, 14), Tone: ui.Quiet, State: "Revoked"},
	}
}

func newKey(change func(*devportal.NewKeyProps)) templ.Component {
	p := devportal.NewKeyProps{
		Frame:         frame("New API key", "/devportal/applications", ui.Link{Href: "/devportal/applications", Label: "Applications"}, ui.Link{Label: "New API key"}),
		ApplicationID: appID, Application: "Forecast widget", Key: "tgp_4pXq7BexampleKeyThatOpensNothing", Row: keyRows()[0],
		Examples: []devportal.Example{{Name: "Weather v1, Gold", Text: "curl -i \\\n  -H 'apikey: tgp_4pXq7BexampleKeyThatOpensNothing' \\\n  'http://127.0.0.1:8243/weather/v1/'"}},
	}
	change(&p)
	return devportal.NewKey(p)
}

func key(change func(*devportal.KeyProps)) templ.Component {
	p := devportal.KeyProps{
		Frame: frame("Web server", "/devportal/applications"), ApplicationID: appID, Application: "Forecast widget", Row: keyRows()[0], Calls: []string{"Weather v1", "Tides v1"},
	}
	change(&p)
	return devportal.Key(p)
}

func keyPages() map[string]templ.Component {
	app := devportal.ApplicationProps{
		Frame: frame("Forecast widget", "/devportal/applications"), ID: appID, Name: "Forecast widget", Created: day(8, 14),
		Subscriptions: rows()[:1], Keys: keyRows(), KeyForm: devportal.KeyForm{Name: "Key 1"},
	}
	first, wrong, full := app, app, app
	first.Keys = nil
	wrong.KeyForm = devportal.KeyForm{Name: "Web server", Type: "SANDBOX", KeyLife: devportal.KeyLife{Life: "date", Expires: "2026-12-01"},
		Problems: map[string]string{"name": "This application has a key of this name already.", "expires": "Choose today or a later day."}}
	full.MoreRevoked = 12
	full.KeyForm.Problem = "This application has 20 keys that work, the most there can be. Revoke one that is not needed, then try again."
	return map[string]templ.Component{
		"application_keys":        devportal.Application(app),
		"application_first_key":   devportal.Application(first),
		"application_key_problem": devportal.Application(wrong),
		"application_keys_full":   devportal.Application(full),

		"key_new":         newKey(func(*devportal.NewKeyProps) {}),
		"key_new_nothing": newKey(func(p *devportal.NewKeyProps) { p.Examples, p.Row.Expires = nil, day(12, 31) }),
		"key_rotated":     newKey(func(p *devportal.NewKeyProps) { p.Replaces, p.Until = "Web server (replaced)", day(12, 9) }),
		"key_replaced":    newKey(func(p *devportal.NewKeyProps) { p.Replaces = "Web server" }),
		"key":             key(func(*devportal.KeyProps) {}),
		"key_expiring":    key(func(p *devportal.KeyProps) { p.Row, p.Calls = keyRows()[1], nil }),
		"key_revoked":     key(func(p *devportal.KeyProps) { p.Row = keyRows()[2] }),
		"key_problem": key(func(p *devportal.KeyProps) {
			p.Overlap, p.Problem, p.Problems = "9", "A key that replaces this one was made already.", map[string]string{"overlap": "Choose how long the old key goes on working."}
		}),
		"key_hostile": devportal.Key(devportal.KeyProps{Frame: evil(), ApplicationID: hostile, Application: hostile, Problem: hostile, Problems: map[string]string{"life": hostile},
			Row: devportal.KeyRow{ID: hostile, Name: hostile, Kind: hostile, Begins: hostile, Tone: ui.Bad, State: hostile, Live: true}, Calls: []string{hostile}, Overlap: hostile}),
		"key_new_hostile": devportal.NewKey(devportal.NewKeyProps{Frame: evil(), ApplicationID: hostile, Application: hostile, Key: hostile, Replaces: hostile, Until: now,
			Row: devportal.KeyRow{Name: hostile}, Examples: []devportal.Example{{Name: hostile, Text: hostile}}}),
	}
}

func TestKeyPages(t *testing.T) {
	t.Parallel()
	tried(t, keyPages())
}
