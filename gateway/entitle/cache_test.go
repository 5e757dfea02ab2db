package entitle_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/gateway"
	"tollgate/gateway/entitle"
	"tollgate/internal/testdb"
)

func TestMadeUpKeysDisplaceNoRealOnes(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	h := &hook{}
	g := w.newGate(t, w.db.WithQueryHook(h), entitle.Options{Remembered: 50})
	for range 3 {
		if got := w.got(g, "/weather/v1", w.text); got != "" {
			t.Fatal(got)
		}
	}
	before := h.read("api_keys")
	for i := range 300 {
		for range 2 {
			if got := w.got(g, "/weather/v1", madeUp(i)); got != gateway.KeyUnknown {
				t.Fatalf("made up: %q", got)
			}
		}
	}
	if n := h.read("api_keys") - before; n != 300 {
		t.Errorf("300 unknown keys were looked up %d times", n)
	}
	if got := w.got(g, "/weather/v1", w.text); got != "" || h.read("api_keys") != before+300 {
		t.Errorf("%q; the key was looked up again", got)
	}
	w.later(time.Second)
	w.got(g, "/weather/v1", madeUp(299))
	if n := h.read("api_keys") - before; n != 301 {
		t.Errorf("what is not there is remembered for longer than a second (%d)", n)
	}
	for i := range 100 { // text that cannot be a key is not looked up at all
		w.got(g, "/weather/v1", fmt.Sprint("nonsense", i))
	}
	if n := h.read("api_keys") - before; n != 301 {
		t.Errorf("nonsense was looked up (%d)", n)
	}
}

func TestRealKeysShareTheRoomThereIs(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	h := &hook{}
	g := w.newGate(t, w.db.WithQueryHook(h), entitle.Options{Remembered: 5})
	var texts []string
	for range 8 {
		_, text := w.newKey(t, accounts.ProductionKey)
		texts = append(texts, text)
	}
	for range 3 {
		for _, text := range texts {
			for range 2 { // one that is used all the time
				if got := w.got(g, "/weather/v1", w.text); got != "" {
					t.Fatal(got)
				}
			}
			if got := w.got(g, "/weather/v1", text); got != "" {
				t.Fatal(got)
			}
		}
	}
	if n := h.read("api_keys"); n < 9 || n > 8*3+4 {
		t.Errorf("9 keys with room for 5 were read %d times", n)
	}
}

func TestManyWhoWantTheSameReadItOnce(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		h := &hook{}
		g := w.newGate(t, db.WithQueryHook(h), entitle.Options{})
		h.holdUp("api_keys")
		var all sync.WaitGroup
		var began atomic.Int64
		for range 50 {
			all.Go(func() {
				began.Add(1)
				if got := w.got(g, "/weather/v1", w.text); got != "" {
					t.Error(got)
				}
			})
		}
		<-h.arrived
		for began.Load() < 50 {
			time.Sleep(time.Millisecond)
		}
		close(h.leave)
		all.Wait()
		for _, table := range []string{"api_keys", "am_subscription", "am_policy_subscription", "tenants"} {
			if n := h.read(table); n != 1 {
				t.Errorf("%s was read %d times", table, n)
			}
		}
	})
}

func TestWhoGoesAwayIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	h := &hook{}
	g := w.newGate(t, w.db.WithQueryHook(h), entitle.Options{})
	h.holdUp("api_keys")
	gone, cancel := context.WithCancel(t.Context())
	answer := make(chan *gateway.Refusal)
	go func() {
		_, refusal := g.Admit(gone, gateway.Ask{Path: "/weather/v1", Key: w.text})
		answer <- refusal
	}()
	<-h.arrived
	cancel()
	if refusal := <-answer; refusal == nil || refusal.Status != 503 {
		t.Errorf("who went away gets %+v", refusal)
	}
	other := make(chan string)
	go func() { other <- w.got(g, "/weather/v1", w.text) }()
	close(h.leave)
	if got := <-other; got != "" {
		t.Errorf("who stayed gets %q", got)
	}
}

func TestItIsNotedWhenKeysAreUsed(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		used := func() time.Time {
			t.Helper()
			k, err := w.keys.ByID(t.Context(), w.ada, w.app.UUID, w.key.ID)
			must(t, err)
			return k.LastUsedAt.Time()
		}
		stopped := func() time.Time { // a gate that stops leaves nothing unsaid
			t.Helper()
			must(t, w.gate.Stop(t.Context()))
			return used()
		}
		for range 3 {
			w.want(t, "a call", "/weather/v1", w.text, "")
		}
		if !used().IsZero() {
			t.Error("a call wrote to the database")
		}
		if at := stopped(); !at.Equal(noon) {
			t.Errorf("used %v", at)
		}
		w.business.SetOffset(59 * time.Second)
		w.want(t, "a call within the minute", "/weather/v1", w.text, "")
		if at := stopped(); !at.Equal(noon) {
			t.Errorf("used %v", at)
		}
		w.business.SetOffset(61 * time.Second)
		w.want(t, "a call after it", "/weather/v1", w.text, "")
		if at := stopped(); !at.Equal(noon.Add(61 * time.Second)) {
			t.Errorf("used %v", at)
		}
	})
}
