package main

import (
	"net/http"
	"strings"
	"testing"
)

// The sandbox can be a process of its own beside the one that has the database.
func TestTheSandboxRunsByItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	house := start(t, settings(dir))
	other := start(t, settings(dir, "TOLLGATE_DATA", dir+"/other", "TOLLGATE_DATABASE_URL", "sqlite://"+dir+"/tollgate.db"), "serve", "sandbox")
	if other.portal != "" || other.sandbox == "" || other.sandbox == house.sandbox {
		t.Fatalf("it says:\n%s", other.out)
	}
	r, err := http.NewRequest(http.MethodGet, other.sandbox+"/v1/products", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+crashKey)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK || strings.Contains(other.out.String(), "Sign in") {
		t.Errorf("%s; it says:\n%s", a.Status, other.out)
	}
}
