package devportal

import (
	"time"

	"github.com/a-h/templ"

	"tollgate/views/layout"
	"tollgate/views/ui"
)

// A KeyRow is an API key in a list. The key itself is nowhere but with its owner.
type KeyRow struct {
	ID       string
	Name     string
	Kind     string // Production, Sandbox
	Begins   string // how the key begins
	Created  time.Time
	LastUsed time.Time // zero: never
	Expires  time.Time // zero: never
	Tone     ui.Tone
	State    string // Active, Expires soon, Expired, Revoked
	Live     bool   // calls can be made with it, or could be again
}

// A KeyForm is what somebody entered to get a key. It is sent as name, type, life
// and expires to POST /devportal/applications/{uuid}/keys.
type KeyForm struct {
	Name, Type string
	KeyLife
	Problem  string // of the whole
	Problems map[string]string
}

// A KeyLife is how long a key is to work: until Expires, a date, when Life is
// ExpiresOnDate.
type KeyLife struct{ Life, Expires string }

// The values of type.
const (
	KindProduction = "PRODUCTION"
	KindSandbox    = "SANDBOX"
)

// The values of life, beside numbers of days.
const (
	ExpiresNever  = "never"
	ExpiresOnDate = "date"
)

// An Example is a call that can be made, as a command.
type Example struct {
	Name string // of the API, and the plan
	Text string
}

// NewKeyProps is what answers the making of a key: the only page that shows it.
type NewKeyProps struct {
	layout.Frame
	ApplicationID, Application string
	Key                        string // the whole of it
	Row                        KeyRow
	Replaces                   string    // what the key that it follows is called now; "" for none
	Until                      time.Time // when that one stops; zero: it has stopped
	Examples                   []Example // with the key in them
}

// KeyProps is what the page at /devportal/applications/{uuid}/keys/{id} shows. Its
// forms send overlap, life and expires to …/rotate and nothing to …/revoke.
type KeyProps struct {
	layout.Frame
	ApplicationID, Application string
	Row                        KeyRow
	Overlap                    string // hours, as chosen
	KeyLife                           // of the key that follows
	Problem                    string // of the whole
	Problems                   map[string]string
	Calls                      []string // names of the APIs that it can call
}

var keyKinds = []ui.Choice{
	{Value: KindProduction, Label: "Production", Hint: "For what you run for real."},
	{Value: KindSandbox, Label: "Sandbox", Hint: "For trying things out. Its calls count and cost the same."},
}

var keyLives = []ui.Choice{
	{Value: ExpiresNever, Label: "Never"}, {Value: "30", Label: "In 30 days"}, {Value: "90", Label: "In 90 days"},
	{Value: "365", Label: "In 365 days"}, {Value: ExpiresOnDate, Label: "On a date"},
}

var overlaps = []ui.Choice{
	{Value: "0", Label: "At once", Hint: "Calls with the old key are refused within a second. Right when it has leaked."},
	{Value: "1", Label: "In 1 hour"},
	{Value: "24", Label: "In 24 hours"},
	{Value: "168", Label: "In 7 days", Hint: "Until then both keys work, so that you can exchange them without a pause."},
}

func keyURL(application, key string, more ...string) templ.SafeURL {
	return at(append([]string{"applications", application, "keys", key}, more...)...)
}

func (f KeyForm) kind() string {
	if f.Type == "" {
		return KindProduction
	}
	return f.Type
}

func (l KeyLife) life() string {
	if l.Life == "" {
		return ExpiresNever
	}
	return l.Life
}

func (p KeyProps) overlap() string {
	if p.Overlap == "" {
		return "24"
	}
	return p.Overlap
}

// called says what stops when the key does.
func (p KeyProps) called() string {
	if len(p.Calls) == 0 {
		return "Nothing can be called with it yet, because " + p.Application + " is subscribed to nothing."
	}
	return "Calls to " + ui.Listed(p.Calls) + " that are made with it are refused with 401 within a second."
}

func (p KeyProps) lead() string {
	if !p.Row.Live {
		return "Calls that are made with it are refused."
	}
	if len(p.Calls) == 0 {
		return p.Application + " is subscribed to nothing yet, so there is nothing to call with it."
	}
	return "It calls " + ui.Listed(p.Calls) + " for " + p.Application + "."
}
