package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A killable program is one in a process of its own, so that it can be ended at any
// instant.
type killable struct {
	t               *testing.T
	portal, sandbox string
	account         string
	cmd             *exec.Cmd
}

const crashKey = "sk_test_0123456789abcdefCrashes"

// build makes the program once.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tollgate")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// launch starts the program on dir and waits until it says where it is.
func launch(t *testing.T, program, dir string) *killable {
	t.Helper()
	k := &killable{t: t, cmd: exec.Command(program, "serve")}
	env := settings(dir, "TOLLGATE_STRIPE_SECRET_KEY", crashKey)
	k.cmd.Env = append(os.Environ(), "GOCOVERDIR=")
	for name, value := range env {
		k.cmd.Env = append(k.cmd.Env, name+"="+value)
	}
	out := &printout{}
	k.cmd.Stdout, k.cmd.Stderr = out, out
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.kill)
	deadline := time.Now().Add(60 * time.Second)
	for k.account == "" {
		if time.Now().After(deadline) {
			t.Fatalf("it does not start:\n%s", out)
		}
		time.Sleep(20 * time.Millisecond)
		said := out.String()
		k.portal, k.sandbox, k.account = first(saidPortal, said), first(saidSandbox, said), first(saidAccount, said)
	}
	return k
}

// kill is kill -9.
func (k *killable) kill() {
	_ = k.cmd.Process.Signal(syscall.SIGKILL) // it may be over already
	_ = k.cmd.Wait()
}

var tokenOfForm = regexp.MustCompile(`name="form_token" value="([^"]+)"`)

// A visitor is somebody with cookies.
type visitor struct {
	http.Client
	base string
}

func (k *killable) signIn(who string) *visitor {
	k.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		k.t.Fatal(err)
	}
	v := &visitor{http.Client{Jar: jar, Timeout: 20 * time.Second}, k.portal}
	if r, err := v.PostForm(k.portal+"/sign-in", url.Values{"username": {who}, "password": {"demo"}}); err != nil || r.StatusCode != http.StatusOK {
		k.t.Fatalf("sign in: %v %v", r, err)
	}
	return v
}

// post sends a form with the token of the page that it is on.
func (v *visitor) post(page, action string, form url.Values) error {
	text, err := v.read(page)
	if err != nil {
		return err
	}
	token := tokenOfForm.FindStringSubmatch(text)
	if token == nil {
		return fmt.Errorf("no form on %s", page)
	}
	form.Set("form_token", token[1])
	r, err := v.PostForm(v.base+action, form)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode >= http.StatusBadRequest {
		body, _ := io.ReadAll(r.Body)
		return fmt.Errorf("%s: %d\n%s", action, r.StatusCode, body)
	}
	return nil
}

func (v *visitor) read(path string) (string, error) {
	r, err := v.Get(v.base + path)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return string(body), err
}

// at lists objects at the sandbox's Stripe.
func (k *killable) at(account, path string) (list struct {
	Data []struct {
		ID, Product, Status string
		Active              bool
	}
}) {
	k.t.Helper()
	r, err := http.NewRequest(http.MethodGet, k.sandbox+path, nil)
	if err != nil {
		k.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+crashKey)
	if account != "" {
		r.Header.Set("Stripe-Account", account)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		k.t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&list); err != nil {
		k.t.Fatal(err)
	}
	return list
}

// Killed at any instant of selling a plan and started again, the program finishes
// what it had promised: each plan that was saved has one price in each place where
// it is sold, and nothing else is left at Stripe.
func TestKilledWhileSelling(t *testing.T) {
	t.Parallel()
	program, dir := build(t), t.TempDir()
	k := launch(t, program, dir)
	for round, after := range []time.Duration{0, 4, 9, 15, 22, 30, 45, 70} {
		admin := k.signIn("admin")
		ended := make(chan error, 1)
		go func() {
			ended <- admin.post("/admin/plans/new", "/admin/plans/new", url.Values{"name": {fmt.Sprintf("Plan %d", round)}, "rate": {"fixed"},
				"price": {"49.00"}, "currency": {"USD"}, "cycle": {"month"}, "at_limit": {"stop"}, "time_unit": {"month"}, "rate_limit_unit": {"min"}})
		}()
		time.Sleep(after * time.Millisecond) // the instants differ; which one is hit does not matter
		k.kill()
		<-ended
		k = launch(t, program, dir)
	}
	admin := k.signIn("admin")
	deadline := time.Now().Add(10 * time.Second)
	for {
		page, err := admin.read("/admin/plans")
		if err != nil {
			t.Fatal(err)
		}
		plans := strings.Count(page, `">Plan `)
		active := 0
		for _, p := range k.at("", "/v1/prices?active=true&limit=100").Data {
			if p.Active {
				active++
			}
		}
		if active == plans+2 { // Basic and Flex are the demo's
			t.Logf("%d of 8 plans were saved before the kill", plans)
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("10 s after the start: %d plans of ours, %d active prices, want two more than plans", plans, active)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
