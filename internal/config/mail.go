package config

import (
	"net"
	"net/mail"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// A MailCover says how the connection to the mail server is encrypted.
type MailCover string

// The ways. The certificate is checked in the first two.
const (
	MailTLS      MailCover = "tls"      // from the first byte
	MailSTARTTLS MailCover = "starttls" // begun in the clear, and refused when the server cannot go on encrypted
	MailPlain    MailCover = "none"
)

// A Mail is the server that sends our mails.
type Mail struct {
	Host     string
	Port     int
	Cover    MailCover
	Username string // "" without signing in
	Password Secret
	From     mail.Address // its name may be "": then it is the tenant's
}

// outputEmail is [output_adapter.email], WSO2's section of the mail server.
type outputEmail struct {
	FromAddress any `toml:"from_address"`
	Username    any `toml:"username"`
	Password    any `toml:"password"`
	Hostname    any `toml:"hostname"`
	Port        any `toml:"port"`
	StartTLS    any `toml:"enable_start_tls"`
	Auth        any `toml:"enable_authentication"`

	Signature any `toml:"signature"`
}

// The ports of mail: of submission, and of the same encrypted from the first byte.
const (
	submissionPort  = 587
	submissionsPort = 465
)

// readMail reads TOLLGATE_SMTP_URL, else [output_adapter.email]. Without both,
// mails are kept.
func (r *reader) readMail() {
	r.warnUnused("[output_adapter.email]", []setting{{"signature", r.file.OutputAdapter.Email.Signature}})
	if text := strings.TrimSpace(r.getenv("TOLLGATE_SMTP_URL")); text != "" {
		r.out.Mail = r.smtpURL(text)
		return
	}
	if in := r.file.OutputAdapter.Email; in != (outputEmail{}) {
		r.out.Mail = r.mailSection(in)
	}
}

const smtpForm = "smtp://user:password@mail.example.com:587?from=billing@example.com"

// smtpURL reads smtp:// or smtps://user:password@host:port?from=address. It never
// repeats the text: a password is in it.
func (r *reader) smtpURL(text string) *Mail {
	u, err := url.Parse(text)
	if err != nil {
		r.problem("TOLLGATE_SMTP_URL cannot be read: it looks like %s; in a password, signs such as @ and / are written %%XX.", smtpForm)
		return nil
	}
	if u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.Fragment != "" {
		r.problem("TOLLGATE_SMTP_URL must look like %s, or begin with smtps://.", smtpForm)
		return nil
	}
	m := &Mail{Host: u.Hostname(), Port: submissionPort, Cover: MailSTARTTLS, Username: u.User.Username()}
	password, _ := u.User.Password()
	m.Password = Secret(password)
	if u.Scheme == "smtps" {
		m.Port, m.Cover = submissionsPort, MailTLS
	}
	if u.Port() != "" {
		m.Port = r.mailPort("TOLLGATE_SMTP_URL", u.Port())
	}
	from := m.Username
	for name, values := range u.Query() {
		switch value := values[len(values)-1]; {
		case name == "from":
			from = value
		case name == "starttls" && u.Scheme == "smtp" && (value == "no" || value == "yes"):
			if value == "no" {
				m.Cover = MailPlain
			}
		default:
			r.problem("TOLLGATE_SMTP_URL has the option %q: it takes from=address, and on smtp:// starttls=no.", name)
		}
	}
	m.From = r.sender("TOLLGATE_SMTP_URL: from", from)
	r.judgeMail("TOLLGATE_SMTP_URL", m)
	return m
}

// mailSection reads WSO2's section.
func (r *reader) mailSection(in outputEmail) *Mail {
	const where = "[output_adapter.email] "
	m := &Mail{Host: r.text(where+"hostname", in.Hostname), Port: submissionPort, Cover: MailPlain}
	if m.Host == "" {
		r.problem("%s: %shostname is missing: name the mail server, or leave the section out.", r.name, where)
	}
	if port := r.text(where+"port", in.Port); port != "" {
		m.Port = r.mailPort(r.name+": "+where+"port", port)
	}
	switch {
	case m.Port == submissionsPort:
		m.Cover = MailTLS
	case in.StartTLS == nil || r.truth(where+"enable_start_tls", in.StartTLS):
		m.Cover = MailSTARTTLS
	}
	user := r.text(where+"username", in.Username)
	if in.Auth == nil && user != "" || r.truth(where+"enable_authentication", in.Auth) {
		m.Username, m.Password = user, Secret(r.text(where+"password", in.Password))
		if user == "" {
			r.problem("%s: %senable_authentication is true, but there is no username.", r.name, where)
		}
	}
	from := r.text(where+"from_address", in.FromAddress)
	if from == "" {
		from = user
	}
	m.From = r.sender(r.name+": "+where+"from_address", from)
	r.judgeMail(r.name+": "+strings.TrimSpace(where), m)
	return m
}

func (r *reader) mailPort(where, text string) int {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		r.problem("%s: the port is %q: it must be a number up to 65535, such as 587.", where, text)
	}
	return int(n)
}

// sender reads the address that mails come from, with a name or without.
func (r *reader) sender(where, text string) mail.Address {
	a, err := mail.ParseAddress(text)
	if err == nil {
		local, domain, _ := cutLast(a.Address, '@')
		ascii, bad := idna.Lookup.ToASCII(domain)
		if err = bad; err == nil {
			return mail.Address{Name: a.Name, Address: local + "@" + ascii}
		}
	}
	r.problem("%s is %q: it must be the address that mails come from, such as billing@example.com.", where, text)
	return mail.Address{}
}

func cutLast(text string, at byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(text, at); i >= 0 {
		return text[:i], text[i+1:], true
	}
	return text, "", false
}

// judgeMail refuses to send a password that anybody on the way can read.
func (r *reader) judgeMail(where string, m *Mail) {
	if m.Cover != MailPlain || m.Host == "" || isLoopback(m.Host) {
		return
	}
	if m.Username != "" {
		r.problem("%s: the password would go to %s unencrypted: use STARTTLS or smtps://.", where, m.Host)
		return
	}
	r.warn("%s: mails go to %s unencrypted.", where, net.JoinHostPort(m.Host, strconv.Itoa(m.Port)))
}
