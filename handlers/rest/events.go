// Package rest answers programs.
package rest

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/gateway/ingest"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/usage"
	"tollgate/web/respond"
)

// CallEvent is the type of the CloudEvents that say that a call was answered.
const CallEvent = "com.tollgate.call"

// Credentials knows tenants' own gateways.
type Credentials interface {
	// Authenticate returns whose credential text is, and the credential's id. One that
	// is nobody's is an Unauthenticated fault.
	Authenticate(ctx context.Context, text string) (models.TenantID, string, error)
}

// Reports takes in calls.
type Reports interface {
	Take(ctx context.Context, tenant models.TenantID, events []ingest.Event) (ingest.Taken, error)
}

// Events is where tenants' own gateways report calls, as CloudEvents 1.0.
type Events struct {
	Credentials Credentials
	Reports     Reports
}

// cloudEvent is a CloudEvent in the JSON format, as far as we read it.
type cloudEvent struct {
	SpecVersion string          `json:"specversion"`
	ID          string          `json:"id"`
	Source      string          `json:"source"`
	Type        string          `json:"type"`
	Time        string          `json:"time"`
	Data        json.RawMessage `json:"data"`
	DataBase64  []byte          `json:"data_base64"`
}

// callData is what a call's event says.
type callData struct {
	Subscription string `json:"subscription"`
	Status       *int   `json:"status"` // 200 when it is left out
	Units        *int64 `json:"units"`
}

// taken is the answer to a report.
type taken struct {
	Accepted   int `json:"accepted"`
	Duplicates int `json:"duplicates"`
}

// Receive answers POST /api/am/usage/v1/events: 202 when all events are recorded, now
// or before.
func (e Events) Receive(c *fiber.Ctx) error {
	ctx := c.UserContext()
	tenant, _, err := e.Credentials.Authenticate(ctx, credentialOf(c))
	if err != nil {
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="tollgate"`)
		return err
	}
	sent, err := eventsOf(c)
	if err != nil {
		return err
	}
	events, err := calls(sent)
	if err != nil {
		return err
	}
	done, err := e.Reports.Take(ctx, tenant, events)
	if err != nil {
		if fault.KindOf(err) == fault.Unavailable {
			c.Set(fiber.HeaderRetryAfter, "5")
		}
		return err
	}
	return respond.JSON(c, http.StatusAccepted, taken(done))
}

// credentialOf returns what a gateway signs in with: as a bearer token, or in the
// header that it asks about calls with.
func credentialOf(c *fiber.Ctx) string {
	scheme, token, _ := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.Clone(strings.TrimSpace(token))
	}
	return strings.Clone(c.Get("X-Gateway-Credential"))
}

// eventsOf reads the CloudEvents of a request in any of the three modes of the HTTP
// binding.
func eventsOf(c *fiber.Ctx) ([]cloudEvent, error) {
	kind, _, _ := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	switch {
	case kind == "application/cloudevents-batch+json":
		var all []cloudEvent
		if err := json.Unmarshal(c.Body(), &all); err != nil {
			return nil, fault.From(fault.Malformed, err, "The body is no JSON array of CloudEvents.")
		}
		if len(all) > usage.MostEvents {
			return nil, fault.New(fault.Malformed, "At most 1,000 events are taken at a time.")
		}
		return all, nil
	case kind == "application/cloudevents+json":
		var one cloudEvent
		if err := json.Unmarshal(c.Body(), &one); err != nil {
			return nil, fault.From(fault.Malformed, err, "The body is no CloudEvent in JSON.")
		}
		return []cloudEvent{one}, nil
	case c.Get("ce-id") != "" && kind == fiber.MIMEApplicationJSON:
		return binary(c), nil
	}
	return nil, fault.New(fault.Malformed, "Send CloudEvents: application/cloudevents+json, application/cloudevents-batch+json, or application/json with the headers ce-id, ce-source, ce-type and ce-specversion.")
}

// binary reads the one event whose attributes are headers.
func binary(c *fiber.Ctx) []cloudEvent {
	attribute := func(name string) string {
		value, err := url.PathUnescape(c.Get("ce-" + name)) // as the binding has it, §3.1.3.2
		if err != nil {
			value = c.Get("ce-" + name)
		}
		return strings.Clone(value)
	}
	return []cloudEvent{{
		SpecVersion: attribute("specversion"), ID: attribute("id"), Source: attribute("source"), Type: attribute("type"), Time: attribute("time"),
		Data: append(json.RawMessage(nil), c.Body()...),
	}}
}

// calls reads events as calls, and says what is wrong with each that is none.
func calls(sent []cloudEvent) ([]ingest.Event, error) {
	all, problems := make([]ingest.Event, len(sent)), fault.Fields{}
	for i, e := range sent {
		says := ""
		if all[i], says = e.call(); says != "" {
			problems[ingest.Name(i)] = says
		}
	}
	if len(problems) > 0 {
		return nil, ingest.Problems(problems)
	}
	return all, nil
}

// call reads one event, or says what is wrong with it.
func (e cloudEvent) call() (out ingest.Event, says string) {
	out = ingest.Event{Source: e.Source, ID: e.ID, Status: http.StatusOK}
	switch {
	case e.SpecVersion != "1.0":
		return out, "The specversion must be 1.0."
	case e.Type != CallEvent:
		return out, "The type must be " + CallEvent + "."
	case e.ID == "" || e.Source == "":
		return out, "The id and the source must be there."
	}
	if e.Time != "" {
		at, err := time.Parse(time.RFC3339Nano, e.Time)
		if err != nil {
			return out, "The time must be as in 2026-12-08T14:32:00Z."
		}
		out.Time = at.UTC()
	}
	data := e.Data
	if len(e.DataBase64) > 0 {
		data = e.DataBase64
	}
	var d callData
	if err := json.Unmarshal(data, &d); err != nil || d.Subscription == "" {
		return out, "The data must be an object with a subscription, and may have a status and units, which are whole numbers."
	}
	out.Subscription, out.Units = d.Subscription, d.Units
	if d.Status != nil {
		out.Status = *d.Status
	}
	return out, ""
}
