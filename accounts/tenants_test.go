package accounts_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/internal/vault"
	"tollgate/models"
)

const (
	keyA = "sk_test_AAAAAAAAAAAAAAAAAAAA1111"
	keyB = "sk_test_BBBBBBBBBBBBBBBBBBBB2222"
)

func TestAKeyIsCheckedBeforeItIsKept(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		ada := w.person(t, w.us, "ada", accounts.Admin)
		for _, bad := range []string{"", "sk_test_short", "pk_test_1234567890abcdef", "sk_live_1234567890abcdef", "whsec_1234567890abcdef1234"} {
			wrongAt(t, w.tenants.SaveStripeKey(t.Context(), ada, bad), "key")
		}
		if w.stripe.asked != 0 {
			t.Errorf("Stripe was asked %d times about keys of the wrong form", w.stripe.asked)
		}
		wrongAt(t, w.tenants.SaveStripeKey(t.Context(), ada, keyA), "key") // Stripe does not know it
		w.stripe.err = errors.New("dial tcp: timeout")
		refused(t, w.tenants.SaveStripeKey(t.Context(), ada, keyA), fault.Unavailable, "while Stripe is away")
		_, err := w.tenants.StripeKey(t.Context(), ada.Tenant)
		refused(t, err, fault.Unavailable, "no key yet")

		w.stripe.err = nil
		w.stripe.opens[keyA] = accounts.PlatformAccount{ID: "acct_A", Name: "Acme"}
		must(t, w.tenants.SaveStripeKey(t.Context(), ada, " "+keyA+"\n"))
		key, err := w.tenants.StripeKey(t.Context(), ada.Tenant)
		must(t, err)
		row, err := w.tenants.Settings(t.Context(), ada)
		must(t, err)
		if key != keyA || row.StripeAccount != "acct_A" || row.StripeKeyHint != "…1111" {
			t.Errorf("key %q, row %+v", key, row)
		}
		_, err = w.tenants.StripeKey(t.Context(), w.them.Tenant)
		refused(t, err, fault.Unavailable, "another tenant's key")
	})
}

func TestAKeyIsSealedInItsPlace(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		w.stripe.opens[keyA] = accounts.PlatformAccount{ID: "acct_A"}
		must(t, w.tenants.SaveStripeKey(t.Context(), w.us, keyA))
		var sealed string
		must(t, db.NewRaw("SELECT sealed FROM secrets WHERE owner_table = 'tenants'").Scan(t.Context(), &sealed))
		if strings.Contains(sealed, "AAAA1111") {
			t.Errorf("the key lies open: %s", sealed)
		}
		_, err := db.Exec("UPDATE secrets SET tenant_id = ?, owner_row = ? WHERE owner_table = 'tenants'", w.them.Tenant, "1")
		must(t, err)
		w.later(time.Minute) // out of memory
		if _, err = w.tenants.StripeKey(t.Context(), w.them.Tenant); !errors.Is(err, vault.ErrTampered) {
			t.Errorf("a key moved to another tenant opens: %v", err)
		}
	})
}

func TestAnotherAccountsKeyIsRefusedOnceSomethingLivesThere(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		w.stripe.opens[keyA] = accounts.PlatformAccount{ID: "acct_A"}
		w.stripe.opens[keyB] = accounts.PlatformAccount{ID: "acct_B"}
		must(t, w.tenants.SaveStripeKey(t.Context(), w.us, keyA))
		must(t, w.tenants.EnterHookSecret(t.Context(), w.us, accounts.ScopeConnect, "https://x.example", hookA))
		must(t, w.tenants.SaveStripeKey(t.Context(), w.us, keyB)) // nothing lives there yet
		if key, err := w.tenants.StripeKey(t.Context(), w.us.Tenant); err != nil || key != keyB {
			t.Errorf("the new key is not used at once: %q, %v", key, err)
		}
		if secrets, err := w.tenants.HookSecrets(t.Context(), w.us.Tenant); err != nil || len(secrets[accounts.ScopeConnect]) != 0 {
			t.Errorf("%d signing secrets of the account before still count: %v", len(secrets[accounts.ScopeConnect]), err)
		}

		bob := w.person(t, w.us, "bob", accounts.Publisher)
		must(t, models.InTx(t.Context(), db, func(ctx ctx, tx bun.Tx) error {
			_, err := w.linked.Link(ctx, tx, bob, "acct_B", accounts.AccountValues{StripeAccount: "acct_1"})
			return err
		}))
		err := w.tenants.SaveStripeKey(t.Context(), w.us, keyA)
		wrongAt(t, err, "key")
		if f, _ := fault.FieldsOf(err); !strings.Contains(f["key"], "acct_B") {
			t.Errorf("the message does not say which account: %v", err)
		}
		if key, err := w.tenants.StripeKey(t.Context(), w.us.Tenant); err != nil || key != keyB {
			t.Errorf("the refused key is used: %q, %v", key, err)
		}
	})
}

func TestAConfiguredKeyIsCheckedOnce(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	w.stripe.opens[keyA] = accounts.PlatformAccount{ID: "acct_A"}
	row, err := w.tenants.ByDomain(t.Context(), "")
	must(t, err)
	for range 3 {
		must(t, w.tenants.ConfigureStripeKey(t.Context(), row, keyA))
	}
	if w.stripe.asked != 1 {
		t.Errorf("Stripe was asked %d times", w.stripe.asked)
	}
	must(t, w.tenants.NoteStripe(t.Context(), row.ID, "Expired API Key provided."))
	after, err := w.tenants.Settings(t.Context(), w.us)
	must(t, err)
	if after.StripeProblem == "" {
		t.Error("the problem is not kept")
	}
}

const (
	hookA = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	hookB = "whsec_BBBBBBBBBBBBBBBBBBBBBBBBBBBB"
	hookC = "whsec_CCCCCCCCCCCCCCCCCCCCCCCCCCCC"
)

func TestSigningSecretsOverlapForADay(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		for _, bad := range []string{"", "whsec_short", "sk_test_AAAAAAAAAAAAAAAAAAAAAAAAAAAA", hookA + " x"} {
			wrongAt(t, w.tenants.EnterHookSecret(t.Context(), w.us, accounts.ScopeConnect, "https://x.example", bad), "secret")
		}
		wrongAt(t, w.tenants.EnterHookSecret(t.Context(), w.us, "everything", "https://x.example", hookA), "scope")
		must(t, w.tenants.SaveHook(t.Context(), w.us, accounts.ScopeConnect, accounts.RegisteredHook{StripeID: "we_1", URL: "https://x.example", APIVersion: "2025-08-27.basil", Secret: hookA}))
		must(t, w.tenants.EnterHookSecret(t.Context(), w.us, accounts.ScopePlatform, "https://x.example", hookB))
		w.later(time.Hour)
		must(t, w.tenants.EnterHookSecret(t.Context(), w.us, accounts.ScopeConnect, "https://x.example", hookC))
		must(t, w.tenants.EnterHookSecret(t.Context(), w.us, accounts.ScopeConnect, "https://x.example", hookC))
		count := func(platform []string, connect ...string) {
			t.Helper()
			got, err := w.tenants.HookSecrets(t.Context(), w.us.Tenant)
			must(t, err)
			if !slices.Equal(got[accounts.ScopeConnect], connect) || !slices.Equal(got[accounts.ScopePlatform], platform) {
				t.Errorf("these count: %v, want %v and %v", got, connect, platform)
			}
		}
		count([]string{hookB}, hookC, hookA)
		hooks, err := w.tenants.Hooks(t.Context(), w.us)
		must(t, err)
		if len(hooks) != 2 || hooks[0].Hint != "…CCCC" || hooks[0].StripeID != "" || hooks[1].Scope != accounts.ScopePlatform {
			t.Errorf("the endpoints are %+v", hooks)
		}
		w.later(24*time.Hour + time.Second)
		count([]string{hookB}, hookC)
		w.tenants.GivenHookSecrets = []string{hookA}
		count([]string{hookB, hookA}, hookC, hookA)
		if theirs, err := w.tenants.HookSecrets(t.Context(), w.them.Tenant); err != nil || len(theirs) != 0 {
			t.Errorf("the twin has %v, %v", theirs, err)
		}
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		for text, want := range map[string]string{"": "", "0": "", "0.00": "", "2.50": "2.5", "100.00": "100", "07": "7", ".5": "!", "100.01": "!", "-1": "!", "2.555": "!", "1e1": "!", "2,5": "!", "abc": "!"} {
			err := w.tenants.SaveSettings(t.Context(), w.us, accounts.SettingsInput{Name: "Acme", FeePercent: text})
			if want == "!" {
				wrongAt(t, err, "fee_percent")
				continue
			}
			must(t, err)
			row, err := w.tenants.Settings(t.Context(), w.us)
			must(t, err)
			if row.FeePercent != want || row.CataloguePublic {
				t.Errorf("%q is kept as %q", text, row.FeePercent)
			}
		}
		wrongAt(t, w.tenants.SaveSettings(t.Context(), w.us, accounts.SettingsInput{Name: " "}), "name")
		for _, hours := range []string{"-1", "2161", "1.5", "a day", "99999999999999999999"} {
			wrongAt(t, w.tenants.SaveSettings(t.Context(), w.us, accounts.SettingsInput{Name: "Acme", GraceHours: hours}), "grace_hours")
		}
		heard := 0
		w.tenants.Follow = settingsHeard(func() { heard++ })
		in := accounts.SettingsInput{Name: "Acme", GraceHours: " 2160 ", HoldOnDispute: true}
		for range 2 {
			must(t, w.tenants.SaveSettings(t.Context(), w.us, in))
		}
		row, err := w.tenants.Settings(t.Context(), w.us)
		must(t, err)
		if row.GraceHours != accounts.MaxGraceHours || !row.HoldOnDispute || row.HoldOnRefund || heard != 1 {
			t.Errorf("settings %+v, heard of %d times", row, heard)
		}
		if row, err := w.tenants.ByDomain(t.Context(), "twin.example"); err != nil || row.Name != "Twin" || !row.CataloguePublic {
			t.Errorf("the twin changed too: %+v, %v", row, err)
		}
	})
}

func TestTenants(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		again, err := w.tenants.Bootstrap(t.Context(), "Another name")
		must(t, err)
		if again.Name != "Acme APIs" || again.ID != models.SuperTenant {
			t.Errorf("the default tenant became %+v", again)
		}
		made, errs := together(3, func(int) error {
			_, err := w.tenants.Create(t.Context(), w.us, "third.example", "Third")
			return err
		})
		if made != 1 {
			t.Errorf("%d tenants have the domain: %v", made, errs)
		}
		_, err = w.tenants.Create(t.Context(), w.us, "not a domain", "X")
		wrongAt(t, err, "domain")
		_, err = w.tenants.ByDomain(t.Context(), "absent.example")
		refused(t, err, fault.NotFound, "an absent tenant")
	})
}

func TestADatabaseKeepsItsModeAndKey(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		v, err := vault.Open([]byte("0123456789abcdef0123456789abcdef"))
		must(t, err)
		other, err := vault.Open([]byte("another key, another key, anothe"))
		must(t, err)
		var ids []string
		opened, errs := together(4, func(int) error {
			_, err := accounts.OpenInstallation(t.Context(), db, w.wall, "sandbox", v)
			return err
		})
		if opened != 4 {
			t.Fatalf("%d of 4 processes opened it: %v", opened, errs)
		}
		for range 2 {
			row, err := accounts.OpenInstallation(t.Context(), db, w.wall, "sandbox", v)
			must(t, err)
			ids = append(ids, row.InstallationID)
		}
		if ids[0] != ids[1] || ids[0] == "" {
			t.Errorf("the installation is called %v", ids)
		}
		_, err = accounts.OpenInstallation(t.Context(), db, w.wall, "live", v)
		if err == nil || !strings.Contains(err.Error(), "TOLLGATE_MODE=sandbox") {
			t.Errorf("another mode: %v", err)
		}
		if _, err = accounts.OpenInstallation(t.Context(), db, w.wall, "sandbox", other); !errors.Is(err, vault.ErrWrongKey) {
			t.Errorf("another key: %v", err)
		}
	})
}

// settingsHeard is called when settings that others go by are saved.
type settingsHeard func()

func (f settingsHeard) SettingsSaved(context.Context, bun.Tx, models.TenantID) error { f(); return nil }
