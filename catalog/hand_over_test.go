package catalog_test

import (
	"testing"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
)

// What somebody publishes goes to another publisher with its connected account, and
// to nobody else; subscribers notice nothing.
func TestWhatAPublisherSellsIsHandedOver(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		s, ctx, one := newShop(t, db), t.Context(), int64(1)
		uuid := s.api(s.nils, weather())
		account := models.ConnectedAccount{ID: models.NewID(), TenantID: 1, PlatformAccount: "acct_p", StripeAccount: "acct_n", OwnerID: s.nils.Person, Due: []string{}, Live: &one}
		role := models.PersonRole{PersonID: s.olga.Person, Role: "publisher"}
		for _, row := range []any{&account, &role, &models.PersonRole{PersonID: s.mara.Person, Role: "admin"}} {
			_, err := db.NewInsert().Model(row).Exec(ctx)
			s.must(err)
		}
		for to, who := range map[string]string{"": "nobody", "no-such": "nobody", s.nils.Person: "oneself", s.mara.Person: "who is no publisher"} {
			if err := s.HandOver(ctx, s.mara, s.nils.Person, to); at(err, "to") == "" {
				t.Errorf("to %s: %v", who, err)
			}
		}
		if err := s.HandOver(ctx, s.olga, s.nils.Person, s.olga.Person); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a publisher helps themselves: %v", err)
		}
		if err := s.HandOver(ctx, s.mara, "no-such", s.olga.Person); fault.KindOf(err) != fault.NotFound {
			t.Errorf("of nobody: %v", err)
		}
		twin := weather()
		twin.Context = "weather2"
		double := s.api(s.olga, twin)
		if err := s.HandOver(ctx, s.mara, s.nils.Person, s.olga.Person); at(err, "to") == "" {
			t.Errorf("of the same name: %v", err)
		}
		twin.Name = "Weather for all"
		_, err := s.EditAPI(ctx, s.olga, double, 0, twin)
		s.must(err)
		for range 2 { // the second time there is nothing left
			s.must(s.HandOver(ctx, s.mara, s.nils.Person, s.olga.Person))
		}
		d, err := s.OwnAPI(ctx, s.olga, uuid)
		s.must(err)
		if d.API.Provider != "olga" {
			t.Errorf("it is by %s", d.API.Provider)
		}
		if _, err := s.OwnAPI(ctx, s.nils, uuid); fault.KindOf(err) != fault.NotFound {
			t.Errorf("nils still has it: %v", err)
		}
		mine, err := models.ConnectedAccounts(ctx, db, 1, s.olga.Person)
		s.must(err)
		if len(mine) != 1 || mine[0].StripeAccount != "acct_n" {
			t.Errorf("accounts: %+v", mine)
		}
	})
}
