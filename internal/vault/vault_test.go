package vault_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"tollgate/internal/vault"
)

const keyText = "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef"

func open(t testing.TB, text string) *vault.Vault {
	t.Helper()
	key, err := vault.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(key)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

var home = vault.Place{Tenant: -1234, Table: "tenant_stripe", Column: "secret_key", Row: "7"}

func TestWhatIsSealedOpens(t *testing.T) {
	t.Parallel()
	v := open(t, keyText)
	rapid.Check(t, func(t *rapid.T) {
		at := vault.Place{
			Tenant: rapid.Int64().Draw(t, "tenant"), Table: rapid.StringN(1, 9, -1).Draw(t, "table"),
			Column: rapid.StringN(1, 9, -1).Draw(t, "column"), Row: rapid.StringN(1, 9, -1).Draw(t, "row"),
		}
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		sealed, err := v.Seal(at, plain)
		if err != nil {
			t.Fatal(err)
		}
		if len(plain) > 3 && strings.Contains(sealed, string(plain)) {
			t.Fatal("the secret is in the sealed value")
		}
		if back, err := v.Open(at, sealed); err != nil || !bytes.Equal(back, plain) {
			t.Fatalf("opened %q, %v", back, err)
		}
	})
}

func TestSealingTwiceDiffers(t *testing.T) {
	t.Parallel()
	v := open(t, keyText)
	a, _ := v.Seal(home, []byte("sk_test_x"))
	b, _ := v.Seal(home, []byte("sk_test_x"))
	if a == b {
		t.Error("equal secrets can be told from their sealed values")
	}
}

// A value pasted into another tenant, table, column or row stays shut, even
// where the parts joined together read the same.
func TestMovedValuesStayShut(t *testing.T) {
	t.Parallel()
	v := open(t, keyText)
	sealed, err := v.Seal(home, []byte("sk_test_x"))
	if err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string]vault.Place{
		"tenant": {Tenant: 1, Table: home.Table, Column: home.Column, Row: home.Row},
		"table":  {Tenant: home.Tenant, Table: "other", Column: home.Column, Row: home.Row},
		"column": {Tenant: home.Tenant, Table: home.Table, Column: "webhook_secret", Row: home.Row},
		"row":    {Tenant: home.Tenant, Table: home.Table, Column: home.Column, Row: "8"},
		"border": {Tenant: home.Tenant, Table: home.Table + "s", Column: "ecret_key", Row: home.Row},
		"joined": {Tenant: home.Tenant, Table: home.Table, Column: home.Column + home.Row, Row: ""},
	} {
		if got, err := v.Open(at, sealed); !errors.Is(err, vault.ErrTampered) {
			t.Errorf("%s: opened %q, %v", name, got, err)
		}
	}
}

func TestChangedValuesStayShut(t *testing.T) {
	t.Parallel()
	v := open(t, keyText)
	sealed, err := v.Seal(home, []byte("sk_test_x"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		for _, c := range []byte{'A', 'b', '9', '.', '-'} {
			if sealed[i] == c {
				continue
			}
			changed := sealed[:i] + string(c) + sealed[i+1:]
			if got, err := v.Open(home, changed); err == nil {
				t.Fatalf("changed at %d: opened %q", i, got)
			}
		}
	}
	for _, bad := range []string{"", ".", "x", sealed[:len(sealed)-1], sealed + "A", sealed + "\n", strings.Replace(sealed, ".", "", 1)} {
		if _, err := v.Open(home, bad); !errors.Is(err, vault.ErrTampered) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestWrongKeyIsToldClearly(t *testing.T) {
	t.Parallel()
	ours, theirs := open(t, keyText), open(t, strings.Replace(keyText, "0", "f", 1))
	sealed, err := ours.Seal(home, []byte("sk_test_x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := theirs.Open(home, sealed); !errors.Is(err, vault.ErrWrongKey) {
		t.Errorf("open: %v", err)
	}
	if err := theirs.Verify(ours.Check()); !errors.Is(err, vault.ErrWrongKey) {
		t.Errorf("verify: %v", err)
	}
	if err := theirs.Verify(""); !errors.Is(err, vault.ErrWrongKey) {
		t.Errorf("verify of nothing: %v", err)
	}
	if err := open(t, keyText).Verify(ours.Check()); err != nil {
		t.Errorf("the same key: %v", err)
	}
	if !strings.Contains(vault.ErrWrongKey.Error(), "TOLLGATE_SECRET_KEY") {
		t.Error("the message does not say what to do")
	}
}

func TestIncompletePlaceIsRefused(t *testing.T) {
	t.Parallel()
	v := open(t, keyText)
	for _, at := range []vault.Place{{}, {Table: "t", Column: "c"}, {Table: "t", Row: "r"}, {Column: "c", Row: "r"}} {
		if s, err := v.Seal(at, []byte("x")); err == nil {
			t.Errorf("%+v sealed %q", at, s)
		}
	}
	if _, err := vault.Open([]byte("short")); err == nil {
		t.Error("a short key opens a vault")
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	raw, _ := hex.DecodeString(keyText)
	for _, good := range []string{
		keyText, strings.ToUpper(keyText), " " + keyText + "\n",
		base64.StdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw), base64.URLEncoding.EncodeToString(raw),
	} {
		if key, err := vault.ParseKey(good); err != nil || !bytes.Equal(key, raw) {
			t.Errorf("%q: %x, %v", good, key, err)
		}
	}
	for _, bad := range []string{"", "secret", keyText[:62], keyText + "00", strings.Repeat("0", 64), strings.Repeat("a", 32), "zz" + keyText[2:]} {
		if _, err := vault.ParseKey(bad); err == nil || (bad != "" && strings.Contains(err.Error(), bad)) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestLoadKeyPrefersTheEnvironment(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret.key")
	key, err := vault.LoadKey(keyText, file)
	if err != nil || hex.EncodeToString(key) != keyText {
		t.Errorf("%x, %v", key, err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a key file was made although the environment has a key")
	}
	if _, err := vault.LoadKey("nonsense", file); err == nil || !strings.Contains(err.Error(), "TOLLGATE_SECRET_KEY") {
		t.Errorf("nonsense: %v", err)
	}
	if _, err := vault.LoadKey("", ""); err == nil {
		t.Error("no key from nowhere")
	}
}

func TestKeyFileIsMadeOnceAndForItsOwner(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "data", "secret.key")
	keys := make([][]byte, 8)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			key, err := vault.LoadKey("", file)
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	all.Wait()
	for _, key := range keys[1:] {
		if !bytes.Equal(key, keys[0]) {
			t.Fatal("starters at the same moment have different keys")
		}
	}
	for name, want := range map[string]os.FileMode{file: 0o600, filepath.Dir(file): 0o700} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
	left, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestBadKeyFilesAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		mode os.FileMode
		says string
	}{
		"readable by others": {keyText, 0o644, "chmod 600"},
		"empty":              {"", 0o600, "64 hex digits"},
		"cut off":            {keyText[:40], 0o600, "64 hex digits"},
	} {
		file := filepath.Join(t.TempDir(), "secret.key")
		if err := os.WriteFile(file, []byte(tt.text), tt.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := vault.LoadKey("", file); err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		}
		if text, _ := os.ReadFile(file); string(text) != tt.text {
			t.Errorf("%s: the file was replaced", name)
		}
	}
}

func TestTagsDifferByTextPurposeAndKey(t *testing.T) {
	t.Parallel()
	a, b := open(t, keyText), open(t, "ff"+keyText[2:])
	tags := a.Tags("api-key")
	want := tags("tg_1")
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 200 {
				if tags("tg_1") != want {
					t.Error("the same text got another tag")
				}
			}
		})
	}
	wait.Wait()
	for name, other := range map[string][32]byte{
		"text": tags("tg_2"), "purpose": a.Tags("credential")("tg_1"), "key": b.Tags("api-key")("tg_1"), "nothing": tags(""),
	} {
		if other == want {
			t.Errorf("another %s got the same tag", name)
		}
	}
}
