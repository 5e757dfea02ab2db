package sandbox

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A searchPage is a page of what a search found.
type searchPage struct {
	Object   string  `json:"object"`
	Data     []any   `json:"data"`
	HasMore  bool    `json:"has_more"`
	NextPage *string `json:"next_page"`
	URL      string  `json:"url"`
}

// search is the handler that finds objects by Stripe's search language, such as
// active:'true' AND metadata['plan']:'gold'. Fields may be any of those given,
// and metadata. Unlike Stripe's, what it finds is never out of date.
func search[T any, P pointer[T]](fields ...string) func(*request) (any, error) {
	return func(r *request) (any, error) {
		in, err := read[struct {
			Query string `p:"query,required,max=5000"`
			Limit *int64 `p:"limit,min=1,most=100"`
			Page  string `p:"page"`
		}](r)
		if err != nil {
			return nil, err
		}
		wanted, err := parseSearch(in.Query, fields)
		if err != nil {
			return nil, err
		}
		return searched[T, P](r, wanted, in.Limit, in.Page)
	}
}

func searched[T any, P pointer[T]](r *request, wanted filter, most *int64, after string) (any, error) {
	limit := int64(10)
	if most != nil {
		limit = *most
	}
	skip, err := strconv.ParseInt(either(after, "0"), 10, 64)
	if err != nil || skip < 0 {
		return nil, invalid("page", "Invalid page: %s", shorten(after))
	}
	found, err := query[T, P](r.tx, fmt.Sprintf("ORDER BY seq DESC LIMIT %d OFFSET %d", limit+1, skip), []filter{wanted})
	if err != nil {
		return nil, err
	}
	p := &searchPage{Object: "search_result", Data: []any{}, URL: r.http.URL.Path, HasMore: int64(len(found)) > limit}
	for _, one := range found[:min(int64(len(found)), limit)] {
		p.Data = append(p.Data, one)
	}
	if p.HasMore {
		next := strconv.FormatInt(skip+limit, 10)
		p.NextPage = &next
	}
	return p, nil
}

var (
	searchWord  = regexp.MustCompile(`^\s*(AND|OR)\s+`)
	searchMatch = regexp.MustCompile(`^\s*(-?)([a-z_.]+)(?:\[(?:"([^"\\]*)"|'([^'\\]*)')\])?\s*(:|~|>=|<=|>|<)\s*(?:"([^"\\]*)"|'([^'\\]*)'|(\d+|null))\s*`)
)

// parseSearch turns a query into a filter. AND and OR may not be mixed.
func parseSearch(text string, fields []string) (filter, error) {
	all, word := filter{}, ""
	for rest := text; ; {
		m := searchMatch.FindStringSubmatch(rest)
		if m == nil {
			return all, badSearch(text)
		}
		one, err := searchTerm(m, fields)
		if err != nil {
			return all, err
		}
		all.sql, all.args = all.sql+one.sql, append(all.args, one.args...)
		if rest = rest[len(m[0]):]; rest == "" {
			all.sql = "(" + all.sql + ")"
			return all, nil
		}
		next := searchWord.FindStringSubmatch(" " + rest)
		if next == nil || word != "" && word != next[1] {
			return all, badSearch(text)
		}
		word = next[1]
		rest = (" " + rest)[len(next[0]):]
		all.sql += " " + word + " "
	}
}

func badSearch(text string) error {
	return invalid("query", "We were unable to parse your search query: %s. Try using the search query format field:'value', joined by either AND or OR.", shorten(text))
}

// searchTerm is one comparison: m holds negation, field, key, operator and value.
func searchTerm(m []string, fields []string) (filter, error) {
	field, key, op, value := m[2], m[3]+m[4], m[5], m[6]+m[7]+m[8]
	column, args := "json_extract(doc, '$."+field+"')", []any{}
	switch {
	case field == "metadata":
		column, args = "json_extract(doc, '$.metadata.' || json_quote(?))", []any{key}
	case key != "" || !slices.Contains(fields, field):
		return filter{}, invalid("query", "Field `%s` is an unsupported search field for this resource. Supported are: metadata, %s.", shorten(field), strings.Join(fields, ", "))
	}
	var test string
	switch {
	case m[8] == "null":
		test = column + " IS NULL"
	case op == "~":
		test, args = "INSTR(LOWER("+column+"), LOWER(?)) > 0", append(args, value)
	case op == ":":
		test, args = "LOWER(CASE json_type(doc, '$."+field+"') WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE "+column+" END) = LOWER(?)", append(args, value)
	default:
		test, args = "CAST("+column+" AS INTEGER) "+op+" CAST(? AS INTEGER)", append(args, value)
	}
	if m[1] == "-" {
		test = "NOT COALESCE(" + test + ", 0)"
	}
	return filter{test, args}, nil
}
