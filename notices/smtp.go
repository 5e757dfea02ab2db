package notices

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"regexp"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// A Cover says how the connection to a mail server is encrypted.
type Cover string

// The ways. Certificates are checked in the first two.
const (
	TLS      Cover = "tls"      // from the first byte
	STARTTLS Cover = "starttls" // refused when the server does not offer it
	Plain    Cover = "none"
)

// An SMTP is the server that sends our mails.
type SMTP struct {
	Host     string
	Port     int
	Cover    Cover
	Username string                       // "" without signing in
	Password interface{ Reveal() string } // may be nil then
	From     mail.Address                 // without a name, mails have the tenant's
	Trust    *tls.Config                  // nil for the system's certificates
}

// Words says which server it is, and in whose name it sends.
func (s *SMTP) Words() string {
	return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) + " as " + s.From.Address
}

// A letter is one mail.
type letter struct {
	FromName            string
	To                  mail.Address
	Subject, Text, HTML string
	ID                  string // Message-ID, without its brackets
	At                  time.Time
}

// The answers of a mail server that are no yes. Any other error of a letter's way
// is trouble with the server itself.
type (
	refusedMail struct{ why string } // for good
	laterMail   struct{ why string } // this mail, for now
)

func (e refusedMail) Error() string { return e.why }
func (e laterMail) Error() string   { return e.why }

// smtpPatience is how long a server may take for each part of the conversation.
const smtpPatience = 15 * time.Second

// send hands a letter to the server. nil means that the server has taken it: a
// connection that breaks earlier leaves that open, and the letter goes again under
// the same Message-ID.
func (s *SMTP) send(ctx context.Context, l letter) error {
	client, err := gomail.NewClient(s.Host, s.options()...)
	if err != nil {
		return fmt.Errorf("notices: %w", err)
	}
	if err := client.DialWithContext(ctx); err != nil {
		return fmt.Errorf("the mail server %s cannot be used: %w", s.Host, err)
	}
	defer client.Close() //nolint:errcheck // the server has said what it does
	message := s.message(l)
	err = client.Send(message)
	if message.IsDelivered() {
		return nil // what broke afterwards does not matter
	}
	return judge(err)
}

func (s *SMTP) options() []gomail.Option {
	out := []gomail.Option{gomail.WithPort(s.Port), gomail.WithTimeout(smtpPatience), gomail.WithoutNoop()}
	auth := gomail.SMTPAuthAutoDiscover
	switch s.Cover {
	case TLS:
		out = append(out, gomail.WithSSL())
	case Plain:
		out = append(out, gomail.WithTLSPolicy(gomail.NoTLS))
		auth = gomail.SMTPAuthPlain // to this machine only: the library checks that too
	default:
		out = append(out, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.Trust != nil {
		out = append(out, gomail.WithTLSConfig(s.Trust))
	}
	if s.Username != "" && s.Password != nil {
		out = append(out, gomail.WithSMTPAuth(auth), gomail.WithUsername(s.Username), gomail.WithPassword(s.Password.Reveal()))
	}
	return out
}

func (s *SMTP) message(l letter) *gomail.Msg {
	from := s.From
	if from.Name == "" {
		from.Name = l.FromName
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(&from)
	m.ToMailAddress(&l.To)
	m.Subject(l.Subject)
	m.SetMessageIDWithValue(l.ID)
	m.SetDateWithValue(l.At)
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader("X-Auto-Response-Suppress", "All") // Exchange does not heed the other
	m.SetBodyString(gomail.TypeTextPlain, l.Text)
	m.AddAlternativeString(gomail.TypeTextHTML, l.HTML)
	return m
}

// answered finds what a server said in the library's words about it.
var answered = regexp.MustCompile(`\b([245]\d\d) "?(.*?)"?$`)

// answer is what the server said, or else what went wrong.
func answer(said *gomail.SendError) string {
	why, _, _ := strings.Cut(said.Error(), ", affected ")
	if found := answered.FindStringSubmatch(line(why, 1000)); found != nil {
		why = found[1] + " " + found[2]
	}
	return line(why, 500)
}

// judge tells what is wrong with the mail from what is wrong with the server.
func judge(err error) error {
	said, ok := errors.AsType[*gomail.SendError](err)
	if !ok {
		return err
	}
	why := answer(said)
	switch code := said.ErrorCode(); {
	case code == 421, code == 530, code == 534, code == 535, code == 538: // it goes away, or wants another way to sign in
		return errors.New("the mail server cannot be used: " + why)
	case code >= 500:
		return refusedMail{why}
	case code >= 400:
		return laterMail{why}
	}
	return errors.New("the mail server broke off: " + why)
}
