package accounts_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
)

func TestARotatedKeyWorksForTheOverlap(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := keysIn(t, db)
		for i, overlap := range accounts.Overlaps {
			name := fmt.Sprintf("key %d", i)
			old, before := w.key(t, name)
			began := w.business.Now()
			made, text, err := w.keys.Rotate(t.Context(), w.ada, w.app.UUID, old.ID, accounts.RotateInput{Overlap: overlap})
			must(t, err)
			if text == before || made.Name != name || made.Replaces != old.ID || made.KeyType != old.KeyType || !made.ExpiresAt.IsZero() {
				t.Errorf("%v: the new key is %+v", overlap, made)
			}
			was, err := w.keys.ByID(t.Context(), w.ada, w.app.UUID, old.ID)
			must(t, err)
			if overlap == 0 {
				if was.State != accounts.KeyRevoked {
					t.Errorf("at once the old key is %s", was.State)
				}
				continue
			}
			if was.State != accounts.KeyExpiresSoon || was.ExpiresAt != models.At(began.Add(overlap)) || was.Name != name+" (replaced)" {
				t.Errorf("%v: the old key is %+v", overlap, was)
			}
			_, _, err = w.keys.Rotate(t.Context(), w.ada, w.app.UUID, old.ID, accounts.RotateInput{})
			refused(t, err, fault.Conflict, "rotate it again")
			w.business.SetOffset(w.business.Offset() + overlap - time.Millisecond)
			if s := w.state(t, old.ID); !s.Works() {
				t.Errorf("%v: just before the end of the overlap the old key is %s", overlap, s)
			}
			w.business.SetOffset(w.business.Offset() + time.Millisecond)
			if s := w.state(t, old.ID); s.Works() {
				t.Errorf("%v: after the overlap the old key is %s", overlap, s)
			}
			if s := w.state(t, made.ID); s != accounts.KeyActive {
				t.Errorf("the new key is %s", s)
			}
		}
	})
}

func TestAnOverlapMakesNoKeyLiveLonger(t *testing.T) {
	t.Parallel()
	w := keysIn(t, testdb.New(t)) // it is 8 December
	old, _, err := w.keys.Create(t.Context(), w.ada, w.app.UUID, accounts.KeyInput{Name: "Trial", Type: accounts.SandboxKey, Expires: "2026-12-09"})
	must(t, err)
	made, text, err := w.keys.Rotate(t.Context(), w.ada, w.app.UUID, old.ID, accounts.RotateInput{Overlap: 7 * 24 * time.Hour, Expires: "2027-12-31"})
	must(t, err)
	was, err := w.keys.ByID(t.Context(), w.ada, w.app.UUID, old.ID)
	must(t, err)
	if was.ExpiresAt != old.ExpiresAt {
		t.Errorf("the old key ends %v", was.ExpiresAt.Time())
	}
	if !strings.HasPrefix(text, "tgs_") || made.ExpiresAt.Time() != time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC) {
		t.Errorf("the new key is %+v", made)
	}
}

func TestNamesOfReplacedKeysDoNotCollide(t *testing.T) {
	t.Parallel()
	w := keysIn(t, testdb.New(t))
	name := strings.Repeat("n", 80)
	k, _ := w.key(t, name)
	seen := map[string]bool{}
	for range 4 {
		next, _, err := w.keys.Rotate(t.Context(), w.ada, w.app.UUID, k.ID, accounts.RotateInput{Overlap: time.Hour})
		must(t, err)
		was, err := w.keys.ByID(t.Context(), w.ada, w.app.UUID, k.ID)
		must(t, err)
		if next.Name != name || seen[was.Name] || len(was.Name) > 80 {
			t.Errorf("the old key is called %q", was.Name)
		}
		seen[was.Name], k = true, next
	}
}

func TestTwoTabsRotateAKeyOnce(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := keysIn(t, db)
		old, _ := w.key(t, "Main")
		made, errs := together(4, func(int) error {
			_, _, err := w.keys.Rotate(t.Context(), w.ada, w.app.UUID, old.ID, accounts.RotateInput{Overlap: time.Hour})
			return err
		})
		if made != 1 {
			t.Errorf("%d keys follow: %v", made, errs)
		}
	})
}
