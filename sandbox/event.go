package sandbox

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// An Event is something that happened to an object, as it was right then.
type Event struct {
	base
	Account         string    `json:"account,omitempty"`
	APIVersion      version   `json:"api_version"`
	Created         int64     `json:"created"`
	Data            eventData `json:"data"`
	Livemode        bool      `json:"livemode"`
	PendingWebhooks int64     `json:"pending_webhooks"`
	Request         *cause    `json:"request"`
	Type            string    `json:"type"`
}

type eventData struct {
	Object   any  `json:"object"`
	Previous tree `json:"previous_attributes,omitempty"`
}

func (*Event) kind() string { return "event" }

// eventLife is how long events are kept.
const eventLife = 30 * 24 * time.Hour

// emit tells the world, once t commits, that eventType happened to r, which is
// as it stands in the transaction. Types that end in ".updated" carry what was
// different when r was loaded; when nothing was, there is no event.
func (t *tx) emit(eventType string, r resource) error {
	doc, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	object, err := t.snapshot(doc)
	if err != nil {
		return err
	}
	var previous tree
	if was := r.self().was; strings.HasSuffix(eventType, ".updated") && was != nil {
		before, err := t.snapshot(was)
		if err != nil {
			return err
		}
		if previous = differences(before, object); len(previous) == 0 {
			return nil
		}
	}
	r.self().was = doc
	return t.record(eventType, eventData{object, previous})
}

// record keeps an event and owes it to every endpoint that listens.
func (t *tx) record(eventType string, data eventData) error {
	e := &Event{APIVersion: newest, Created: t.unix(), Data: data, Request: t.cause, Type: eventType}
	home, err := t.home()
	if err != nil {
		return err
	}
	e.APIVersion = home.Version
	if home.Platform != t.account {
		e.Account = t.account
	}
	if e.Request == nil {
		e.Request = &cause{}
	}
	if err := t.insert(e); err != nil {
		return err
	}
	*t.planned = true
	listener, err := t.listener(home)
	if err != nil {
		return err
	}
	return t.owe(e, listener)
}

// snapshot is a document as an event shows it.
func (t *tx) snapshot(doc []byte) (tree, error) {
	planted, err := parseJSON(doc)
	if err != nil {
		return nil, err
	}
	object, _ := planted.(tree)
	return object, t.complete(object)
}

// differences is what before had that after has not, the way Stripe puts it:
// inside nested objects only what changed, arrays and lists whole.
func differences(before, after tree) tree {
	changed := tree{}
	for name := range after {
		if _, there := before[name]; !there {
			changed[name] = nil
		}
	}
	for name, was := range before {
		is := after[name]
		if reflect.DeepEqual(was, is) {
			continue
		}
		wasTree, ok1 := was.(tree)
		isTree, ok2 := is.(tree)
		if ok1 && ok2 && objectOf(wasTree) == objectOf(isTree) && objectOf(wasTree) != "list" {
			was = differences(wasTree, isTree)
		}
		changed[name] = was
	}
	return changed
}
