package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// Timers run in the order of their instants and see these instants, however
// late they run; one that fails holds up no other and is tried again.
func TestTimersRunInOrder(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	now := start
	s := open(t, &now)
	var ran []string
	broken := true
	s.timers["note"] = func(t *tx, id string) error {
		ran = append(ran, fmt.Sprintf("%s@%d", id, t.now.Sub(start)/time.Hour))
		if id == "chain" {
			return t.schedule("note", "link", "", t.now.Add(time.Hour))
		}
		return nil
	}
	s.timers["fail"] = func(*tx, string) error {
		if broken {
			return errors.New("not today")
		}
		ran = append(ran, "mended")
		return nil
	}
	err := s.write(t.Context(), "acct_x", func(t *tx) error {
		return errors.Join(
			t.schedule("note", "late", "", start.Add(5*time.Hour)),
			t.schedule("note", "chain", "", start.Add(2*time.Hour)),
			t.schedule("fail", "it", "", start.Add(time.Hour)),
			t.schedule("note", "taken back", "", start.Add(time.Hour)),
			t.schedule("note", "moved", "", start.Add(time.Hour)),
			t.schedule("note", "moved", "", start.Add(4*time.Hour)),
			t.schedule("note", "never", "", start.Add(9*time.Hour)),
			t.unschedule("note", "taken back"),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Wake():
	default:
		t.Error("nobody was woken")
	}
	now = start.Add(8 * time.Hour)
	if _, err := s.RunOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"chain@2", "link@3", "moved@4", "late@5"}; !slices.Equal(ran, want) {
		t.Errorf("ran %v, want %v", ran, want)
	}
	broken = false
	now = now.Add(time.Second)
	if _, err := s.RunOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ran[len(ran)-1] != "mended" {
		t.Errorf("the failed timer was not tried again: %v", ran)
	}
}

// A failed transaction leaves neither objects nor events nor timers behind, and
// nobody is woken.
func TestFailedTransactionsLeaveNothing(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	s := open(t, &now)
	ask(t, s, "POST /v1/webhook_endpoints", "url=http://127.0.0.1:1/&enabled_events[]=*")
	_, account := ask(t, s, "GET /v1/account", "")
	err := s.write(t.Context(), account["id"].(string), func(t *tx) error {
		if _, err := t.newProduct("gold", "Gold", productParams{}); err != nil {
			return err
		}
		if err := t.schedule("note", "gold", "", now); err != nil {
			return err
		}
		return errors.New("no")
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, table := range []string{"objects WHERE type IN ('product', 'event')", "timers", "deliveries"} {
		var n int
		if err := s.reader.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n); err != nil || n != 0 {
			t.Errorf("%s: %d rows (%v)", table, n, err)
		}
	}
	select {
	case <-s.Wake():
		t.Error("somebody was woken")
	default:
	}
}
