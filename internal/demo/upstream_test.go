package demo_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"tollgate/internal/clock"
	"tollgate/internal/demo"
)

func ask(t *testing.T, method, url string) (int, string) {
	t.Helper()
	at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	u := demo.Upstream{Business: clock.NewBusiness(clock.NewWall(func() time.Time { return at }))}
	r, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	a, err := u.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	if method != http.MethodHead && !json.Valid(text) {
		t.Errorf("%s: no JSON: %s", url, text)
	}
	return a.StatusCode, string(text)
}

func TestTheDemoAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, url string
		status      int
		says        string
	}{
		{"GET", "demo://weather/", 200, "/forecast"},
		{"GET", "demo://weather/now?city=lisbon", 200, `"country":"PT"`},
		{"GET", "demo://weather/forecast?city=S%C3%A3o", 404, "/cities"},
		{"GET", "demo://weather/forecast", 400, "?city=Lisbon"},
		{"GET", "demo://weather/cities", 200, "Wellington"},
		{"GET", "demo://geocoding/search?q=mon", 200, "Montréal"},
		{"GET", "demo://geocoding/search?q=zzz", 200, `"places":[]`},
		{"GET", "demo://geocoding/search", 400, "?q="},
		{"GET", "demo://geocoding/reverse?lat=-41&lon=-179.9", 200, "Wellington"},
		{"GET", "demo://geocoding/reverse?lat=NaN&lon=1", 400, "?lat="},
		{"GET", "demo://geocoding/now?city=Lisbon", 404, "nothing at /now"},
		{"POST", "demo://weather/now?city=Lisbon", 405, "GET"},
		{"HEAD", "demo://weather/now?city=Lisbon", 200, ""},
	} {
		status, text := ask(t, c.method, c.url)
		if status != c.status || !strings.Contains(text, c.says) || c.method == "HEAD" && text != "" {
			t.Errorf("%s %s: %d %s", c.method, c.url, status, text)
		}
	}
}

func TestTheDemosWeatherIsPlausible(t *testing.T) {
	t.Parallel()
	_, text := ask(t, "GET", "demo://weather/cities")
	var all struct{ Cities []string }
	if err := json.Unmarshal([]byte(text), &all); err != nil || len(all.Cities) != 50 {
		t.Fatalf("%d cities, %v; the demo's API promises fifty", len(all.Cities), err)
	}
	for _, name := range all.Cities {
		url := "demo://weather/forecast?city=" + strings.ReplaceAll(name, " ", "+")
		_, first := ask(t, "GET", url)
		_, again := ask(t, "GET", url)
		var f struct {
			Forecast []struct {
				Low  int `json:"low_c"`
				High int `json:"high_c"`
				Rain int `json:"rain_percent"`
			}
		}
		if err := json.Unmarshal([]byte(first), &f); err != nil || len(f.Forecast) != 10 || first != again {
			t.Fatalf("%s: %s, %v", name, first, err)
		}
		for _, d := range f.Forecast {
			if d.Low >= d.High || d.High > 45 || d.Low < -15 || d.Rain < 0 || d.Rain > 100 {
				t.Errorf("%s in July: %+v", name, d)
			}
		}
	}
}
