// Package report tells Tollgate of the calls that a web server of somebody's own has
// answered, out of the log that it writes. Every line has an id, under which its call
// is counted once however often the log is read.
package report

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options say where calls are reported.
type Options struct {
	Portal     string // its URL, such as https://portal.example.com
	Credential string // of the tenant's gateway
	Source     string // names the log among others of the tenant; nginx when ""
	Client     *http.Client
	Pause      time.Duration // before what failed is sent again, and twice as long each time; 1 s when 0
	Tries      int           // how often a report is sent until somebody should look; 5 when 0
}

// A Result says what became of the lines of a log.
type Result struct {
	Accepted   int
	Duplicates int       // known already
	Refused    []Refusal // lines that will never count
	Read       int64     // bytes of whole lines
}

// A Refusal is a line that is no call of the tenant's.
type Refusal struct {
	Line int // from 1, counted from where reading began
	Says string
}

// batch is how many events are sent at a time, the most that are taken.
const batch = 1000

// longestLine is the most bytes of a line.
const longestLine = 64 << 10

// A line is what the log says of one call.
type line struct {
	ID           string          `json:"id"`
	Time         string          `json:"time"`
	Subscription string          `json:"subscription"`
	Status       int             `json:"status"`
	Units        json.RawMessage `json:"units"` // a number, or one in quotes; "" says nothing
}

// An event is a line as a CloudEvent.
type event struct {
	SpecVersion string `json:"specversion"`
	Type        string `json:"type"`
	Source      string `json:"source"`
	ID          string `json:"id"`
	Time        string `json:"time,omitempty"`
	Data        data   `json:"data"`
	line        int
}

type data struct {
	Subscription string `json:"subscription"`
	Status       int    `json:"status"`
	Units        *int64 `json:"units,omitempty"`
}

// Run reports all whole lines of a log. A line at the end that has no end yet is left
// for the next time. After an error the same log may be reported again from its
// beginning: nothing counts twice.
func Run(ctx context.Context, log io.Reader, o Options) (Result, error) {
	if o.Source == "" {
		o.Source = "nginx"
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 30 * time.Second}
	}
	if o.Pause <= 0 {
		o.Pause = time.Second
	}
	if o.Tries <= 0 {
		o.Tries = 5
	}
	var res Result
	var read int64
	var waiting []event
	r := bufio.NewReaderSize(log, longestLine)
	for n := 1; ; n++ {
		text, err := r.ReadSlice('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			return res, fmt.Errorf("line %d cannot be read: %w", n, err)
		}
		read += int64(len(text))
		if e, says := parse(text, o.Source, n); says != "" {
			res.Refused = append(res.Refused, Refusal{n, says})
		} else {
			waiting = append(waiting, e)
		}
		if len(waiting) == batch {
			if err := send(ctx, o, waiting, &res); err != nil {
				return res, err
			}
			waiting, res.Read = waiting[:0], read
		}
	}
	if err := send(ctx, o, waiting, &res); err != nil {
		return res, err
	}
	res.Read = read
	return res, nil
}

// parse reads a line, or says why it is no call.
func parse(text []byte, source string, n int) (e event, says string) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return e, "It is no JSON object with id, time, subscription and status."
	}
	if l.ID == "" || l.Subscription == "" {
		return e, "It has no id or no subscription."
	}
	e = event{SpecVersion: "1.0", Type: "com.tollgate.call", Source: source, ID: l.ID, Time: l.Time, Data: data{Subscription: l.Subscription, Status: l.Status}, line: n}
	if units := strings.Trim(string(l.Units), `"`); units != "" && units != "null" && units != "-" {
		v, err := strconv.ParseInt(units, 10, 64)
		if err != nil {
			return e, "Its units are no whole number."
		}
		e.Data.Units = &v
	}
	return e, ""
}

// send reports some events. Those that are refused are left out, and the others sent
// without them.
func send(ctx context.Context, o Options, events []event, res *Result) error {
	for len(events) > 0 {
		done, refused, err := persist(ctx, o, events)
		if err != nil {
			return err
		}
		if len(refused) == 0 {
			res.Accepted, res.Duplicates = res.Accepted+done.Accepted, res.Duplicates+done.Duplicates
			return nil
		}
		var rest []event
		for i, e := range events {
			if says, is := refused[i]; is {
				res.Refused = append(res.Refused, Refusal{e.line, says})
			} else {
				rest = append(rest, e)
			}
		}
		events = rest
	}
	return nil
}

// taken is what the portal says of a report.
type taken struct{ Accepted, Duplicates int }

// persist sends events until there is an answer that says what became of them.
func persist(ctx context.Context, o Options, events []event) (done taken, refused map[int]string, err error) {
	body, err := json.Marshal(events)
	if err != nil {
		return done, nil, err
	}
	pause := o.Pause
	for range o.Tries {
		var again bool
		if done, refused, again, err = post(ctx, o, body); !again {
			return done, refused, err
		}
		select {
		case <-ctx.Done():
			return done, nil, ctx.Err()
		case <-time.After(pause):
			pause *= 2
		}
	}
	return done, nil, err
}

// post sends a report once. Again says that it may be sent again with more luck.
func post(ctx context.Context, o Options, body []byte) (done taken, refused map[int]string, again bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(o.Portal, "/")+"/api/am/usage/v1/events", bytes.NewReader(body))
	if err != nil {
		return done, nil, false, err
	}
	r.Header.Set("Content-Type", "application/cloudevents-batch+json")
	r.Header.Set("Authorization", "Bearer "+o.Credential)
	resp, err := o.Client.Do(r)
	if err != nil {
		return done, nil, true, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return done, nil, true, err
	}
	switch {
	case resp.StatusCode == http.StatusAccepted:
		return done, nil, false, json.Unmarshal(text, &done)
	case resp.StatusCode == http.StatusBadRequest:
		if refused = refusals(text); len(refused) > 0 {
			return done, refused, false, nil
		}
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusRequestTimeout:
		again = true
	}
	return done, nil, again, fmt.Errorf("the portal answers %s: %s", resp.Status, detail(text))
}

// refusals reads which events a portal refuses, and why.
func refusals(text []byte) map[int]string {
	var problem struct{ Errors map[string]string }
	if json.Unmarshal(text, &problem) != nil {
		return nil
	}
	refused := map[int]string{}
	for _, name := range slices.Sorted(maps.Keys(problem.Errors)) {
		number, ok := strings.CutPrefix(strings.TrimSuffix(name, "]"), "events[")
		if i, err := strconv.Atoi(number); ok && err == nil {
			refused[i] = problem.Errors[name]
		}
	}
	return refused
}

func detail(text []byte) string {
	var problem struct{ Detail string }
	if json.Unmarshal(text, &problem) != nil || problem.Detail == "" {
		return "it does not say why"
	}
	return problem.Detail
}

// Refusals returns what is wrong with lines as an error, nil when nothing is. It names
// ten of them at most.
func (r Result) Refusals() error {
	errs := make([]error, 0, 11)
	for i, refusal := range r.Refused {
		if i == 10 {
			errs = append(errs, fmt.Errorf("and %d more lines", len(r.Refused)-i))
			break
		}
		errs = append(errs, fmt.Errorf("line %d: %s", refusal.Line, refusal.Says))
	}
	return errors.Join(errs...)
}
