package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The command reports what a log says, and says what is missing.
func TestReportUsage(t *testing.T) {
	t.Parallel()
	var got string
	portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = r.Header.Get("Authorization") + " " + string(body)
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"accepted":1,"duplicates":0}`)
	}))
	t.Cleanup(portal.Close)
	log := filepath.Join(t.TempDir(), "calls.json")
	if err := os.WriteFile(log, []byte(`{"id":"r1","time":"2026-12-08T14:32:00Z","subscription":"s","status":200}`+"\nno JSON\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(name string) string { return map[string]string{"TOLLGATE_GATEWAY_CREDENTIAL": "tgg_x"}[name] }
	var out bytes.Buffer
	err := run(t.Context(), []string{"report-usage", "-log", log, "-portal", portal.URL, "-source", "edge"}, env, &out, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "line 2: ") || out.String() != "1 calls reported, 0 known already, 1 lines refused\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
	if !strings.HasPrefix(got, "Bearer tgg_x [{") || !strings.Contains(got, `"source":"edge"`) || !strings.Contains(got, `"id":"r1"`) {
		t.Errorf("the portal got %s", got)
	}
	for want, args := range map[string][]string{"-log FILE": {"report-usage"}, "no such file": {"report-usage", "-log", log + "x"}} {
		if err := run(t.Context(), args, env, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", args, err)
		}
	}
	if err := run(t.Context(), []string{"report-usage", "-log", log}, func(string) string { return "" }, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "TOLLGATE_GATEWAY_CREDENTIAL") {
		t.Error(err)
	}
}
