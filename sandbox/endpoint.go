package sandbox

// An Endpoint is an address that events are sent to.
type Endpoint struct {
	base
	APIVersion    *string           `json:"api_version"`
	Application   *string           `json:"application"`
	Created       int64             `json:"created"`
	Description   *string           `json:"description"`
	EnabledEvents []string          `json:"enabled_events"`
	Livemode      bool              `json:"livemode"`
	Metadata      map[string]string `json:"metadata"`
	Status        string            `json:"status"`
	URL           string            `json:"url"`
	Connect       bool              `json:"_connect"` // it hears of connected accounts, and only of them
	Secret        string            `json:"_secret"`
	OldSecret     string            `json:"_old_secret,omitempty"` // signs too until OldUntil
	OldUntil      int64             `json:"_old_until,omitempty"`  // Unix milliseconds of business time
}

func (*Endpoint) kind() string { return "webhook_endpoint" }

// newEndpoint is an Endpoint in the answer that shows its secret, the only one.
type newEndpoint struct {
	*Endpoint
	Shown string `json:"secret"`
}

var endpointKinds = map[string]kind{"webhook_endpoint": {prefix: "we_1", random: 23}}

var endpointRoutes = []route{
	{"POST", "/v1/webhook_endpoints", createEndpoint},
	{"GET", "/v1/webhook_endpoints", listEndpoints},
	{"GET", "/v1/webhook_endpoints/{webhook_endpoint}", show[Endpoint]("webhook_endpoint")},
	{"POST", "/v1/webhook_endpoints/{webhook_endpoint}", updateEndpoint},
	{"DELETE", "/v1/webhook_endpoints/{webhook_endpoint}", deleteEndpoint},
}

// maxEndpoints is how many endpoints an account may have.
const maxEndpoints = 16

func createEndpoint(r *request) (any, error) {
	in, err := read[struct {
		APIVersion    string        `p:"api_version"`
		Connect       bool          `p:"connect"`
		Description   *string       `p:"description,max=5000"`
		EnabledEvents []string      `p:"enabled_events,required"`
		Metadata      metadataParam `p:"metadata"`
		URL           string        `p:"url,required"`
	}](r)
	if err != nil {
		return nil, err
	}
	e := &Endpoint{Created: r.unix(), Status: "enabled", Connect: in.Connect, Secret: "whsec_" + r.s.random(32)}
	set(&e.Description, in.Description)
	if in.APIVersion != "" {
		if _, err := parseVersion(in.APIVersion); err != nil {
			return nil, early(invalid("api_version", "Invalid Stripe API version: %s", shorten(in.APIVersion)))
		}
		e.APIVersion = &in.APIVersion
	}
	if err := e.listen(in.URL, in.EnabledEvents); err != nil {
		return nil, err
	}
	if e.Metadata, err = in.Metadata.apply(nil); err != nil {
		return nil, err
	}
	have, err := all[Endpoint](r.tx)
	if err != nil {
		return nil, err
	}
	if len(have) >= maxEndpoints {
		return nil, invalid("", "You have reached the maximum of %d test webhook endpoints.", maxEndpoints)
	}
	return newEndpoint{e, e.Secret}, r.insert(e)
}

// listen sets where e is and what it wants to hear.
func (e *Endpoint) listen(address string, events []string) error {
	if !isWebURL(address) {
		return invalidCode("url_invalid", "url", "Invalid URL: An explicit scheme (such as https) must be provided.")
	}
	if len(events) == 0 {
		return invalid("enabled_events", "You must choose at least one event, or * for all.")
	}
	for _, name := range events {
		if name != "*" && !eventTypes[name] {
			return invalid("enabled_events", "Invalid enabled_events: `%s` is not an event that this sandbox knows.", shorten(name))
		}
	}
	e.URL, e.EnabledEvents = address, events
	return nil
}

func listEndpoints(r *request) (any, error) {
	in, err := read[struct{ listParams }](r)
	if err != nil {
		return nil, err
	}
	return list[Endpoint](r, in.listParams)
}

func updateEndpoint(r *request) (any, error) {
	in, err := read[struct {
		Description   *string       `p:"description,max=5000"`
		Disabled      *bool         `p:"disabled"`
		EnabledEvents []string      `p:"enabled_events"`
		Metadata      metadataParam `p:"metadata"`
		URL           string        `p:"url"`
	}](r)
	if err != nil {
		return nil, err
	}
	e, err := fromPath[Endpoint](r, "webhook_endpoint")
	if err != nil {
		return nil, err
	}
	if in.EnabledEvents == nil {
		in.EnabledEvents = e.EnabledEvents
	}
	if err := e.listen(either(in.URL, e.URL), in.EnabledEvents); err != nil {
		return nil, err
	}
	set(&e.Description, in.Description)
	if e.Metadata, err = in.Metadata.apply(e.Metadata); err != nil {
		return nil, err
	}
	if in.Disabled != nil {
		e.Status = map[bool]string{false: "enabled", true: "disabled"}[*in.Disabled]
	}
	if e.Status == "disabled" {
		if err := r.dropDeliveries(e.ID); err != nil {
			return nil, err
		}
	}
	return e, r.save(e)
}

func deleteEndpoint(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	e, err := fromPath[Endpoint](r, "webhook_endpoint")
	if err != nil {
		return nil, err
	}
	if err := r.dropDeliveries(e.ID); err != nil {
		return nil, err
	}
	return r.remove(e)
}

// dropDeliveries ends what is owed to an endpoint that no longer listens.
func (t *tx) dropDeliveries(endpoint string) error {
	return t.exec(`UPDATE deliveries SET state = 'dropped' WHERE endpoint = ? AND state = 'owed'`, endpoint)
}

// wants reports whether e listens to events of that type.
func (e *Endpoint) wants(eventType string) bool {
	return e.Status == "enabled" && (oneOf("*", e.EnabledEvents) || oneOf(eventType, e.EnabledEvents))
}

// owe plans the delivery of a new event to everybody who listens: endpoints of
// its own account, and Connect endpoints of the platform when that is another.
func (t *tx) owe(e *Event, platform string) error {
	own, err := all[Endpoint](t, eq("_connect", false))
	if err != nil {
		return err
	}
	if err := t.oweTo(e, own, t.account); err != nil || platform == t.account || platform == "" {
		return err
	}
	connect, err := all[Endpoint](t.as(platform), eq("_connect", true))
	if err != nil {
		return err
	}
	return t.oweTo(e, connect, platform)
}

func (t *tx) oweTo(e *Event, endpoints []*Endpoint, home string) error {
	for _, endpoint := range endpoints {
		if !endpoint.wants(e.Type) {
			continue
		}
		*t.planned = true
		err := t.exec(`INSERT INTO deliveries (account, event, endpoint_account, endpoint, state, due, wall_due) VALUES (?, ?, ?, ?, 'owed', ?, ?)`,
			t.account, e.ID, home, endpoint.ID, t.s.Now().UnixMilli(), t.s.wall.Now().UnixMilli())
		if err != nil {
			return err
		}
	}
	return nil
}
