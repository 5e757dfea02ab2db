//go:build unix

package main

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A fleet is the program in several processes that can be killed one by one: on
// SQLite one with everything but the sandbox, elsewhere one for each part, and the
// database server too.
type fleet struct {
	t       *testing.T
	program string
	env     map[string]string
	parts   map[string][]string // of each process, by its name
	running map[string]*exec.Cmd
	logs    map[string]*printout
	server  *databaseServer // nil: SQLite

	portal, sandbox, gateway string // URLs
}

// muster starts a fleet on an empty directory.
func muster(t *testing.T, program, engine string) *fleet {
	t.Helper()
	f := &fleet{t: t, program: program, running: map[string]*exec.Cmd{}, logs: map[string]*printout{}}
	addr := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}
	portal, sandbox, gateway := addr(), addr(), addr()
	f.portal, f.sandbox, f.gateway = "http://"+portal, "http://"+sandbox, "http://"+gateway
	f.env = map[string]string{
		"TOLLGATE_ADDR": portal, "TOLLGATE_SANDBOX_ADDR": sandbox, "TOLLGATE_GATEWAY_ADDR": gateway, "TOLLGATE_DATA": t.TempDir(),
		"TOLLGATE_STRIPE_SECRET_KEY": crashKey, "TOLLGATE_PUBLISH_MINUTES": "1",
	}
	f.parts = map[string][]string{"house": {"portal", "gateway", "worker"}, "sandbox": {"sandbox"}}
	if engine != "sqlite" {
		f.parts = map[string][]string{"portal": {"portal"}, "gateway": {"gateway"}, "worker": {"worker"}, "sandbox": {"sandbox"}}
		f.server = newDatabaseServer(t, engine)
		f.server.start()
		f.env["TOLLGATE_DATABASE_URL"] = f.server.url
		f.env["TOLLGATE_SECRET_KEY"] = strings.Repeat("0123456789abcdef", 4)
	}
	t.Cleanup(f.killAll)
	f.startAll()
	return f
}

// names are the processes, the sandbox first: the others need it to settle.
func (f *fleet) names() []string {
	names := slices.Sorted(maps.Keys(f.parts))
	slices.SortStableFunc(names, func(a, b string) int {
		return strings.Compare(map[bool]string{true: "0"}[a == "sandbox"]+"1", map[bool]string{true: "0"}[b == "sandbox"]+"1")
	})
	return names
}

// startAll starts what does not run, and waits until it answers.
func (f *fleet) startAll() {
	f.t.Helper()
	if f.server != nil {
		f.server.start()
	}
	for _, name := range f.names() {
		if f.running[name] == nil {
			f.start(name)
		}
	}
	f.await("the portal", f.portal+"/readyz")
	f.await("the gateway", f.gateway+"/readyz")
}

func (f *fleet) start(name string) {
	f.t.Helper()
	cmd := exec.Command(f.program, append([]string{"serve"}, f.parts[name]...)...)
	cmd.Env = append(os.Environ(), "GOCOVERDIR=")
	for k, v := range f.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	f.logs[name] = &printout{}
	cmd.Stdout, cmd.Stderr = f.logs[name], f.logs[name]
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.running[name] = cmd
}

// await waits until url answers 200.
func (f *fleet) await(what, url string) {
	f.t.Helper()
	client := http.Client{Timeout: time.Second}
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		if r, err := client.Get(url); err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return
			}
		}
		f.revive()
		time.Sleep(20 * time.Millisecond)
	}
	var said strings.Builder
	for name, log := range f.logs {
		fmt.Fprintf(&said, "%s:\n%s\n", name, log)
	}
	f.t.Fatalf("%s does not answer after 30 s\n%s", what, &said)
}

// revive starts processes again that have ended by themselves, as a supervisor
// does: one that starts while its database is away gives up.
func (f *fleet) revive() {
	for name, cmd := range f.running {
		var state syscall.WaitStatus
		if pid, err := syscall.Wait4(cmd.Process.Pid, &state, syscall.WNOHANG, nil); err == nil && pid == cmd.Process.Pid {
			f.start(name)
		}
	}
}

// kill is kill -9 of one process, or of the database's.
func (f *fleet) kill(name string) {
	if name == "database" {
		f.server.kill()
		return
	}
	cmd := f.running[name]
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(syscall.SIGKILL) // it may be over already
	_ = cmd.Wait()
	delete(f.running, name)
}

func (f *fleet) killAll() {
	for name := range f.parts {
		f.kill(name)
	}
}

// victims are what can be killed.
func (f *fleet) victims() []string {
	names := f.names()
	if f.server != nil {
		names = append(names, "database")
	}
	return names
}

// account is the demo publisher's account at the sandbox.
func (f *fleet) account() string {
	f.t.Helper()
	for range 1200 {
		for _, log := range f.logs {
			if a := first(saidAccount, log.String()); a != "" {
				return a
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	f.t.Fatal("no account is set up")
	return ""
}
