package sandbox

import (
	"fmt"
	"slices"
)

// listParams are the parameters of every list; structs of parameters embed it.
type listParams struct {
	Limit         *int64 `p:"limit,min=1,most=100"`
	StartingAfter string `p:"starting_after"`
	EndingBefore  string `p:"ending_before"`
}

// createdParam is the filter by creation; lists that offer it embed it too.
type createdParam struct {
	Created *timeRange `p:"created"`
}

// A timeRange is an instant, or bounds around one.
type timeRange struct {
	GT  *int64 `p:"gt"`
	GTE *int64 `p:"gte"`
	LT  *int64 `p:"lt"`
	LTE *int64 `p:"lte"`
}

func (r *timeRange) decodeParam(d *decoder, path string, n *node) {
	if n.leaf {
		var exact struct {
			V int64 `p:"v"`
		}
		d.structure(path, &node{names: []string{"v"}, fields: map[string]*node{"v": n}}, reflectOf(&exact))
		r.GTE, r.LTE = &exact.V, &exact.V
		return
	}
	type bounds timeRange
	d.structure(path, n, reflectOf((*bounds)(r)))
}

// within is the filters that r stands for, on field.
func (r *timeRange) within(field string) []filter {
	if r == nil {
		return nil
	}
	var fs []filter
	for op, bound := range map[string]*int64{">": r.GT, ">=": r.GTE, "<": r.LT, "<=": r.LTE} {
		if bound != nil {
			fs = append(fs, compare(field, op, *bound))
		}
	}
	return fs
}

// A page is a list as callers get it.
type page struct {
	Object  string `json:"object"`
	Data    []any  `json:"data"`
	HasMore bool   `json:"has_more"`
	URL     string `json:"url"`
}

// list answers with the page that p asks for of what passes the filters, newest first.
func list[T any, P pointer[T]](r *request, p listParams, filters ...filter) (*page, error) {
	limit := int64(10)
	if p.Limit != nil {
		limit = *p.Limit
	}
	order, cursor, err := cursorOf[T, P](r.tx, p)
	if err != nil {
		return nil, err
	}
	if cursor != nil {
		filters = append(filters, *cursor)
	}
	found, err := query[T, P](r.tx, fmt.Sprintf("ORDER BY seq %s LIMIT %d", order, limit+1), filters)
	if err != nil {
		return nil, err
	}
	more := int64(len(found)) > limit
	found = found[:min(int64(len(found)), limit)]
	if order == "ASC" {
		slices.Reverse(found)
	}
	return pageOf(r, found, more), nil
}

// cursorOf is where the page begins and in which direction it is read.
func cursorOf[T any, P pointer[T]](t *tx, p listParams) (order string, f *filter, err error) {
	order, op, id, param := "DESC", "<", p.StartingAfter, "starting_after"
	if p.EndingBefore != "" {
		if p.StartingAfter != "" {
			return "", nil, invalid("ending_before", "You cannot specify both `starting_after` and `ending_before`.")
		}
		order, op, id, param = "ASC", ">", p.EndingBefore, "ending_before"
	}
	if id == "" {
		return order, nil, nil
	}
	kind := P(new(T)).kind()
	var seq int64
	found, err := t.scan(`SELECT seq FROM objects WHERE account = ? AND type = ? AND id = ?`, []any{t.account, kind, id}, &seq)
	if err == nil && !found {
		err = noSuch(kind, id, param)
	}
	return order, &filter{"seq " + op + " ?", []any{seq}}, err
}

// pageOf is a page of objects that were found some other way.
func pageOf[T any](r *request, found []T, more bool) *page {
	p := &page{Object: "list", Data: make([]any, len(found)), HasMore: more, URL: r.http.URL.Path}
	for i, o := range found {
		p.Data[i] = o
	}
	return p
}

// sublist is a list inside another object, all of it.
func sublist[T any](url string, found []T) *page {
	p := &page{Object: "list", Data: make([]any, len(found)), URL: url}
	for i, o := range found {
		p.Data[i] = o
	}
	return p
}
