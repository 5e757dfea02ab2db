package sandbox_test

import (
	"net/url"
	"testing"
)

func TestSearchFindsByFieldAndMetadata(t *testing.T) {
	t.Parallel()
	c := newSite(t).as(oneKey)
	gold := c.must("POST /v1/products", "name=Gold+plan&metadata[plan]=gold&metadata[o'clock]=5").id()
	silver := c.must("POST /v1/products", "name=Silver+plan&metadata[plan]=silver&active=false").id()
	for query, want := range map[string][]any{
		`metadata['plan']:'gold'`:                     {gold},
		`metadata["o'clock"]:"5"`:                     {gold},
		`name~"PLAN" AND active:'false'`:              {silver},
		`name:'gold plan' OR name:'silver plan'`:      {silver, gold},
		`-metadata['plan']:'gold'`:                    {silver},
		`active:'true' AND metadata['plan']:'silver'`: {nil},
		`description:null AND -active:'true'`:         {silver},
		`metadata['plan']:null`:                       {nil},
		`name:"x') OR 1=1 --"`:                        {nil},
	} {
		r := c.must("GET /v1/products/search", "query="+url.QueryEscape(query))
		for i, id := range append(want, nil) {
			if got := r.at("data." + string(rune('0'+i)) + ".id"); got != id && i < 2 {
				t.Errorf("%s: result %d is %v, want %v", query, i, got, id)
			}
		}
	}
	for _, query := range []string{"", "gold", "colour:'red'", "name:'a' AND name:'b' OR name:'c'", "name:'a' name:'b'", "name['x']:'y'"} {
		if r := c.do("GET /v1/products/search", "query="+url.QueryEscape(query)); r.status != 400 || r.text("error.param") != "query" {
			t.Errorf("%s: %d %s", query, r.status, r.body)
		}
	}
	page := c.must("GET /v1/products/search", "limit=1&query="+url.QueryEscape(`name~"plan"`))
	page.want("has_more", true)
	c.must("GET /v1/products/search", "limit=1&query="+url.QueryEscape(`name~"plan"`)+"&page="+page.text("next_page")).want("data.0.id", gold)
}
