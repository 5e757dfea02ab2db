package simulate

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

// A memory answers what was read before, as long as Stripe's state is the same.
// States have names; a write leads to a state without one, where nothing is
// remembered.
type memory struct {
	mu      sync.Mutex
	state   string
	dirty   bool
	become  func(write bool) error      // makes Stripe really be in state, to read there or to write
	answers map[string]map[string]*kept // by state and request
}

// kept is an answer that was read.
type kept struct {
	status int
	header http.Header
	body   []byte
}

func (k *kept) response(r *http.Request) *http.Response {
	return &http.Response{
		Status: http.StatusText(k.status), StatusCode: k.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: k.header.Clone(), Body: io.NopCloser(bytes.NewReader(k.body)), ContentLength: int64(len(k.body)),
	}
}

// Remember makes l answer reads from memory. become makes Stripe really be in the
// state that it is said to be in, to read there or to write.
func (l *Line) Remember(become func(write bool) error) {
	l.known = &memory{become: become, answers: map[string]map[string]*kept{}}
}

// State is the name of the state that Stripe is in.
func (l *Line) State() string { return l.known.state }

// Real makes Stripe really be in the state that it is said to be in.
func (l *Line) Real() error {
	if l.known == nil || l.Dirty() {
		return nil
	}
	return l.known.become(false)
}

// Forget forgets what was read in a state.
func (l *Line) Forget(state string) { delete(l.known.answers, state) }

// At says that Stripe is in the state called state, unchanged since it had that
// name; reads are answered from memory.
func (l *Line) At(state string) {
	l.known.mu.Lock()
	defer l.known.mu.Unlock()
	l.known.state, l.known.dirty = state, false
}

// Dirty reports whether something was written since At.
func (l *Line) Dirty() bool {
	l.known.mu.Lock()
	defer l.known.mu.Unlock()
	return l.known.dirty
}

func (m *memory) pass(l *Line, r *http.Request, c Call, body []byte) (*http.Response, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dirty {
		return l.send(r, c, body)
	}
	name := c.Platform + "\n" + c.Account + "\n" + c.Path + "?" + c.Query
	if k, ok := m.answers[m.state][name]; ok && c.Method == http.MethodGet {
		return k.response(r), nil
	}
	if err := m.become(c.Method != http.MethodGet); err != nil {
		return nil, err
	}
	m.dirty = c.Method != http.MethodGet
	answer, err := l.send(r, c, body)
	if m.dirty {
		return answer, err
	}
	if err != nil {
		return answer, err
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	k := &kept{answer.StatusCode, answer.Header, text}
	if m.answers[m.state] == nil {
		m.answers[m.state] = map[string]*kept{}
	}
	m.answers[m.state][name] = k
	return k.response(r), answer.Body.Close()
}
