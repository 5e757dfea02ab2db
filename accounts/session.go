package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/models"
)

// How long a sign-in session lasts, in wall time.
const (
	sessionIdle = 12 * time.Hour     // after its last use
	sessionLife = 7 * 24 * time.Hour // after sign-in, used or not
	visitorLife = 30 * time.Minute   // of a session without a person
	seenStep    = time.Minute        // how exactly the last use is noted
)

// errNoSession is what a cookie gets that opens no session.
var errNoSession = fault.New(fault.NotFound, "Session not found.")

// Sessions keeps who is signed in where. A session is a row; the browser holds
// only its random id, of which we keep the hash.
type Sessions struct {
	DB   *bun.DB
	Wall clock.Wall
}

// A Session is one browser of one person, or of a visitor.
type Session struct {
	PublicID           string // names it on pages; opens nothing
	Actor              Actor  // the zero Actor for a visitor
	Organization       string // the name of the person's tenant; "" for a visitor
	Theme              string // system, light or dark
	Data               map[string]string
	UserAgent, Address string
	CreatedAt, SeenAt  time.Time
	ExpiresAt          time.Time
}

// A Browser is what a session notes about where it was opened.
type Browser struct{ UserAgent, Address string }

// Find returns the session that id opens, with its person as they are now. It is
// a NotFound fault when the id opens none: it ended, or its person may no longer
// sign in.
func (s *Sessions) Find(ctx context.Context, id string) (Session, error) {
	row, err := models.SessionByHash(ctx, s.DB, hashOf(id))
	if err != nil {
		return Session{}, err
	}
	now := s.Wall.Now()
	if !now.Before(row.ExpiresAt.Time()) {
		return Session{}, errNoSession
	}
	out := sessionOf(row)
	if row.PersonID == "" {
		return out, nil
	}
	p, err := models.PersonByID(ctx, s.DB, row.TenantID, row.PersonID)
	if err != nil {
		return Session{}, err
	}
	t, err := models.TenantByID(ctx, s.DB, row.TenantID)
	if err != nil {
		return Session{}, err
	}
	if out.Actor, err = actorIn(ctx, s.DB, t, p); err != nil {
		return Session{}, err
	}
	out.Organization, out.Theme = t.Name, p.Theme
	return out, s.see(ctx, row, now)
}

// see notes that a session is in use, at most once a minute.
func (s *Sessions) see(ctx context.Context, row models.SignInSession, now time.Time) error {
	if now.Sub(row.SeenAt.Time()) < seenStep {
		return nil
	}
	expires := now.Add(sessionIdle)
	if last := row.CreatedAt.Time().Add(sessionLife); last.Before(expires) {
		expires = last
	}
	return models.SeeSession(ctx, s.DB, row.IDHash, models.At(now), models.At(expires))
}

// Begin opens a session for who, or for a visitor when who is the zero Actor,
// and returns the id that opens it. The session old, which the browser had
// before, ends: an id known to others before sign-in opens nothing after it.
func (s *Sessions) Begin(ctx context.Context, who Actor, data map[string]string, at Browser, old string) (string, Session, error) {
	id, now := newToken(), s.Wall.Now()
	row := models.SignInSession{
		IDHash: hashOf(id), PublicID: models.NewID(), TenantID: who.Tenant, PersonID: who.Person, Data: data,
		UserAgent: clip(at.UserAgent, 255), Address: clip(at.Address, 64),
		CreatedAt: models.At(now), SeenAt: models.At(now), ExpiresAt: models.At(now.Add(sessionIdle)),
	}
	if row.Data == nil {
		row.Data = map[string]string{}
	}
	if !who.SignedIn() {
		row.TenantID, row.PersonID = models.SuperTenant, ""
		row.ExpiresAt = models.At(now.Add(visitorLife))
	}
	err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		if old != "" {
			if err := models.DeleteSession(ctx, tx, hashOf(old)); err != nil {
				return err
			}
		}
		return models.InsertSession(ctx, tx, row)
	})
	out := sessionOf(row)
	out.Actor = who
	return id, out, err
}

// Remember replaces what the session that id opens remembers.
func (s *Sessions) Remember(ctx context.Context, id string, data map[string]string) error {
	return models.SaveSessionData(ctx, s.DB, models.SignInSession{IDHash: hashOf(id), Data: data})
}

// End ends the session that id opens. One that is over is no error.
func (s *Sessions) End(ctx context.Context, id string) error {
	return models.DeleteSession(ctx, s.DB, hashOf(id))
}

// List returns the sessions of who, last used first.
func (s *Sessions) List(ctx context.Context, who Actor) ([]Session, error) {
	rows, err := models.PersonSessions(ctx, s.DB, who.Tenant, who.Person, models.At(s.Wall.Now()))
	out := make([]Session, len(rows))
	for i, row := range rows {
		out[i] = sessionOf(row)
	}
	return out, err
}

// EndOne ends one of the sessions of who, by its public id.
func (s *Sessions) EndOne(ctx context.Context, who Actor, public string) error {
	err := models.DeletePersonSession(ctx, s.DB, who.Tenant, who.Person, public)
	if fault.KindOf(err) == fault.Conflict {
		return errNoSession
	}
	return err
}

// EndOthers ends the sessions of who but the one with the public id keep, and
// returns how many there were.
func (s *Sessions) EndOthers(ctx context.Context, who Actor, keep string) (int64, error) {
	return models.DeletePersonSessions(ctx, s.DB, who.Tenant, who.Person, keep)
}

// RunOnce forgets sessions and wrong passwords that no longer count. It returns
// when to run it again.
func (s *Sessions) RunOnce(ctx context.Context) (time.Time, error) {
	now := s.Wall.Now()
	if err := models.DeleteExpiredSessions(ctx, s.DB, models.At(now)); err != nil {
		return time.Time{}, err
	}
	return now.Add(time.Hour), models.DeleteOldFailures(ctx, s.DB, models.At(now.Add(-forgetAfter)))
}

func sessionOf(row models.SignInSession) Session {
	return Session{
		PublicID: row.PublicID, Theme: themeSystem, Data: row.Data, UserAgent: row.UserAgent, Address: row.Address,
		CreatedAt: row.CreatedAt.Time(), SeenAt: row.SeenAt.Time(), ExpiresAt: row.ExpiresAt.Time(),
	}
}

// actorOf returns p as one who acts, as actorIn does.
func actorOf(ctx context.Context, db bun.IDB, p models.Person) (Actor, error) {
	t, err := models.TenantByID(ctx, db, p.TenantID)
	if err != nil {
		return Actor{}, err
	}
	return actorIn(ctx, db, t, p)
}

// actorIn returns p of tenant t as one who acts. Somebody who may not sign in,
// because they or their tenant are disabled, is not found.
func actorIn(ctx context.Context, db bun.IDB, t models.Tenant, p models.Person) (Actor, error) {
	if p.State != models.StateActive || t.State != models.StateActive {
		return Actor{}, errNoSession
	}
	roles, err := models.RolesOf(ctx, db, p.ID)
	if err != nil {
		return Actor{}, err
	}
	return Actor{
		Tenant: p.TenantID, Domain: t.Domain, Person: p.ID, Username: p.Username, Name: p.DisplayName,
		Email: p.Email, Roles: rolesOf(roles[p.ID]),
	}, nil
}

// rolesOf returns names as roles.
func rolesOf(names []string) []Role {
	out := make([]Role, len(names))
	for i, n := range names {
		out[i] = Role(n)
	}
	return out
}

// newToken returns 256 random bits as 43 characters.
func newToken() string {
	var b [32]byte
	rand.Read(b[:]) //nolint:errcheck // it never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// hashOf is what we keep of a token. It has 256 random bits, so a plain hash
// cannot be turned back.
func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// clip returns the first n characters of text, without bytes that no engine stores.
func clip(text string, n int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\x00", "")
	if r := []rune(text); len(r) > n {
		return string(r[:n])
	}
	return text
}
