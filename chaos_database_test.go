//go:build unix

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// A databaseServer is a PostgreSQL or MariaDB of our own, safe against crashes as
// they are by default, that can be killed.
type databaseServer struct {
	t       *testing.T
	dir     string
	program string
	args    []string
	account string // the user it runs as when we are root
	port    int
	url     string
	cmd     *exec.Cmd
}

func newDatabaseServer(t *testing.T, engine string) *databaseServer {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "tollgate-chaos")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &databaseServer{t: t, dir: dir, port: freePort(t)}
	data, port := filepath.Join(dir, "data"), strconv.Itoa(s.port)
	var prepare *exec.Cmd
	switch engine {
	case "postgres":
		s.account, s.program = "postgres", binary(t, "postgres", "/usr/lib/postgresql/*/bin/postgres")
		prepare = exec.Command(binary(t, "initdb", "/usr/lib/postgresql/*/bin/initdb"), "-D", data, "-U", "tollgate", "--auth=trust", "-E", "UTF8", "--locale=C")
		s.args = []string{"-D", data, "-p", port, "-k", dir, "-c", "listen_addresses=127.0.0.1"}
		s.url = fmt.Sprintf("postgres://tollgate:none@127.0.0.1:%s/postgres", port)
	case "mysql":
		s.account, s.program = "mysql", binary(t, "mariadbd", "/usr/sbin/mariadbd")
		prepare = exec.Command(binary(t, "mariadb-install-db", "/usr/bin/mariadb-install-db"), "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")
		boot := filepath.Join(dir, "init.sql")
		if err := os.WriteFile(boot, []byte("CREATE DATABASE IF NOT EXISTS tollgate CHARACTER SET utf8mb4;\nCREATE USER IF NOT EXISTS tollgate@'127.0.0.1' IDENTIFIED BY 'none';\nGRANT ALL ON tollgate.* TO tollgate@'127.0.0.1';\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		s.args = []string{"--no-defaults", "--datadir=" + data, "--socket=" + filepath.Join(dir, "s"), "--port=" + port, "--bind-address=127.0.0.1",
			"--init-file=" + boot, "--skip-name-resolve", "--pid-file=" + filepath.Join(dir, "pid")}
		s.url = fmt.Sprintf("mysql://tollgate:none@127.0.0.1:%s/tollgate", port)
	default:
		t.Fatalf("no engine is called %q", engine)
	}
	s.as(prepare)
	if out, err := prepare.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", prepare, err, out)
	}
	t.Cleanup(s.kill)
	return s
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func binary(t *testing.T, name, pattern string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s is not installed", name)
	}
	return found[len(found)-1]
}

// as has cmd run as the server's user: PostgreSQL refuses to run as root.
func (s *databaseServer) as(cmd *exec.Cmd) {
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	who, err := osuser.Lookup(s.account)
	if os.Getuid() != 0 || err != nil {
		return
	}
	uid, _ := strconv.Atoi(who.Uid)
	gid, _ := strconv.Atoi(who.Gid)
	if err := os.Chown(s.dir, uid, gid); err != nil {
		s.t.Fatal(err)
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// start starts the server unless it runs, and waits until it takes connections.
func (s *databaseServer) start() {
	s.t.Helper()
	if s.cmd != nil {
		return
	}
	s.cmd = exec.Command(s.program, s.args...)
	s.as(s.cmd)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		if c, err := net.DialTimeout("tcp", "127.0.0.1:"+strconv.Itoa(s.port), time.Second); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.t.Fatal("the database does not start")
}

// kill is kill -9 of the server and all its processes.
func (s *databaseServer) kill() {
	if s.cmd == nil {
		return
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	_ = s.cmd.Wait()
	s.cmd = nil
}
