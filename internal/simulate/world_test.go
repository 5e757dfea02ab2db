package simulate_test

import (
	"testing"
	"time"

	"tollgate/internal/simulate"
)

func TestAWorldSells(t *testing.T) {
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	began := time.Now()
	w, err := simulate.Open(t.Context(), simulate.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	t.Logf("opened in %s, %d statements, %d calls", time.Since(began), w.Store.Count.Load(), w.Line.Calls.Load())
	for _, wrong := range w.Line.Wrong() {
		t.Error(wrong)
	}
	t.Logf("%+v", w.A)
	c, err := w.Copy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	for range 10 {
		if err := w.Load(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("loaded in %s", time.Since(began)/10)
}
