// Package session knows who is signed in, across requests, and carries notices
// to the next page. It lends gorilla/sessions to Fiber; sessions are rows that
// accounts keeps.
package session

import (
	"context"
	"net/http"

	"github.com/gorilla/sessions"

	"tollgate/accounts"
	"tollgate/internal/fault"
)

// Rows is where sessions are kept: accounts.Sessions.
type Rows interface {
	Find(ctx context.Context, id string) (accounts.Session, error)
	Begin(ctx context.Context, who accounts.Actor, data map[string]string, at accounts.Browser, old string) (string, accounts.Session, error)
	Remember(ctx context.Context, id string, data map[string]string) error
	End(ctx context.Context, id string) error
}

// Names are all names that the portal's cookie can have. Nobody but the portal may
// see it.
func Names() []string { return []string{cookieHTTPS, cookieHTTP} }

// The names of the cookie. With the prefix __Host- browsers accept it over https
// only, from this host only.
const (
	cookieHTTPS = "__Host-tollgate"
	cookieHTTP  = "tollgate"
)

// longestID is what a cookie may hold at most to be looked at.
const longestID = 64

// The keys of a gorilla session's values.
type (
	rowKey struct{} // accounts.Session: what the cookie opened
	newKey struct{} // accounts.Actor: whom to open a session for
)

// store is a sessions.Store whose sessions are rows.
type store struct {
	rows   Rows
	secure bool
}

// Get returns the session of r called name, one a request.
func (s *store) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New opens the session that the cookie of r names. A cookie that opens none
// makes its bearer a visitor; only a database that does not answer is an error.
func (s *store) New(r *http.Request, name string) (*sessions.Session, error) {
	ss := sessions.NewSession(s, name)
	ss.Options = &sessions.Options{Path: "/", HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode}
	ss.IsNew = true
	cookie, err := r.Cookie(name)
	if err != nil || cookie.Value == "" || len(cookie.Value) > longestID {
		return ss, nil //nolint:nilerr // no cookie: a visitor
	}
	row, err := s.rows.Find(r.Context(), cookie.Value)
	if fault.KindOf(err) == fault.NotFound {
		return ss, nil
	}
	if err != nil {
		return ss, err
	}
	ss.ID, ss.IsNew, ss.Values[rowKey{}] = cookie.Value, false, row
	return ss, nil
}

// Save writes ss: it ends it when its age is negative, opens a new one when it
// has an actor to open it for or no id yet, and otherwise keeps what it remembers.
func (s *store) Save(r *http.Request, w http.ResponseWriter, ss *sessions.Session) error {
	row, _ := ss.Values[rowKey{}].(accounts.Session)
	who, begin := ss.Values[newKey{}].(accounts.Actor)
	switch {
	case ss.Options.MaxAge < 0:
		if err := s.rows.End(r.Context(), ss.ID); err != nil {
			return err
		}
		ss.ID = ""
	case begin || ss.ID == "":
		at := accounts.Browser{UserAgent: r.UserAgent(), Address: r.RemoteAddr}
		id, opened, err := s.rows.Begin(r.Context(), who, row.Data, at, ss.ID)
		if err != nil {
			return err
		}
		delete(ss.Values, newKey{})
		ss.ID, ss.Values[rowKey{}] = id, opened
	default:
		return s.rows.Remember(r.Context(), ss.ID, row.Data)
	}
	http.SetCookie(w, sessions.NewCookie(ss.Name(), ss.ID, ss.Options))
	return nil
}
