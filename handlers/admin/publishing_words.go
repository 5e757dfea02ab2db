package admin

import (
	"time"

	"tollgate/handlers/sheet"
	"tollgate/models"
	"tollgate/usage"
	page "tollgate/views/page/admin"
	"tollgate/views/ui"
	"tollgate/web/respond"
)

// refused is how many windows Stripe said no to.
func refused(s usage.Status) int64 {
	var n int64
	for _, t := range s.Troubles {
		if t.State == models.WindowRefused {
			n += t.Windows
		}
	}
	return n
}

// publishingWords say in one sentence how publishing stands, at business time now.
func publishingWords(s usage.Status, now time.Time) (ui.Tone, string, string) {
	stuck, retried := refused(s), int64(0)
	for _, t := range s.Troubles {
		if t.State != models.WindowRefused {
			retried += t.Windows
		}
	}
	late := !s.Oldest.IsZero() && now.Sub(s.Oldest) > 2*time.Hour
	switch {
	case stuck > 0:
		return ui.Bad, "Needs you", ui.Plural(stuck, "window was", "windows were") + " refused by Stripe. Put the reason right and try again, or write them off."
	case s.State == models.RunRunning || s.Asked:
		return ui.Quiet, "Running", "What was used is being sealed and sent."
	case retried > 0:
		return ui.Attention, "Tried again", ui.Plural(retried, "window was", "windows were") + " not taken yet. They are tried again until they are; nothing is lost."
	case late:
		return ui.Attention, "Late", "What was used has waited for " + ui.Duration(now.Sub(s.Oldest)) + "."
	case s.Started.IsZero():
		return ui.Quiet, "Not yet", "Usage has not been published yet."
	case s.Waiting > 0:
		return ui.Quiet, "On the way", ui.Plural(s.Waiting, "window waits", "windows wait") + " to be sent."
	}
	return ui.Good, "All sent", "Everything that is sealed is at Stripe."
}

// progressOf says how far a run is.
func progressOf(s usage.Status) (*ui.Gauge, string) {
	text := ui.Count(s.Done) + " of " + ui.Plural(s.Windows, "window", "windows")
	if s.Windows == 0 {
		text = "Calls are being sealed"
	}
	if s.PerSecond > 0 {
		text += ", " + ui.Count(s.PerSecond) + " a second"
	}
	return &ui.Gauge{Label: text, Used: s.Done, Of: max(s.Windows, 1)}, text
}

// publishingFigures are the numbers that the page begins with.
func publishingFigures(s usage.Status, now time.Time) []ui.Figure {
	waiting := ui.Figure{Name: "Waiting", Text: ui.Plural(s.Waiting, "window", "windows"), Note: ui.Plural(s.WaitingUnits, "unit", "units")}
	oldest := past("Oldest not sent", s.Oldest, now, "None")
	if !s.Unsealed.IsZero() {
		waiting.Note += ", and calls not sealed yet since " + s.Unsealed.UTC().Format("15:04 MST")
	}
	last := past("Last run", s.Started, now, "Never")
	if !s.Started.IsZero() && s.State == models.RunCompleted {
		last.Note += map[string]string{models.RunSuccessful: ", sent all it had", models.RunFailed: ", did not send all it had"}[s.Status]
		if s.PerSecond > 0 {
			last.Note += ", " + ui.Count(s.PerSecond) + " windows a second"
		}
	}
	next := ui.Figure{Name: "Next run", Text: "Now"}
	if at := s.Started.Add(s.Every); !s.Started.IsZero() && at.After(now) && !s.Asked {
		next.Text, next.Note = "In "+ui.Duration(at.Sub(now)), ui.Instant(at)+", or sooner around the end of a period"
	}
	return []ui.Figure{waiting, oldest, last, next}
}

// past is an instant as a figure: how long ago it was, or never.
func past(name string, at, now time.Time, never string) ui.Figure {
	if at.IsZero() {
		return ui.Figure{Name: name, Text: never}
	}
	return ui.Figure{Name: name, Text: ui.Ago(at, now), Note: ui.Instant(at)}
}

// troubleRow puts windows that do not reach Stripe into a line, at wall time now.
func troubleRow(t usage.Trouble, names map[string]string, now time.Time) page.TroubleRow {
	r := page.TroubleRow{
		Account: t.Account, Windows: ui.Count(t.Windows), Units: ui.Count(t.Units), Reason: t.Problem, Oldest: t.Oldest,
	}
	r.Name = accountNamed(names, t.Account)
	r.Tone, r.Word = sheet.WindowWord(t.State)
	if t.State == models.WindowSealed || t.State == models.WindowSending {
		r.Tone, r.Word = ui.Attention, "Tried again"
	}
	switch wait := t.NextTry.Sub(now); {
	case t.NextTry.IsZero():
	case wait < time.Second:
		r.Next = "Tried again now."
	case wait < time.Minute:
		r.Next = "Tried again in less than a minute."
	default:
		r.Next = "Tried again in " + ui.Duration(wait) + "."
	}
	if t.State == models.WindowUnknown {
		r.Next = "Nobody knows whether Stripe counted them, so they are not sent again unseen."
	}
	state := "waiting"
	if t.State == models.WindowRefused {
		state = models.WindowRefused
	}
	r.List = respond.Link(publishingPath, "state", state, "account", t.Account)
	return r
}

func accountNamed(names map[string]string, account string) string {
	if names[account] != "" {
		return names[account]
	}
	return "An account without a name"
}

// decisions are the accounts some of whose windows wait for a person, in their order.
func decisions(all []usage.Trouble, names map[string]string) []page.DecisionRow {
	var out []page.DecisionRow
	windows, units, at := map[string]int64{}, map[string]int64{}, map[string]int{}
	for _, t := range all {
		if t.State != models.WindowRefused && t.State != models.WindowUnknown {
			continue
		}
		windows[t.Account] += t.Windows
		units[t.Account] += t.Units
		if _, there := at[t.Account]; !there {
			at[t.Account] = len(out)
			out = append(out, page.DecisionRow{Account: t.Account, Name: accountNamed(names, t.Account)})
		}
		d := &out[at[t.Account]]
		d.About = ui.Plural(windows[t.Account], "window", "windows") + ", " + ui.Plural(units[t.Account], "unit", "units")
		d.Lost = "Or give them up: " + ui.Plural(units[t.Account], "unit is", "units are") + " then not billed, and that cannot be taken back. What is written off stays in the ledger and is listed as not billed."
	}
	return out
}

// publishingHealth is the card of the overview.
func publishingHealth(s usage.Status, now time.Time) page.Health {
	h := page.Health{More: ui.Link{Href: publishingPath, Label: "Usage publishing"}}
	h.Tone, h.Word, h.Sentence = publishingWords(s, now)
	h.Facts = []page.Fact{{Name: "Windows waiting", Value: ui.Count(s.Waiting)}, {Name: "Units waiting", Value: ui.Count(s.WaitingUnits)}}
	return h
}
