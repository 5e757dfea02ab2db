package sandbox

import "strings"

// A Destination is where the events of the second API go. This sandbox has those
// that are addresses on the web and take thin payloads.
type Destination struct {
	base
	Created            string            `json:"created"`
	Description        string            `json:"description"`
	EnabledEvents      []string          `json:"enabled_events"`
	EventPayload       string            `json:"event_payload"`
	EventsFrom         []string          `json:"events_from"`
	Livemode           bool              `json:"livemode"`
	Metadata           map[string]string `json:"metadata"`
	Name               string            `json:"name"`
	SnapshotAPIVersion *string           `json:"snapshot_api_version"`
	Status             string            `json:"status"`
	StatusDetails      tree              `json:"status_details"`
	Type               string            `json:"type"`
	Updated            string            `json:"updated"`
	WebhookEndpoint    destinationWeb    `json:"webhook_endpoint"`
	URL                string            `json:"_url"`
	Secret             string            `json:"_secret"`
}

// destinationWeb is only filled where a caller asked for it by "include".
type destinationWeb struct {
	SigningSecret *string `json:"signing_secret"`
	URL           *string `json:"url"`
}

func (*Destination) kind() string { return "v2.core.event_destination" }

var destinationKinds = map[string]kind{
	"v2.core.event_destination": {prefix: destinationPrefix + "test_61", random: 32},
	"v2.core.event":             {prefix: "evt_test_65", random: 38},
}

// destinationPrefix tells the endpoints of the second API from those of the first.
const destinationPrefix = "ed_"

var destinationRoutes = []route{
	{"POST", "/v2/core/event_destinations", createDestination},
	{"GET", "/v2/core/event_destinations", listDestinations},
	{"GET", "/v2/core/event_destinations/{id}", showDestination},
	{"POST", "/v2/core/event_destinations/{id}", updateDestination},
	{"DELETE", "/v2/core/event_destinations/{id}", deleteDestination},
	{"POST", "/v2/core/event_destinations/{id}/disable", disableDestination},
	{"POST", "/v2/core/event_destinations/{id}/enable", enableDestination},
	{"POST", "/v2/core/event_destinations/{id}/ping", pingDestination},
}

// includeParam asks for parts that are left out otherwise.
type includeParam struct {
	Include []string `p:"include,enum=webhook_endpoint.url|webhook_endpoint.signing_secret"`
}

type webParam struct {
	URL string `p:"url,required"`
}

func createDestination(r *request) (any, error) {
	in, err := read[struct {
		includeParam
		Description   string        `p:"description,max=500"`
		EnabledEvents []string      `p:"enabled_events,required"`
		EventPayload  string        `p:"event_payload,required,enum=thin"`
		EventsFrom    []string      `p:"events_from,enum=self|other_accounts"`
		Metadata      metadataParam `p:"metadata"`
		Name          string        `p:"name,required,max=250"`
		Type          string        `p:"type,required,enum=webhook_endpoint"`
		Web           *webParam     `p:"webhook_endpoint,required"`
		Others        unsimulated   `p:"amazon_eventbridge azure_event_grid snapshot_api_version"`
	}](r)
	if err != nil {
		return nil, err
	}
	d := &Destination{Created: stamp(r.now), Description: in.Description, EventPayload: in.EventPayload, EventsFrom: in.EventsFrom,
		Name: in.Name, Status: "enabled", Type: in.Type, Updated: stamp(r.now), Secret: "whsec_" + r.s.random(32)}
	if len(d.EventsFrom) == 0 {
		d.EventsFrom = []string{"self"}
	}
	if d.Metadata, err = in.Metadata.apply(nil); err != nil {
		return nil, err
	}
	if err := d.listen(in.Web.URL, in.EnabledEvents); err != nil {
		return nil, err
	}
	if err := r.insert(d); err != nil {
		return nil, err
	}
	shown := d.including(in.Include)
	if oneOf("webhook_endpoint.signing_secret", in.Include) { // never again
		shown.WebhookEndpoint.SigningSecret = &d.Secret
	}
	return shown, nil
}

// listen sets where d is and what it wants to hear.
func (d *Destination) listen(address string, events []string) error {
	if !isWebURL(address) {
		return invalidCode("url_invalid", "webhook_endpoint[url]", "Invalid URL: An explicit scheme (such as https) must be provided.")
	}
	if len(events) == 0 {
		return invalid("enabled_events", "You must choose at least one event.")
	}
	for _, name := range events {
		if !strings.HasPrefix(name, "v1.") && !strings.HasPrefix(name, "v2.") {
			return invalid("enabled_events", "Invalid enabled_events: `%s` is not a thin event; their names begin with v1 or v2.", shorten(name))
		}
	}
	d.URL, d.EnabledEvents = address, events
	return nil
}

// including is d with the parts that were asked for.
func (d *Destination) including(parts []string) *Destination {
	shown := *d
	if oneOf("webhook_endpoint.url", parts) {
		shown.WebhookEndpoint.URL = &d.URL
	}
	return &shown
}

func listDestinations(r *request) (any, error) {
	in, err := read[struct {
		includeParam
		pageParams
	}](r)
	if err != nil {
		return nil, err
	}
	return listSecond[Destination](r, in.pageParams, func(d *Destination) any { return d.including(in.Include) })
}

func showDestination(r *request) (any, error) {
	in, err := read[includeParam](r)
	if err != nil {
		return nil, err
	}
	d, err := fromPath[Destination](r, "id")
	if err != nil {
		return nil, err
	}
	return d.including(in.Include), nil
}

func updateDestination(r *request) (any, error) {
	in, err := read[struct {
		includeParam
		Description   *string       `p:"description,max=500"`
		EnabledEvents []string      `p:"enabled_events"`
		Metadata      metadataParam `p:"metadata"`
		Name          string        `p:"name,max=250"`
		Web           *webParam     `p:"webhook_endpoint"`
	}](r)
	if err != nil {
		return nil, err
	}
	d, err := fromPath[Destination](r, "id")
	if err != nil {
		return nil, err
	}
	address, events := d.URL, d.EnabledEvents
	if in.Web != nil {
		address = in.Web.URL
	}
	if in.EnabledEvents != nil {
		events = in.EnabledEvents
	}
	if err := d.listen(address, events); err != nil {
		return nil, err
	}
	if in.Description != nil {
		d.Description = *in.Description
	}
	if d.Metadata, err = in.Metadata.apply(d.Metadata); err != nil {
		return nil, err
	}
	d.Name, d.Updated = either(in.Name, d.Name), stamp(r.now)
	return d.including(in.Include), r.save(d)
}

func deleteDestination(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	d, err := fromPath[Destination](r, "id")
	if err != nil {
		return nil, err
	}
	if err := r.dropDeliveries(d.ID); err != nil {
		return nil, err
	}
	return r.remove(d)
}

func disableDestination(r *request) (any, error) { return r.switchDestination("disabled") }
func enableDestination(r *request) (any, error)  { return r.switchDestination("enabled") }

// switchDestination turns a destination on or off. What is owed to one that is off
// is dropped.
func (r *request) switchDestination(status string) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	d, err := fromPath[Destination](r, "id")
	if err != nil {
		return nil, err
	}
	d.Status, d.StatusDetails, d.Updated = status, nil, stamp(r.now)
	if status == "disabled" {
		d.StatusDetails = tree{"disabled": tree{"reason": "user"}}
		if err := r.dropDeliveries(d.ID); err != nil {
			return nil, err
		}
	}
	return d, r.save(d)
}

// pingDestination sends an event to one destination, whatever it listens to.
func pingDestination(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	d, err := fromPath[Destination](r, "id")
	if err != nil {
		return nil, err
	}
	e, err := r.newNotification("v2.core.event_destination.ping",
		&relatedObject{ID: d.ID, Type: d.kind(), URL: "/v2/core/event_destinations/" + d.ID}, nil)
	if err != nil || d.Status != "enabled" {
		return e, err
	}
	return e, r.oweNotification(e, d, r.account)
}

// wants reports whether d listens to events of that type, from its own account or
// from one that is connected to it.
func (d *Destination) wants(eventType, from string) bool {
	return d.Status == "enabled" && oneOf(from, d.EventsFrom) && oneOf(eventType, d.EnabledEvents)
}
