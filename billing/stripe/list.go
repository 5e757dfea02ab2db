package stripe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v82"
)

// maxPages bounds a listing whose end never comes.
const maxPages = 10_000

// page is one page of a listing. Its things are decoded into our own shapes
// where stripe-go's would lose something, such as the digits of a price.
type page[T any] struct {
	stripe.APIResource
	Data    []T  `json:"data"`
	HasMore bool `json:"has_more"`
}

// A long listing takes a quarter of the calls a second that Stripe allows to an
// account, live and in test mode, so that buyers always find room.
const (
	breathLive = time.Second / 25
	breathTest = 4 * time.Second / 25
)

// breathe waits between two pages of a listing. Listings of one account wait one
// after the other, so that all of them together keep to the pace.
func (c conn) breathe(ctx context.Context) error {
	pause := breathTest
	if strings.HasPrefix(c.key, "sk_live_") || strings.HasPrefix(c.key, "rk_live_") {
		pause = breathLive
	}
	turn, _ := c.turns.LoadOrStore(c.connected, make(chan struct{}, 1))
	select {
	case turn.(chan struct{}) <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-turn.(chan struct{}) }()
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// list reads all pages of the listing at path.
func list[T any](ctx context.Context, c conn, op, path string, query url.Values, id func(T) string) ([]T, error) {
	var all []T
	query.Set("limit", "100")
	for range maxPages {
		var p page[T]
		params := &stripe.Params{Context: ctx}
		c.aim(params)
		if err := c.api.CallRaw(http.MethodGet, path, c.key, []byte(query.Encode()), params, &p); err != nil {
			return nil, verdict(op, err)
		}
		all = append(all, p.Data...)
		if !p.HasMore {
			return all, nil
		}
		if len(p.Data) == 0 || id(p.Data[len(p.Data)-1]) == "" {
			break
		}
		query.Set("starting_after", id(p.Data[len(p.Data)-1]))
		if err := c.breathe(ctx); err != nil {
			return nil, verdict(op, err)
		}
	}
	return nil, fmt.Errorf("stripe: %s: the listing has no end", op)
}

// A ref is an object that Stripe names by its id, or shows whole when asked to.
type ref string

// UnmarshalJSON takes an id, an object with one, or null.
func (r *ref) UnmarshalJSON(b []byte) error {
	if !bytes.HasPrefix(b, []byte("{")) {
		return json.Unmarshal(b, (*string)(r))
	}
	var whole struct{ ID string }
	err := json.Unmarshal(b, &whole)
	*r = ref(whole.ID)
	return err
}

// instant reads Stripe's seconds; 0 is no time at all.
func instant(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// optional leaves an empty text out of a request.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
