package ui

import "time"

// A Happening is one line of a timeline.
type Happening struct {
	At   time.Time
	Text string
	Note string // by whom or from where, said after the time
	Link string // "" for none
	Word string // what the link leads to
	Tone Tone   // Bad and Attention are marked; others are not
}

// icon marks what needs a look.
func (h Happening) icon() string {
	if h.Tone == Bad || h.Tone == Attention {
		return "alert"
	}
	return ""
}
