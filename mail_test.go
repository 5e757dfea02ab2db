package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A postbox is a mail server that takes everything but a mail to refuse.
type postbox struct {
	port int
	mu   sync.Mutex
	no   string // the answer to every recipient; "" takes them
	got  []string
}

func openPostbox(t *testing.T) *postbox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	p := &postbox{port: l.Addr().(*net.TCPAddr).Port}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.talk(c)
		}
	}()
	return p
}

func (p *postbox) talk(c net.Conn) {
	defer c.Close()
	answer, mail := "220 postbox", (*strings.Builder)(nil)
	for in := bufio.NewScanner(c); ; {
		if answer != "" {
			fmt.Fprint(c, answer+"\r\n")
		}
		if !in.Scan() {
			return
		}
		line := in.Text()
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		p.mu.Lock()
		switch {
		case mail != nil && line == ".":
			p.got = append(p.got, mail.String())
			mail, answer = nil, "250 taken"
		case mail != nil:
			mail.WriteString(line + "\n")
			answer = ""
		case verb == "DATA":
			mail, answer = &strings.Builder{}, "354 go on"
		case verb == "RCPT" && p.no != "":
			answer = p.no
		default:
			answer = "250 ok"
		}
		p.mu.Unlock()
	}
}

// mails are those that came.
func (p *postbox) mails(no string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.no = no
	return append([]string(nil), p.got...)
}

// An admin tries mails: kept without a server, then sent by one, refused, and sent
// again.
func TestAnAdminGetsMailsGoing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := start(t, settings(dir))
	p := r.signIn("admin", true)
	p.Click("Mails")
	p.See("No mail server is configured")
	p.See("There is no mail yet")
	p.Click("Send a test mail to me")
	p.See("It was not sent: there was no mail server.")
	r.look(p, "mail-kept")
	must(t, r.stop())

	box := openPostbox(t)
	r = start(t, settings(dir, "TOLLGATE_SMTP_URL", fmt.Sprintf("smtp://127.0.0.1:%d?starttls=no&from=billing@acme.example", box.port)))
	p = r.signIn("admin", true)
	p.Click("Mails")
	p.See("1 mail was kept before that.")
	r.look(p, "mails-with-server")
	p.Click("Send kept mails")
	p.See("1 kept mail is on the way.")
	await(t, "the kept mail comes", func() bool { return len(box.mails("550 5.1.1 Nobody here")) == 1 })
	p.Click("Send a test mail to me")
	p.See("Nobody here")
	r.look(p, "mail-refused")
	box.mails("")
	p.Click("Send again")
	p.See("The mail is sent.")
	if got := box.mails(""); len(got) != 2 || !strings.Contains(got[1], "Subject: A test of your mails") || !strings.Contains(got[1], "Auto-Submitted: auto-generated") {
		t.Errorf("%q", got)
	}
	p.Click("Notices")
	p.See("2 notices are new.")
	r.look(p, "notices")
	p.Within("A test of your mails").Click("Mark as read")
	p.See("1 notice is new.")
	p.Click("Mark all as read")
	p.See("You have read everything.")
	p.NotSee("Mark as read")
}

// look checks a page for people with disabilities, and takes its pictures where
// TOLLGATE_SHOTS says.
func (r *running) look(p interface {
	Axe()
	Screenshot(path string, width int, dark bool)
}, name string) {
	p.Axe()
	dir := os.Getenv("TOLLGATE_SHOTS")
	if dir == "" {
		return
	}
	for _, one := range []struct {
		as    string
		width int
		dark  bool
	}{{"1280", 1280, false}, {"390", 390, false}, {"1280-dark", 1280, true}} {
		p.Screenshot(filepath.Join(dir, name+"-"+one.as+".png"), one.width, one.dark)
	}
}
