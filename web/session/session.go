package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/gofiber/fiber/v2"
	"github.com/gorilla/sessions"

	"tollgate/accounts"
)

// A Keeper opens the session of each request and writes it back.
type Keeper struct {
	store *store
	name  string
}

// NewKeeper returns a Keeper over rows. secure says that browsers reach the
// portal by https.
func NewKeeper(rows Rows, secure bool) *Keeper {
	name := cookieHTTP
	if secure {
		name = cookieHTTPS
	}
	return &Keeper{&store{rows: rows, secure: secure}, name}
}

// A Note is told to the person on the next page they see. Tone is good,
// attention or bad.
type Note struct{ Tone, Text string }

// notesKey is where a session remembers notes.
const notesKey = "notes"

// visit is the session of one request.
type visit struct {
	keeper  *Keeper
	request *http.Request
	session *sessions.Session
	changed bool
}

type visitKey struct{}

// Open opens the session of c. It must come before every other function here;
// without it everybody is a visitor.
func (k *Keeper) Open(c *fiber.Ctx) error {
	r := request(c)
	ss, err := k.store.Get(r, k.name)
	if err != nil {
		return err
	}
	c.Locals(visitKey{}, &visit{keeper: k, request: r, session: ss})
	return nil
}

// Opened reports whether the session of c is open.
func Opened(c *fiber.Ctx) bool { return of(c) != nil }

// Close writes back what changed in the session of c.
func (k *Keeper) Close(c *fiber.Ctx) error {
	v := of(c)
	if v == nil || !v.changed {
		return nil
	}
	return v.save(c)
}

// Actor returns who is acting: the zero Actor for a visitor.
func Actor(c *fiber.Ctx) accounts.Actor {
	who := Current(c).Actor
	who.RequestID, _ = c.Locals(requestIDKey{}).(string)
	return who
}

// Current returns the session of c, the zero Session when there is none.
func Current(c *fiber.Ctx) accounts.Session {
	if v := of(c); v != nil {
		return v.row()
	}
	return accounts.Session{}
}

// SignIn opens a new session for who, with a new id; the one before ends.
func SignIn(c *fiber.Ctx, who accounts.Actor) error {
	v := of(c)
	v.session.Values[newKey{}] = who
	return v.save(c)
}

// SignOut ends the session of c, here and in the browser.
func SignOut(c *fiber.Ctx) error {
	v := of(c)
	v.session.Options.MaxAge = -1
	err := v.save(c)
	v.session.Options.MaxAge = 0
	delete(v.session.Values, rowKey{})
	return err
}

// Notice tells the person text on the next page they see. tone is good,
// attention or bad.
func Notice(c *fiber.Ctx, tone, text string) {
	if v := of(c); v != nil {
		v.keep(append(v.notes(), Note{tone, text}))
	}
}

// Notices returns the notes that wait for this page. They are told once.
func Notices(c *fiber.Ctx) []Note {
	v := of(c)
	if v == nil {
		return nil
	}
	notes := v.notes()
	if len(notes) > 0 {
		v.keep(nil)
	}
	return notes
}

// TokenField is the name of the hidden form field that holds the form token, and
// TokenHeader the header that scripts send it in.
const (
	TokenField  = "form_token"
	TokenHeader = "X-Form-Token"
)

// FormToken returns what forms of this session must send back: a value that says
// nothing of the session's id. It is "" without a session.
func FormToken(c *fiber.Ctx) string {
	v := of(c)
	if v == nil || v.session.ID == "" {
		return ""
	}
	return TokenOf(v.session.ID)
}

// TokenOf returns the form token of the session that an id opens.
func TokenOf(id string) string {
	mac := hmac.New(sha256.New, []byte(id))
	mac.Write([]byte("tollgate form"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// FormTokenFits reports whether the request sends the form token of its session.
func FormTokenFits(c *fiber.Ctx) bool {
	sent := c.Get(TokenHeader)
	if sent == "" {
		sent = c.FormValue(TokenField)
	}
	want := FormToken(c)
	return want != "" && hmac.Equal([]byte(sent), []byte(want))
}

// Request returns the request of c as net/http knows it, without a body.
func Request(c *fiber.Ctx) *http.Request {
	if v := of(c); v != nil {
		return v.request
	}
	return request(c)
}

func of(c *fiber.Ctx) *visit {
	v, _ := c.Locals(visitKey{}).(*visit)
	return v
}

func (v *visit) row() accounts.Session {
	row, _ := v.session.Values[rowKey{}].(accounts.Session)
	return row
}

func (v *visit) notes() []Note {
	var notes []Note
	if text := v.row().Data[notesKey]; text != "" {
		_ = json.Unmarshal([]byte(text), &notes) // what cannot be read was told
	}
	return notes
}

func (v *visit) keep(notes []Note) {
	row := v.row()
	data := map[string]string{}
	if len(notes) > 0 {
		text, _ := json.Marshal(notes) //nolint:errchkjson // strings only
		data[notesKey] = string(text)
	}
	row.Data = data
	v.session.Values[rowKey{}] = row
	v.changed = true
}

// save writes the session and hands its cookie to Fiber.
func (v *visit) save(c *fiber.Ctx) error {
	w := headers{}
	if err := v.session.Save(v.request.WithContext(c.UserContext()), w); err != nil {
		return err
	}
	v.changed = false
	for _, cookie := range http.Header(w)["Set-Cookie"] {
		c.Response().Header.Add("Set-Cookie", cookie)
	}
	return nil
}
