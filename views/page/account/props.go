// Package account is the pages of signing in, of one's own account, and of what
// went wrong. Every page takes finished words.
package account

import (
	"time"

	"tollgate/views/layout"
	"tollgate/views/ui"
)

// SignInProps is what the page at /sign-in shows. Its form sends username,
// password and next to POST /sign-in.
type SignInProps struct {
	layout.Frame
	Username string // as typed before
	Next     string // where to go on, a path of ours; "" for home
	Problem  string // why it did not work; "" at first
	Demo     bool   // the demo's people are here: say their names and password
}

// SetPasswordProps is what somebody sees who came by a one-time link. The form
// sends new and again to Action.
type SetPasswordProps struct {
	layout.Frame
	Username string // whose password it is
	Action   string
	Problems map[string]string // by field: new, again
}

// ProfileProps is what the page at /account shows. Its forms send display_name
// and email to POST /account; current, new and again to POST /account/password;
// nothing to POST /account/sessions/{id}/end and /account/sessions/end-others.
type ProfileProps struct {
	layout.Frame
	Username           string
	Organization       string // the tenant's name
	Roles              string // in words: Admin, Publisher
	DisplayName, Email string
	Problems           map[string]string // by field, of either form
	Sessions           []Session         // newest first
}

// A Session is a browser in which a person is signed in.
type Session struct {
	ID          string // its public id, for the address of End
	Browser     string // in words: Firefox on Linux
	Address     string // network address it was last used from
	Since, Seen time.Time
	Current     bool // the one this page is read in
}

// TroubleProps is what a page says when a request failed.
type TroubleProps struct {
	layout.Frame
	Status    int
	Title     string    // in plain words; "" for the usual ones of Status
	Sentence  string    // what happened and what to do
	Problems  []string  // what is wrong with what was sent; nil for nothing to list
	Address   string    // of the request: its path
	RequestID string    // to be told when asking for help; "" for none
	Actions   []ui.Link // where to go from here, the likeliest first; nil for the usual ones
}
