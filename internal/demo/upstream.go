package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tollgate/internal/clock"
)

// An Upstream answers for the demo's APIs, within this process: demo:weather and
// demo:geocoding. The weather is made up, the same for everybody who asks.
type Upstream struct{ Business clock.Business }

// RoundTrip answers one call. The host or opaque part of the URL names the API.
func (u Upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, 1<<20)) // nothing in it matters
		_ = r.Body.Close()
	}
	status, body := u.answer(r)
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	text = append(text, '\n')
	h := http.Header{"Content-Type": {"application/json"}, "Content-Length": {strconv.Itoa(len(text))}}
	if r.Method == http.MethodHead {
		text = nil
	}
	return &http.Response{
		Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, ContentLength: int64(len(text)),
		Body: io.NopCloser(bytes.NewReader(text)), Request: r,
	}, nil
}

// A problem is what the demo's APIs answer when something is wrong.
type problem struct {
	Error string `json:"error"`
}

func (u Upstream) answer(r *http.Request) (int, any) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return http.StatusMethodNotAllowed, problem{"This API answers GET."}
	}
	name := r.URL.Host
	if name == "" {
		name, _, _ = strings.Cut(r.URL.Opaque, "/")
	}
	path := "/" + strings.Trim(r.URL.Path, "/")
	switch name + path {
	case "weather/", "geocoding/":
		return http.StatusOK, map[string]any{"api": name, "endpoints": endpoints[name]}
	case "weather/cities":
		return http.StatusOK, map[string]any{"cities": cityNames()}
	case "weather/now":
		return u.weather(r, 1)
	case "weather/forecast":
		return u.weather(r, 10)
	case "geocoding/search":
		return search(r.URL.Query().Get("q"))
	case "geocoding/reverse":
		return reverse(r.URL.Query().Get("lat"), r.URL.Query().Get("lon"))
	}
	return http.StatusNotFound, problem{"There is nothing at " + path + "."}
}

var endpoints = map[string][]string{
	"weather":   {"/cities", "/now?city=Lisbon", "/forecast?city=Lisbon"},
	"geocoding": {"/search?q=Lis", "/reverse?lat=38.7&lon=-9.1"},
}

// A day is one day's weather.
type day struct {
	Date string `json:"date"`
	Sky  string `json:"sky"`
	Low  int    `json:"low_c"`
	High int    `json:"high_c"`
	Rain int    `json:"rain_percent"`
	Wind int    `json:"wind_kmh"`
}

var skies = []string{"clear", "fair", "cloudy", "overcast", "showers", "rain", "thunder"}

func (u Upstream) weather(r *http.Request, days int) (int, any) {
	name := r.URL.Query().Get("city")
	if name == "" {
		return http.StatusBadRequest, problem{"Name a city, such as ?city=Lisbon."}
	}
	c, ok := cityNamed(name)
	if !ok {
		return http.StatusNotFound, problem{"No city is called " + strconv.Quote(name) + " here. /cities lists them."}
	}
	today := u.Business.Now().Truncate(24 * time.Hour)
	out := make([]day, days)
	for i := range out {
		out[i] = c.on(today.AddDate(0, 0, i))
	}
	if days == 1 {
		return http.StatusOK, map[string]any{"city": c, "now": out[0]}
	}
	return http.StatusOK, map[string]any{"city": c, "forecast": out}
}

// on returns a day's weather in c: warmer near the equator and in its summer, and
// otherwise by chance that is the same whenever it is asked for.
func (c city) on(date time.Time) day {
	text := date.Format(time.DateOnly)
	h := fnv.New64a()
	_, _ = io.WriteString(h, c.Name+text) // a hash never fails
	luck := h.Sum64()
	season := math.Cos(2 * math.Pi * float64(date.YearDay()-200) / 365)
	if c.Lat < 0 {
		season = -season
	}
	high := 31 - int(math.Abs(c.Lat)*0.4) + int(season*math.Abs(c.Lat)*0.22) + int(luck%7) - 3
	sky := luck >> 8 % uint64(len(skies))
	return day{Date: text, Sky: skies[sky], High: high, Low: high - 5 - int(luck>>16%6), Rain: int(sky*14 + luck>>24%12), Wind: 3 + int(luck>>32%38)}
}

func search(q string) (int, any) {
	q = strings.ToLower(strings.TrimSpace(q))
	if q == "" {
		return http.StatusBadRequest, problem{"Say what to look for, such as ?q=Lis."}
	}
	found := []city{}
	for _, c := range cities {
		if strings.HasPrefix(strings.ToLower(c.Name), q) {
			found = append(found, c)
		}
	}
	return http.StatusOK, map[string]any{"places": found}
}

func reverse(lat, lon string) (int, any) {
	x, errX := strconv.ParseFloat(lat, 64)
	y, errY := strconv.ParseFloat(lon, 64)
	if errX != nil || errY != nil || !(math.Abs(x) <= 90) || !(math.Abs(y) <= 180) {
		return http.StatusBadRequest, problem{"Write a place as ?lat=38.7&lon=-9.1."}
	}
	near, least := cities[0], math.Inf(1)
	for _, c := range cities {
		across := math.Abs(c.Lon - y)
		across = min(across, 360-across) * math.Cos(x*math.Pi/180)
		if d := math.Hypot(c.Lat-x, across); d < least {
			near, least = c, d
		}
	}
	return http.StatusOK, map[string]any{"nearest": near}
}
