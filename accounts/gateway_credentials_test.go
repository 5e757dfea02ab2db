package accounts_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/internal/vault"
	"tollgate/models"
)

// gateways returns the credentials, as one process of several sees them.
func (w *keyWorld) gateways(t *testing.T) *accounts.GatewayCredentials {
	t.Helper()
	v, err := vault.Open([]byte("0123456789abcdef0123456789abcdef"))
	must(t, err)
	return accounts.NewGatewayCredentials(w.db, w.wall, w.business, v)
}

func TestAGatewaySignsInUntilItsCredentialIsRevoked(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := keysIn(t, db)
		here, there := w.gateways(t), w.gateways(t)
		c, text, err := here.Create(t.Context(), w.them, "Edge")
		must(t, err)
		if accounts.KeyFormed(text) || accounts.KeyFormed("tgp_"+text[4:]) {
			t.Errorf("a credential has the form of a key: %s", text)
		}
		for range 2 {
			tenant, id, err := there.Authenticate(t.Context(), text)
			must(t, err)
			if tenant != w.them.Tenant || id != c.ID {
				t.Errorf("it is %s of %d", id, tenant)
			}
		}
		for _, bad := range []string{"", text[:52], text[:52] + "!", "tgp_" + text[4:]} {
			_, _, err := there.Authenticate(t.Context(), bad)
			refused(t, err, fault.Unauthenticated, bad)
		}
		list, err := here.List(t.Context(), w.them)
		must(t, err)
		if len(list) != 1 || list[0].LastUsedAt != models.At(w.business.Now()) || list[0].Hash == "" {
			t.Errorf("the list is %+v", list)
		}
		refused(t, here.Revoke(t.Context(), w.us, c.ID), fault.NotFound, "revoke another tenant's")
		must(t, here.Revoke(t.Context(), w.them, c.ID))
		must(t, here.Revoke(t.Context(), w.them, c.ID))
		w.later(time.Second)
		_, _, err = there.Authenticate(t.Context(), text)
		refused(t, err, fault.Unauthenticated, "a second after it was revoked")
	})
}

func TestCredentialsAreMadeByAdmins(t *testing.T) {
	t.Parallel()
	w := keysIn(t, testdb.New(t))
	g := w.gateways(t)
	_, _, err := g.Create(t.Context(), w.ada, "Edge")
	refused(t, err, fault.NotFound, "create")
	_, err = g.List(t.Context(), w.ada)
	refused(t, err, fault.NotFound, "list")
	refused(t, g.Revoke(t.Context(), w.ada, models.NewID()), fault.NotFound, "revoke")
	_, _, err = g.Create(t.Context(), w.us, " ")
	wrongAt(t, err, "name")
	made, errs := together(24, func(i int) error {
		_, _, err := g.Create(t.Context(), w.us, fmt.Sprintf("edge %d", i))
		return err
	})
	if made != 20 {
		t.Errorf("%d credentials: %v", made, errs)
	}
	list, err := g.List(t.Context(), w.us)
	must(t, err)
	must(t, g.Revoke(t.Context(), w.us, list[0].ID))
	_, _, err = g.Create(t.Context(), w.us, list[1].Name)
	wrongAt(t, err, "name")
	deeds := w.deeds(t, w.us)
	if deeds[0] != "gateway-credential.revoke" || deeds[1] != "gateway-credential.create" {
		t.Errorf("the audit has %v", deeds[:2])
	}
}
