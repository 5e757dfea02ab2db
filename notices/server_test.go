package notices_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// A mailServer is SMTP as far as our mails need it. What it answers can be changed
// from one mail to the next.
type mailServer struct {
	port     int
	cert     *tls.Config
	offerTLS bool

	mu       sync.Mutex
	rcpt     string // the answer to RCPT TO; "" takes it
	data     string // the answer to the mail itself; "" takes it, "cut" hangs up
	auth     string // the answer to AUTH; "" takes it
	talks    int    // connections
	commands []string
	got      []string // mails with their headers, as they came
}

func listen(t *testing.T) *mailServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &mailServer{port: l.Addr().(*net.TCPAddr).Port, cert: certificate(t)}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.talk(c)
		}
	}()
	return s
}

// certificate is one for 127.0.0.1, and trusts itself.
func certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	what := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, what, what, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(made)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
}

// set changes what the server answers.
func (s *mailServer) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *mailServer) mails() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.got...)
}

func (s *mailServer) count() (talks int, said string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.talks, strings.Join(s.commands, "\n")
}

func (s *mailServer) talk(c net.Conn) {
	defer func() { c.Close() }()
	s.set(func() { s.talks++ })
	r := bufio.NewReader(c)
	say := func(line string) { _, _ = c.Write([]byte(line + "\r\n")) }
	say("220 test ESMTP")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb := strings.ToUpper(strings.Fields(line + " x")[0])
		s.mu.Lock()
		s.commands = append(s.commands, line)
		rcpt, data, auth, offer := s.rcpt, s.data, s.auth, s.offerTLS
		s.mu.Unlock()
		switch verb {
		case "EHLO":
			say("250-test")
			if offer {
				say("250-STARTTLS")
			}
			say("250-AUTH PLAIN")
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go on")
			over := tls.Server(c, s.cert)
			c, r, offer = over, bufio.NewReader(over), false
			s.set(func() { s.offerTLS = false })
		case "AUTH":
			say(or(auth, "235 welcome"))
		case "RCPT":
			say(or(rcpt, "250 ok"))
		case "DATA":
			say("354 go on")
			text := readMail(r)
			if data == "cut" {
				s.set(func() { s.got = append(s.got, text) })
				return
			}
			if data == "" {
				s.set(func() { s.got = append(s.got, text) })
			}
			say(or(data, "250 taken"))
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func or(answer, otherwise string) string {
	if answer == "" {
		return otherwise
	}
	return answer
}

func readMail(r *bufio.Reader) string {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == ".\r\n" {
			return b.String()
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
}
