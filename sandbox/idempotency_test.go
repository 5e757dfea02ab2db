package sandbox_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestAnswersAreReplayed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.as(oneKey).with("Idempotency-Key", "k1")
	first := c.must("POST /v1/products", "name=Gold&metadata[a]=1&metadata[b]=2")
	again := c.must("POST /v1/products", "metadata[b]=2&metadata[a]=1&name=Gold")
	if again.body != first.body || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("not replayed: %v\n%s", again.header, again.body)
	}
	if again.header.Get("Original-Request") != first.header.Get("Request-Id") || again.header.Get("Request-Id") == first.header.Get("Request-Id") {
		t.Errorf("Original-Request %q, first Request-Id %q", again.header.Get("Original-Request"), first.header.Get("Request-Id"))
	}
	for line, form := range map[string]string{"POST /v1/products": "name=Silver", "POST /v1/customers": "name=Gold"} {
		r := c.do(line, form)
		if r.status != 400 || r.text("error.type") != "idempotency_error" {
			t.Errorf("the key was taken for something else: %d %s", r.status, r.body)
		}
	}
	if other := s.as(anotherKey).with("Idempotency-Key", "k1").must("POST /v1/products", "name=Silver"); other.id() == first.id() {
		t.Error("the key reaches into another account")
	}
	if r := s.as(oneKey).must("GET /v1/products", ""); len(r.at("data").([]any)) != 1 {
		t.Errorf("the call had its effect twice: %s", r.body)
	}
	if r := c.with("Idempotency-Key", strings.Repeat("k", 256)).do("POST /v1/products", "name=G"); r.status != 400 {
		t.Errorf("a key of 256 characters was taken: %d", r.status)
	}
}

func TestOnlyAnswersOfExecutedCallsAreKept(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.as(oneKey)
	c.with("Idempotency-Key", "invalid").do("POST /v1/products", "")
	c.with("Idempotency-Key", "invalid").must("POST /v1/products", "name=Gold")

	executed := c.with("Idempotency-Key", "missing")
	if r := executed.do("POST /v1/products/later", "name=Gold"); r.status != 404 {
		t.Fatalf("%d", r.status)
	}
	c.must("POST /v1/products", "name=Later&id=later")
	r := executed.do("POST /v1/products/later", "name=Gold")
	if r.status != 404 || r.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the error was not kept: %d %s", r.status, r.body)
	}
}

func TestKeysAreForgottenAfterADay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.as(oneKey).with("Idempotency-Key", "k")
	first := c.must("POST /v1/products", "name=Gold").id()
	s.wall.pass(23 * time.Hour)
	s.work()
	if again := c.must("POST /v1/products", "name=Gold").id(); again != first {
		t.Error("forgotten before a day was over")
	}
	s.wall.pass(2 * time.Hour)
	s.work()
	if again := c.must("POST /v1/products", "name=Gold").id(); again == first {
		t.Error("still known after a day")
	}
}

// Of many calls with one key at the same moment one has the effect; the others
// get its answer, or are told that it is still running.
func TestOneKeyWorksOnce(t *testing.T) {
	t.Parallel()
	s := openSite(t, t.TempDir()+"/sandbox.db", &wall{now: start})
	c := s.as(oneKey)
	c.must("GET /v1/account", "")
	var all sync.WaitGroup
	var lock sync.Mutex
	seen := map[string]int{}
	for range 12 {
		all.Go(func() {
			r := c.with("Idempotency-Key", "same").do("POST /v1/products", "name=Gold")
			lock.Lock()
			defer lock.Unlock()
			if seen[r.id()+r.text("error.code")]++; r.status == http.StatusConflict && r.text("error.type") != "idempotency_error" {
				t.Errorf("%s", r.body)
			}
		})
	}
	all.Wait()
	delete(seen, "idempotency_key_in_use")
	if len(seen) != 1 {
		t.Errorf("answers: %v", seen)
	}
	if r := c.must("GET /v1/products", ""); len(r.at("data").([]any)) != 1 {
		t.Errorf("the call had its effect more than once: %s", r.body)
	}
}

func TestOddRequestsAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, test := range map[string]struct {
		method, path, kind, body string
		status                   int
		message                  string
	}{
		"unknown path":  {"GET", "/v1/nothing", "", "", 404, "Unrecognized request URL (GET: /v1/nothing)"},
		"wrong method":  {"DELETE", "/v1/prices/price_1", "", "", 404, "Unrecognized request URL (DELETE:"},
		"JSON":          {"POST", "/v1/products", "application/json", `{"name":"G"}`, 400, "content type"},
		"too long":      {"POST", "/v1/products", "application/x-www-form-urlencoded", "name=" + strings.Repeat("x", 2<<20), 400, "longer than"},
		"bad escape":    {"POST", "/v1/products", "application/x-www-form-urlencoded", "name=%zz", 400, "Invalid encoding"},
		"bad brackets":  {"POST", "/v1/products", "application/x-www-form-urlencoded", "a]=b", 400, "Invalid parameter name"},
		"trailing dash": {"GET", "/v1/products/", "", "", 200, ""},
	} {
		request := httptest.NewRequestWithContext(t.Context(), test.method, test.path, strings.NewReader(test.body))
		request.Header.Set("Authorization", "Bearer "+oneKey)
		request.Header.Set("Content-Type", test.kind)
		answer := httptest.NewRecorder()
		s.server.Handler().ServeHTTP(answer, request)
		if answer.Code != test.status || !strings.Contains(answer.Body.String(), test.message) {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
	}
}
