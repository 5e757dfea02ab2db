package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"tollgate/internal/config"
)

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	const plain = "sk_test_hunter2hunter2"
	c := config.Config{
		StripeKey: plain, StripeWebhookSecrets: []config.Secret{plain}, SecretKey: plain,
		Database: config.Database{Engine: config.MySQL, Password: plain},
	}
	var printed bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s", "%T %v"} {
		fmt.Fprintf(&printed, verb+"\n", c.StripeKey)
		fmt.Fprintf(&printed, verb+"\n", c)
		fmt.Fprintf(&printed, verb+"\n", &c)
	}
	fmt.Fprintln(&printed, c, c.Database.URL(), fmt.Errorf("wrapped: %v", c.SecretKey))
	for _, h := range []slog.Handler{slog.NewJSONHandler(&printed, nil), slog.NewTextHandler(&printed, nil)} {
		slog.New(h).Info("start", "key", c.StripeKey, "config", c, "all", c.StripeWebhookSecrets)
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	printed.Write(text)
	for _, leak := range []string{"hunter2", fmt.Sprintf("%x", plain), fmt.Sprintf("%X", plain)} {
		if strings.Contains(printed.String(), leak) {
			t.Errorf("%q was printed", leak)
		}
	}
	if c.StripeKey.Reveal() != plain || c.StripeKey.IsZero() || !config.Secret("").IsZero() {
		t.Error("the secret itself is lost")
	}
}
