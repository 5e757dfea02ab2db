package accounts_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"pgregory.net/rapid"

	"tollgate/accounts"
	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/internal/vault"
	"tollgate/models"
)

// A keyWorld is a world with somebody who has an application and keys.
type keyWorld struct {
	*world
	business clock.Business
	keys     *accounts.APIKeys
	ada      accounts.Actor
	app      models.Application
}

func keysIn(t *testing.T, db *bun.DB) *keyWorld {
	t.Helper()
	w := &keyWorld{world: setup(t, db)}
	w.business = clock.NewBusiness(w.wall)
	v, err := vault.Open([]byte("0123456789abcdef0123456789abcdef"))
	must(t, err)
	w.keys = &accounts.APIKeys{DB: db, Wall: w.wall, Business: w.business, Vault: v}
	w.ada = w.person(t, w.us, "ada", accounts.Subscriber)
	w.app = w.application(t, w.ada, "Shop")
	return w
}

func (w *keyWorld) application(t *testing.T, who accounts.Actor, name string) models.Application {
	t.Helper()
	app, err := w.apps.Create(t.Context(), who, accounts.ApplicationInput{Name: name})
	must(t, err)
	return app
}

func (w *keyWorld) key(t *testing.T, name string) (accounts.Key, string) {
	t.Helper()
	k, text, err := w.keys.Create(t.Context(), w.ada, w.app.UUID, accounts.KeyInput{Name: name, Type: accounts.ProductionKey})
	must(t, err)
	return k, text
}

func (w *keyWorld) state(t *testing.T, id string) accounts.KeyState {
	t.Helper()
	k, err := w.keys.ByID(t.Context(), w.ada, w.app.UUID, id)
	must(t, err)
	return k.State
}

var keyForm = regexp.MustCompile(`^tg[ps]_[0-9A-Za-z]{49}$`)

func TestAKeyIsShownOnceAndStoredAsAHash(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := keysIn(t, db)
		for _, kind := range []string{accounts.ProductionKey, accounts.SandboxKey} {
			k, text, err := w.keys.Create(t.Context(), w.ada, w.app.UUID, accounts.KeyInput{Name: " " + kind + " ", Type: kind})
			must(t, err)
			if !keyForm.MatchString(text) || !accounts.KeyFormed(text) || (text[2] == 's') != (kind == accounts.SandboxKey) {
				t.Errorf("%s key is %q", kind, text)
			}
			if k.Name != kind || k.State != accounts.KeyActive || !strings.HasPrefix(text, k.Prefix) || len(k.Prefix) != 10 {
				t.Errorf("made %+v", k)
			}
			row, err := models.APIKeyByHash(t.Context(), db, k.Hash)
			must(t, err)
			audit, err := w.audit.Page(t.Context(), w.us, "", 10)
			must(t, err)
			if stored := fmt.Sprintf("%+v %+v", row, audit); row.ID != k.ID || strings.Contains(stored, text[10:40]) || len(k.Hash) != 64 {
				t.Errorf("%s is stored as %s", text, stored)
			}
			noted, err := models.AccessChangesSince(t.Context(), db, 0, 1000)
			must(t, err)
			if last := noted[len(noted)-1]; last.Kind != models.ChangedKey || last.ObjectID != k.Hash {
				t.Errorf("gateways are told of %+v", last)
			}
		}
	})
}

func TestKeysBelongToOnePerson(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := keysIn(t, db)
		k, _ := w.key(t, "Main")
		in := accounts.KeyInput{Name: "X", Type: accounts.ProductionKey}
		other := w.application(t, w.ada, "Other")
		bob := w.person(t, w.us, "bob", accounts.Subscriber, accounts.Admin)
		twin := w.person(t, w.them, "ada", accounts.Subscriber)
		publisher := w.ada
		publisher.Roles = []accounts.Role{accounts.Publisher}
		for name, try := range map[string]struct {
			who     accounts.Actor
			app, id string
		}{
			"another person": {bob, w.app.UUID, k.ID}, "another tenant": {twin, w.app.UUID, k.ID}, "another role": {publisher, w.app.UUID, k.ID},
			"unknown": {w.ada, models.NewID(), k.ID}, "another application": {w.ada, other.UUID, k.ID}, "unknown key": {w.ada, w.app.UUID, models.NewID()},
		} {
			_, err := w.keys.ByID(t.Context(), try.who, try.app, try.id)
			refused(t, err, fault.NotFound, name+" reads")
			refused(t, w.keys.Rename(t.Context(), try.who, try.app, try.id, "Y"), fault.NotFound, name+" renames")
			refused(t, w.keys.Revoke(t.Context(), try.who, try.app, try.id), fault.NotFound, name+" revokes")
			_, _, err = w.keys.Rotate(t.Context(), try.who, try.app, try.id, accounts.RotateInput{})
			refused(t, err, fault.NotFound, name+" rotates")
			if try.app == other.UUID || name == "unknown key" {
				continue // these are hers
			}
			_, err = w.keys.List(t.Context(), try.who, try.app)
			refused(t, err, fault.NotFound, name+" lists")
			_, _, err = w.keys.Create(t.Context(), try.who, try.app, in)
			refused(t, err, fault.NotFound, name+" creates")
		}
		if s := w.state(t, k.ID); s != accounts.KeyActive {
			t.Errorf("the key is %s", s)
		}
	})
}

func TestAKeyEndsByBusinessTime(t *testing.T) {
	t.Parallel()
	w := keysIn(t, testdb.New(t)) // it is 8 December, 14:32
	k, _, err := w.keys.Create(t.Context(), w.ada, w.app.UUID, accounts.KeyInput{Name: "Trial", Type: accounts.ProductionKey, Expires: "2026-12-20"})
	must(t, err)
	for _, step := range []struct {
		ahead time.Duration
		want  accounts.KeyState
	}{
		{0, accounts.KeyActive},
		{5*24*time.Hour + 9*time.Hour + 28*time.Minute - 1, accounts.KeyActive},
		{5*24*time.Hour + 9*time.Hour + 28*time.Minute, accounts.KeyExpiresSoon},
		{12*24*time.Hour + 9*time.Hour + 28*time.Minute - 1, accounts.KeyExpiresSoon}, // the 20th is its last day
		{12*24*time.Hour + 9*time.Hour + 28*time.Minute, accounts.KeyExpired},
	} {
		w.business.SetOffset(step.ahead)
		if got := w.state(t, k.ID); got != step.want {
			t.Errorf("%v ahead it is %s, want %s", step.ahead, got, step.want)
		}
		if got := w.state(t, k.ID).Works(); got != (step.want != accounts.KeyExpired) {
			t.Errorf("%v ahead it works: %v", step.ahead, got)
		}
	}
	_, _, err = w.keys.Rotate(t.Context(), w.ada, w.app.UUID, k.ID, accounts.RotateInput{})
	refused(t, err, fault.Conflict, "rotate what has expired")
}

func TestKeyFormsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := keysIn(t, testdb.New(t))
	k, _ := w.key(t, "Main")
	good := accounts.KeyInput{Name: "Second", Type: accounts.SandboxKey, Expires: "2026-12-08"}
	for _, c := range []struct {
		field string
		spoil func(*accounts.KeyInput)
	}{
		{"name", func(in *accounts.KeyInput) { in.Name = " \x00 " }},
		{"name", func(in *accounts.KeyInput) { in.Name = strings.Repeat("é", 81) }},
		{"name", func(in *accounts.KeyInput) { in.Name = "Main" }},
		{"type", func(in *accounts.KeyInput) { in.Type = "" }},
		{"expires", func(in *accounts.KeyInput) { in.Expires = "31.12.2026" }},
		{"expires", func(in *accounts.KeyInput) { in.Expires = "2026-12-07" }},
		{"expires", func(in *accounts.KeyInput) { in.Expires = "2036-12-09" }},
	} {
		in := good
		c.spoil(&in)
		_, _, err := w.keys.Create(t.Context(), w.ada, w.app.UUID, in)
		wrongAt(t, err, c.field)
	}
	second, _, err := w.keys.Create(t.Context(), w.ada, w.app.UUID, good)
	must(t, err)
	wrongAt(t, w.keys.Rename(t.Context(), w.ada, w.app.UUID, second.ID, "Main"), "name")
	wrongAt(t, w.keys.Rename(t.Context(), w.ada, w.app.UUID, second.ID, ""), "name")
	must(t, w.keys.Rename(t.Context(), w.ada, w.app.UUID, second.ID, "Third"))
	_, _, err = w.keys.Rotate(t.Context(), w.ada, w.app.UUID, k.ID, accounts.RotateInput{Overlap: time.Minute, Expires: "soon"})
	wrongAt(t, err, "overlap")
	wrongAt(t, err, "expires")
}

func TestAnApplicationHasSoManyKeys(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := keysIn(t, db)
		made, errs := together(24, func(i int) error {
			_, _, err := w.keys.Create(t.Context(), w.ada, w.app.UUID, accounts.KeyInput{Name: fmt.Sprintf("key %d", i), Type: accounts.ProductionKey})
			return err
		})
		if made != 20 {
			t.Errorf("%d keys: %v", made, errs)
		}
		list, err := w.keys.List(t.Context(), w.ada, w.app.UUID)
		must(t, err)
		must(t, w.keys.Revoke(t.Context(), w.ada, w.app.UUID, list[3].ID))
		w.key(t, list[3].Name) // room and name are free again
		_, _, err = w.keys.Create(t.Context(), w.ada, w.app.UUID, accounts.KeyInput{Name: "one more", Type: accounts.ProductionKey})
		refused(t, err, fault.Conflict, "a 21st")
		if list, err = w.keys.List(t.Context(), w.ada, w.app.UUID); err != nil || len(list) != 21 || list[20].State != accounts.KeyRevoked {
			t.Errorf("the list has %d keys, %v", len(list), err)
		}
	})
}

func TestARevokedKeyStaysSo(t *testing.T) {
	t.Parallel()
	w := keysIn(t, testdb.New(t))
	k, _ := w.key(t, "Main")
	for range 2 {
		must(t, w.keys.Revoke(t.Context(), w.ada, w.app.UUID, k.ID))
	}
	if s := w.state(t, k.ID); s != accounts.KeyRevoked {
		t.Errorf("the key is %s", s)
	}
	_, _, err := w.keys.Rotate(t.Context(), w.ada, w.app.UUID, k.ID, accounts.RotateInput{})
	refused(t, err, fault.Conflict, "rotate what is revoked")
	deeds := w.deeds(t, w.us)
	if n := len(slices.DeleteFunc(deeds, func(d string) bool { return d != "api-key.revoke" })); n != 1 {
		t.Errorf("the audit has it %d times", n)
	}
}

func TestKeysGoWithTheirApplicationAndPerson(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := keysIn(t, db)
		k, _ := w.key(t, "Main")
		must(t, w.drop(t, w.ada, w.app))
		w.app = w.application(t, w.ada, "Second")
		second, _ := w.key(t, "Main")
		admin := w.person(t, w.us, "root", accounts.Admin)
		_, err := w.people.Delete(t.Context(), admin, w.ada.Person, accounts.Consent{})
		must(t, err)
		for _, hash := range []string{k.Hash, second.Hash} {
			row, err := models.APIKeyByHash(t.Context(), db, hash)
			must(t, err)
			if row.Live != nil || row.RevokedAt.IsZero() {
				t.Errorf("a key is left: %+v", row)
			}
		}
	})
}

func TestOnlyWholeKeysHaveTheForm(t *testing.T) {
	w := keysIn(t, testdb.New(t))
	_, text := w.key(t, "Main")
	if n := testing.AllocsPerRun(100, func() { accounts.KeyFormed(text) }); n != 0 || !accounts.KeyFormed(text) {
		t.Errorf("looking at a key allocates %v times", n)
	}
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		other := rapid.StringMatching(`[0-9A-Za-z_\x00é]`).Filter(func(s string) bool { return s != text[at:at+1] }).Draw(t, "other")
		for _, bad := range []string{text[:at] + other + text[at+1:], text[:at], text[:at] + text[at+1:], text + other, other + text} {
			if accounts.KeyFormed(bad) {
				t.Errorf("%q has the form of a key", bad)
			}
		}
	})
}
