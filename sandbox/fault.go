package sandbox

import (
	"errors"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// A Fault is something that is to go wrong, so that programs can be seen to
// bear it. Faults are forgotten at a restart.
type Fault struct {
	// Call is the method and how the path begins: "POST /v1/prices".
	Call string `json:"call,omitempty"`
	// After lets the call have its effect first; only the answer is lost.
	After bool `json:"after,omitempty"`
	// Status is answered in place of the truth; 0 cuts the connection.
	Status int `json:"status,omitempty"`

	// Webhook is the type of the events it befalls, or a pattern: "invoice.*".
	Webhook string `json:"webhook,omitempty"`
	// How is drop, duplicate, forge (a wrong signature), stale (signed an hour
	// ago) or late (an hour of business time later).
	How string `json:"how,omitempty"`

	// Times is how often it happens; 0 means once.
	Times int `json:"times,omitempty"`
}

var faultRoutes = []pageRoute{
	{"POST /_sandbox/faults", (*Server).serveFault},
	{"DELETE /_sandbox/faults", (*Server).serveFaultless},
}

// Inject makes f happen to the next calls or webhooks that it fits. It fails
// when f makes no sense.
func (s *Server) Inject(f Fault) error {
	_, badPattern := path.Match(f.Webhook, "")
	switch {
	case (f.Call == "") == (f.Webhook == ""):
		return errors.New(`a fault needs either a "call", such as "POST /v1/prices", or a "webhook", such as "invoice.*"`)
	case f.Call != "" && f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return errors.New(`the "status" of a fault is 400 to 599, or 0 to cut the connection`)
	case f.Webhook != "" && (badPattern != nil || !oneOf(f.How, []string{"drop", "duplicate", "forge", "stale", "late"})):
		return errors.New(`a webhook's fault needs "how": drop, duplicate, forge, stale or late`)
	}
	f.Times = max(f.Times, 1)
	s.faultLock.Lock()
	defer s.faultLock.Unlock()
	s.faults = append(s.faults, f)
	return nil
}

// strike takes the first fault that fits, once.
func (s *Server) strike(fits func(Fault) bool) (Fault, bool) {
	s.faultLock.Lock()
	defer s.faultLock.Unlock()
	i := slices.IndexFunc(s.faults, fits)
	if i < 0 {
		return Fault{}, false
	}
	f := s.faults[i]
	if s.faults[i].Times--; s.faults[i].Times == 0 {
		s.faults = slices.Delete(s.faults, i, i+1)
	}
	return f, true
}

// mishap is the fault that befalls this call, if any does.
func (c *call) mishap() (Fault, bool) {
	line := c.http.Method + " " + c.http.URL.Path
	return c.s.strike(func(f Fault) bool { return f.Call != "" && strings.HasPrefix(line, f.Call) })
}

// suffer makes the answer what f says.
func (c *call) suffer(f Fault) {
	if c.cut = f.Status == 0; c.cut {
		return
	}
	c.fail(&apiError{Status: f.Status, Type: "api_error", Message: "This failure was asked for at /_sandbox/faults."})
}

// mislay is how an event's delivery goes wrong, "" when it does not.
func (s *Server) mislay(eventType string) string {
	f, _ := s.strike(func(f Fault) bool {
		fits, _ := path.Match(f.Webhook, eventType) // Inject checked the pattern
		return f.Webhook != "" && fits
	})
	return f.How
}

// staleness is how old the signature of a stale webhook is, and how late a late one.
const staleness = time.Hour

func (s *Server) serveFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	if !readJSON(w, r, &f) {
		return
	}
	if err := s.Inject(f); err != nil {
		answerProblem(w, http.StatusBadRequest, err)
		return
	}
	answerJSON(w, http.StatusOK, f)
}

// serveFaultless forgets the faults that have not happened yet.
func (s *Server) serveFaultless(w http.ResponseWriter, _ *http.Request) {
	s.faultLock.Lock()
	defer s.faultLock.Unlock()
	s.faults = nil
	answerJSON(w, http.StatusOK, map[string]bool{"cleared": true})
}
