package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// clockRoutes are the clock's own API, for programs and scripts.
var clockRoutes = []pageRoute{
	{"GET /_sandbox/clock", (*Server).serveClock},
	{"POST /_sandbox/clock/advance", (*Server).serveAdvance},
	{"POST /_sandbox/followers", (*Server).serveFollow},
}

// A clockState is what time it is.
type clockState struct {
	Now    int64 `json:"now_ms"`
	Offset int64 `json:"offset_ms"`
}

func (s *Server) clockState() clockState {
	return clockState{s.Now().UnixMilli(), s.Offset().Milliseconds()}
}

func (s *Server) serveClock(w http.ResponseWriter, _ *http.Request) {
	answerJSON(w, http.StatusOK, s.clockState())
}

// serveAdvance moves the clock and answers when everything on the way is done.
func (s *Server) serveAdvance(w http.ResponseWriter, r *http.Request) {
	var in struct {
		To *int64 `json:"to_ms"`
		By string `json:"by"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	to, err := destination(s.Now(), in.To, in.By)
	if err != nil {
		answerProblem(w, http.StatusBadRequest, err)
		return
	}
	// Half a month is not a state to leave things in because a browser went away.
	err = s.Advance(context.WithoutCancel(r.Context()), to)
	switch {
	case errors.Is(err, errBackwards):
		answerProblem(w, http.StatusBadRequest, err)
	case err != nil:
		s.log.ErrorContext(r.Context(), "sandbox: the clock stopped on its way", "error", err)
		answerProblem(w, http.StatusBadGateway, err)
	default:
		answerJSON(w, http.StatusOK, s.clockState())
	}
}

var stride = regexp.MustCompile(`^(\d{1,4})(mo|[smhdwy])$`)

// destination is where the clock is to go: an instant, or a stride such as 1h or 1mo.
func destination(now time.Time, to *int64, by string) (time.Time, error) {
	parts := stride.FindStringSubmatch(by)
	switch {
	case to != nil && by == "":
		return time.UnixMilli(*to).UTC(), nil
	case to != nil || parts == nil:
		return time.Time{}, errors.New(`say either "to_ms" (Unix milliseconds) or "by", such as 1m, 1h, 1d, 1w, 1mo or 1y`)
	}
	n, _ := strconv.Atoi(parts[1]) // at most four digits
	if n == 0 {
		return now, nil
	}
	switch parts[2] {
	case "s":
		return now.Add(time.Duration(n) * time.Second), nil
	case "m":
		return now.Add(time.Duration(n) * time.Minute), nil
	case "h":
		return now.Add(time.Duration(n) * time.Hour), nil
	default:
		unit := map[string]string{"d": "day", "w": "week", "mo": "month", "y": "year"}[parts[2]]
		return interval{unit, n}.boundary(now, 1), nil
	}
}

// serveFollow registers a follower, or replaces the one of that name.
func (s *Server) serveFollow(w http.ResponseWriter, r *http.Request) {
	var f follower
	if !readJSON(w, r, &f) {
		return
	}
	if f.Name == "" || f.Token == "" || !isWebURL(f.URL) {
		answerProblem(w, http.StatusBadRequest, errors.New(`a follower needs a "name", an http "url" and a "token"`))
		return
	}
	err := s.write(r.Context(), "", func(t *tx) error {
		return t.exec(`INSERT OR REPLACE INTO followers (name, url, token) VALUES (?, ?, ?)`, f.Name, f.URL, f.Token)
	})
	if err != nil {
		s.log.ErrorContext(r.Context(), "sandbox: a follower could not be kept", "error", err)
		answerProblem(w, http.StatusInternalServerError, errors.New("the follower could not be kept"))
		return
	}
	answerJSON(w, http.StatusOK, s.clockState())
}

func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		answerProblem(w, http.StatusBadRequest, fmt.Errorf("the body is not the JSON that was expected: %w", err))
		return false
	}
	return true
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller may have gone
}

func answerProblem(w http.ResponseWriter, status int, err error) {
	answerJSON(w, status, map[string]string{"error": err.Error()})
}
