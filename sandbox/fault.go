package sandbox

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Fault is something that is to go wrong, so that programs can be seen to
// bear it. It befalls calls, webhooks or meter events. Faults are forgotten at a restart.
type Fault struct {
	ID string `json:"id,omitempty"` // names it in Remove; one is made unless the caller has

	// Call is the method and how the path begins: "POST /v1/prices".
	Call string `json:"call,omitempty"`
	// After lets the call have its effect first; only the answer is lost.
	After bool `json:"after,omitempty"`
	// Status is answered in place of the truth: 400 to 599. With How "" and no
	// status the connection is closed without an answer.
	Status int `json:"status,omitempty"`
	// RetryAfter is the Retry-After header of that answer, in seconds; 0 for none.
	RetryAfter int `json:"retry_after,omitempty"`

	// Webhook is the type of the events it befalls, or a pattern: "invoice.*".
	Webhook string `json:"webhook,omitempty"`

	// MeterEvent is the event_name of the meter events that it befalls when they were
	// accepted, or a pattern: "*".
	MeterEvent string `json:"meter_event,omitempty"`
	// Code is why a rejected meter event is rejected: archived_meter and the like.
	Code string `json:"code,omitempty"`

	// How says more. Calls: "" (see Status), lock (409, or Status, with the code
	// lock_timeout), timeout (no answer until the caller hangs up, or By is over),
	// slow (its effect, and with After only its answer, comes By later), reset (the
	// connection is reset). Meter events: duplicate (counted twice), late (counted
	// By later), reject (accepted, and rejected with Code when it would be counted).
	// Webhooks: drop, duplicate (sent twice),
	// reorder (held until the next one to its endpoint was sent), late (By later),
	// forge (a wrong signature), stale and future (signed an hour ago, or ahead),
	// version (rendered and labelled as Version), mode (livemode is flipped).
	How string `json:"how,omitempty"`
	// By is a time such as 90s, 5m, 2h or 3d: how late a late webhook is by business
	// time ("" for an hour), as is a late meter event; or how long by the wall a
	// timeout lasts ("" for 90 seconds), or a slow call takes ("" for 5).
	By string `json:"by,omitempty"`
	// Version is an API version, or "null" for an event that names none.
	Version string `json:"version,omitempty"`

	// Account is whose calls or events it befalls; "" for everybody's.
	Account string `json:"account,omitempty"`
	// Percent is how many of a hundred it befalls, drawn by Seed; 0 for all. The
	// draws of one seed are the same every time, for calls made one after the other.
	Percent int    `json:"percent,omitempty"`
	Seed    uint64 `json:"seed,omitempty"`
	// Times is how often it strikes, 0 for once, unless it is Standing: then it
	// strikes until it is removed.
	Times    int  `json:"times,omitempty"`
	Standing bool `json:"standing,omitempty"`

	Struck int `json:"struck"` // how often it did; what callers set is ignored
}

// The ways in which things go wrong.
const (
	howLock    = "lock"
	howTimeout = "timeout"
	howReset   = "reset"
	howSlow    = "slow"

	howReject = "reject"

	howDrop      = "drop"
	howDuplicate = "duplicate"
	howReorder   = "reorder"
	howLate      = "late"
	howForge     = "forge"
	howStale     = "stale"
	howFuture    = "future"
	howVersion   = "version"
	howMode      = "mode"
)

var (
	callHows    = []string{"", howLock, howTimeout, howSlow, howReset}
	usageHows   = []string{howDuplicate, howLate, howReject}
	webhookHows = []string{howDrop, howDuplicate, howReorder, howLate, howForge, howStale, howFuture, howVersion, howMode}
)

// staleness is how far the time of a stale or future signature is off, and how
// late a late webhook is unless it says otherwise.
const staleness = time.Hour

// patience is how long a timeout lasts unless it says otherwise: longer than
// Stripe's clients wait.
const patience = 90 * time.Second

// nullVersion stands for events that name no version.
const nullVersion = "null"

// An injected fault waits for what it befalls.
type injected struct {
	Fault
	dice *rand.Rand
}

// A faultProblem says what is wrong with which part of a fault.
type faultProblem struct{ part, message string }

func (p *faultProblem) Error() string { return `"` + p.part + `": ` + p.message }

// check refuses what makes no sense.
func (f Fault) check() error {
	_, badPattern := path.Match(f.Webhook+f.MeterEvent, "")
	_, spans := spanOf(f.By)
	switch {
	case named(f.Call, f.Webhook, f.MeterEvent) != 1:
		return errors.New(`a fault needs either a "call", such as "POST /v1/prices", or a "webhook", such as "invoice.*", or a "meter_event", such as "*"`)
	case f.Call != "" && !callLine(f.Call):
		return &faultProblem{"call", "Write a method and how the path begins, such as POST /v1/prices."}
	case f.Call != "" && !oneOf(f.How, callHows):
		return &faultProblem{"how", "A call's is lock, timeout, slow or reset, or none."}
	case f.Status != 0 && (f.Call == "" || f.Status < 400 || f.Status > 599):
		return &faultProblem{"status", "A call is answered with 400 to 599, or with 0 the connection is closed."}
	case f.RetryAfter < 0 || f.RetryAfter > 3600 || f.RetryAfter > 0 && f.Status == 0:
		return &faultProblem{"retry_after", "From 0 (none) to 3600 seconds, beside a status."}
	case f.Webhook != "" && badPattern != nil:
		return &faultProblem{"webhook", "Write a type of event, or a pattern such as invoice.*."}
	case f.Webhook != "" && !oneOf(f.How, webhookHows):
		return &faultProblem{"how", "A webhook's is one of " + strings.Join(webhookHows, ", ") + "."}
	case f.By != "" && !spans:
		return &faultProblem{"by", "Write a time such as 90s, 5m, 2h or 3d."}
	}
	if err := f.checkUsage(badPattern); err != nil {
		return err
	}
	return f.checkRest()
}

// named is how many of texts are not empty.
func named(texts ...string) (n int) {
	for _, text := range texts {
		if text != "" {
			n++
		}
	}
	return n
}

// checkUsage refuses what makes no sense for meter events, or only for them.
func (f Fault) checkUsage(badPattern error) error {
	rejects := f.How == howReject
	switch {
	case f.MeterEvent != "" && badPattern != nil:
		return &faultProblem{"meter_event", "Write the event_name of a meter, or a pattern such as *."}
	case f.MeterEvent != "" && !oneOf(f.How, usageHows):
		return &faultProblem{"how", "A meter event's is one of " + strings.Join(usageHows, ", ") + "."}
	case rejects && rejections[f.Code] == "":
		return &faultProblem{"code", "One of " + strings.Join(slices.Sorted(maps.Keys(rejections)), ", ") + "."}
	case !rejects && f.Code != "":
		return &faultProblem{"code", `It belongs to "how": "reject".`}
	}
	return nil
}

func (f Fault) checkRest() error {
	if f.How == howVersion && f.Version != nullVersion {
		if _, err := parseVersion(f.Version); err != nil {
			return &faultProblem{"version", fmt.Sprintf("Write a version from %s to %s, or null.", versions[0], versions[len(versions)-1])}
		}
	}
	switch {
	case f.How != howVersion && f.Version != "":
		return &faultProblem{"version", `It belongs to "how": "version".`}
	case f.Percent < 0 || f.Percent > 100:
		return &faultProblem{"percent", "From 1 to 100, or 0 for all."}
	case f.Times < 0 || f.Times > 0 && f.Standing:
		return &faultProblem{"times", "At least 1; none for a standing fault."}
	}
	return nil
}

// callLine reports whether a line is a method and the beginning of a path.
func callLine(line string) bool {
	method, at, ok := strings.Cut(line, " ")
	return ok && strings.HasPrefix(at, "/") && oneOf(method, []string{http.MethodGet, http.MethodPost, http.MethodDelete})
}

// span_ reads a time such as 90s, 5m, 2h, 3d or 1w.
func spanOf(text string) (time.Duration, bool) {
	parts := stride.FindStringSubmatch(text)
	if parts == nil {
		return 0, false
	}
	unit, ok := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}[parts[2]]
	n, _ := strconv.Atoi(parts[1]) // at most four digits
	return time.Duration(n) * unit, ok && n > 0
}

// by is f.By, or otherwise.
func (f Fault) by(otherwise time.Duration) time.Duration {
	if d, ok := spanOf(f.By); ok {
		return d
	}
	return otherwise
}

// Inject makes f happen to the next calls, webhooks or meter events that it fits. It fails
// when f makes no sense, or when its id is taken.
func (s *Server) Inject(f Fault) error {
	_, err := s.inject(f)
	return err
}

func (s *Server) inject(f Fault) (Fault, error) {
	if err := f.check(); err != nil {
		return f, err
	}
	if f.ID == "" {
		f.ID = "fault_" + s.random(10)
	}
	if f.Struck = 0; !f.Standing {
		f.Times = max(f.Times, 1)
	}
	s.faultLock.Lock()
	defer s.faultLock.Unlock()
	if slices.ContainsFunc(s.faults, func(other *injected) bool { return other.ID == f.ID }) {
		return f, &faultProblem{"id", "There is such a fault already."}
	}
	s.faults = append(s.faults, &injected{f, rand.New(rand.NewPCG(f.Seed, 0))}) //nolint:gosec // it is to be repeatable
	return f, nil
}

// Faults are those that wait or stand, oldest first, with how often each struck
// and how often it still will.
func (s *Server) Faults() []Fault {
	s.faultLock.Lock()
	defer s.faultLock.Unlock()
	out := []Fault{}
	for _, f := range s.faults {
		out = append(out, f.Fault)
	}
	return out
}

// Remove takes a fault back, and reports whether there was one of that id.
func (s *Server) Remove(id string) bool {
	s.faultLock.Lock()
	defer s.faultLock.Unlock()
	n := len(s.faults)
	s.faults = slices.DeleteFunc(s.faults, func(f *injected) bool { return f.ID == id })
	return len(s.faults) < n
}

// RemoveFaults takes all faults back.
func (s *Server) RemoveFaults() {
	s.faultLock.Lock()
	defer s.faultLock.Unlock()
	s.faults = nil
}

// strike takes the first fault that fits and whose dice fall, once. faultLock is
// held by the caller.
func (s *Server) strike(fits func(Fault) bool) (Fault, bool) {
	for i, f := range s.faults {
		if !fits(f.Fault) || f.Percent > 0 && f.dice.IntN(100) >= f.Percent {
			continue
		}
		f.Struck++
		struck := f.Fault
		if f.Times--; f.Times == 0 && !f.Standing {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		f.Times = max(f.Times, 0)
		return struck, true
	}
	return Fault{}, false
}

// befalls reports whether account is one that f is for.
func (f Fault) befalls(account string) bool { return f.Account == "" || f.Account == account }
