package sandbox

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// second reports whether r is a call of Stripe's second API, whose parameters are
// JSON, whose lists page by address, and whose instants are text.
func second(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v2/") }

// readJSONParams takes the parameters from a JSON object.
func (c *call) readJSONParams(body []byte) error {
	c.params = &node{}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	c.body = string(body)
	planted, err := parseJSON(body)
	if object, ok := planted.(tree); err == nil && ok {
		c.params = nodeOf(object)
		return nil
	}
	return early(invalid("", "Invalid request (check that your POST content is a JSON object)."))
}

// nodeOf is a JSON value as a parameter. null is what "" is in the first API.
func nodeOf(v any) *node {
	switch v := v.(type) {
	case tree:
		n := &node{fields: map[string]*node{}}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			*n.child(name) = *nodeOf(v[name])
		}
		return n
	case []any:
		n := &node{array: true}
		for i, one := range v {
			*n.child(strconv.Itoa(i)) = *nodeOf(one)
		}
		return n
	case string:
		return &node{leaf: true, value: v}
	case bool:
		return &node{leaf: true, value: strconv.FormatBool(v)}
	case json.Number:
		return &node{leaf: true, value: v.String()}
	}
	return &node{leaf: true}
}

// stamp is an instant as the second API writes it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// A secondPage is a list of the second API.
type secondPage struct {
	Data            []any   `json:"data"`
	NextPageURL     *string `json:"next_page_url"`
	PreviousPageURL *string `json:"previous_page_url"`
}

// pageParams are the parameters of its lists. Page is the place of the last object
// of the page before.
type pageParams struct {
	Limit *int64 `p:"limit,min=1,most=100"`
	Page  *int64 `p:"page,min=1"`
}

// listSecond answers with a page of what passes the filters, newest first.
func listSecond[T any, P pointer[T]](r *request, p pageParams, shown func(*T) any, filters ...filter) (*secondPage, error) {
	limit := int64(20)
	if p.Limit != nil {
		limit = *p.Limit
	}
	if p.Page != nil {
		filters = append(filters, filter{"seq < ?", []any{*p.Page}})
	}
	found, err := query[T, P](r.tx, "ORDER BY seq DESC LIMIT "+strconv.FormatInt(limit+1, 10), filters)
	if err != nil {
		return nil, err
	}
	page := &secondPage{Data: []any{}}
	for _, one := range found[:min(int64(len(found)), limit)] {
		page.Data = append(page.Data, shown(one))
	}
	if int64(len(found)) <= limit {
		return page, nil
	}
	var seq int64
	last := P(found[limit-1])
	_, err = r.scan(`SELECT seq FROM objects WHERE account = ? AND type = ? AND id = ?`, []any{r.account, last.kind(), last.self().ID}, &seq)
	page.NextPageURL = r.nextPage(seq)
	return page, err
}

// nextPage is the address of this list after the object at seq.
func (r *request) nextPage(seq int64) *string {
	q, _ := url.ParseQuery(r.http.URL.RawQuery) // it was read before
	q.Set("page", strconv.FormatInt(seq, 10))
	address := r.http.URL.Path + "?" + q.Encode()
	return &address
}
