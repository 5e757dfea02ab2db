package config_test

import (
	"fmt"
	"net/mail"
	"reflect"
	"strings"
	"testing"

	"tollgate/internal/config"
)

func TestTheMailServerIsReadFromTheEnvironmentOrTheFile(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		toml, url string
		want      *config.Mail
	}{
		"none": {},
		"STARTTLS": {
			url:  "smtp://ada:p%40ss@mail.example:2525?from=Acme+APIs+%3Cbilling%40acme.example%3E",
			want: &config.Mail{Host: "mail.example", Port: 2525, Cover: config.MailSTARTTLS, Username: "ada", Password: "p@ss", From: mail.Address{Name: "Acme APIs", Address: "billing@acme.example"}},
		},
		"from the user, usual port": {
			url:  "smtp://ada%40acme.example:x@mail.example",
			want: &config.Mail{Host: "mail.example", Port: 587, Cover: config.MailSTARTTLS, Username: "ada@acme.example", Password: "x", From: mail.Address{Address: "ada@acme.example"}},
		},
		"encrypted from the first byte": {
			url:  "smtps://mail.example?from=a@acme.example",
			want: &config.Mail{Host: "mail.example", Port: 465, Cover: config.MailTLS, From: mail.Address{Address: "a@acme.example"}},
		},
		"unencrypted on this machine": {
			url:  "smtp://u:x@127.0.0.1:1025?starttls=no&from=a@b%C3%BCcher.example",
			want: &config.Mail{Host: "127.0.0.1", Port: 1025, Cover: config.MailPlain, Username: "u", Password: "x", From: mail.Address{Address: "a@xn--bcher-kva.example"}},
		},
		"WSO2": {
			toml: "[output_adapter.email]\nfrom_address = \"apim@acme.example\"\nusername = \"apim\"\npassword = \"hunter2\"\nhostname = \"mail.example\"\nport = \"587\"\nenable_start_tls = true\nenable_authentication = \"true\"",
			want: &config.Mail{Host: "mail.example", Port: 587, Cover: config.MailSTARTTLS, Username: "apim", Password: "hunter2", From: mail.Address{Address: "apim@acme.example"}},
		},
		"WSO2 without signing in": {
			toml: "[output_adapter.email]\nfrom_address = \"apim@acme.example\"\nusername = \"apim\"\npassword = \"hunter2\"\nhostname = \"localhost\"\nport = 25\nenable_start_tls = false\nenable_authentication = false",
			want: &config.Mail{Host: "localhost", Port: 25, Cover: config.MailPlain, From: mail.Address{Address: "apim@acme.example"}},
		},
		"the environment overrides": {
			toml: "[output_adapter.email]\nhostname = \"elsewhere\"\nfrom_address = \"x@y.example\"",
			url:  "smtps://mail.example:4465?from=a@acme.example",
			want: &config.Mail{Host: "mail.example", Port: 4465, Cover: config.MailTLS, From: mail.Address{Address: "a@acme.example"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := read(t, config.Options{File: write(t, one.toml)}, env("TOLLGATE_SMTP_URL", one.url))
			if !reflect.DeepEqual(c.Mail, one.want) {
				t.Errorf("got %+v\nwant %+v", c.Mail, one.want)
			}
			if shown := fmt.Sprintf("%v %+v %#v", c, c.Mail, c.Mail); strings.Contains(shown, "hunter2") || strings.Contains(shown, "p@ss") {
				t.Errorf("the password is shown: %s", shown)
			}
		})
	}
}

func TestMailsThatGoUnencryptedAreWarnedOf(t *testing.T) {
	t.Parallel()
	c := read(t, config.Options{File: write(t, "")}, env("TOLLGATE_SMTP_URL", "smtp://relay.internal:25?starttls=no&from=a@acme.example"))
	if want := []string{"TOLLGATE_SMTP_URL: mails go to relay.internal:25 unencrypted."}; !reflect.DeepEqual(c.Warnings, want) {
		t.Errorf("warnings %q", c.Warnings)
	}
}
