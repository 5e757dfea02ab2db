package sandbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/websocket"
)

// listenProtocol is what `stripe listen` speaks over its websocket.
const listenProtocol = "stripecli-devproxy-v1"

// A listenSession lets one `stripe listen` hear the events of a platform and of
// the accounts connected to it. It lasts as long as the process.
type listenSession struct {
	platform, secret string
	heard            int64 // the seq of the last event that was sent; guarded by listenLock
}

var listenRoutes = []route{{"POST", "/v1/stripecli/sessions", createListenSession}}

var listenPages = []pageRoute{{"GET /stripecli/subscribe/{session}", (*Server).serveListener}}

func createListenSession(r *request) (any, error) {
	in, err := read[struct {
		DeviceName     string   `p:"device_name"`
		Features       []string `p:"websocket_features"`
		Feature        string   `p:"websocket_feature"`
		ForwardTo      string   `p:"forward_to_url"`
		ForwardConnect string   `p:"forward_connect_to_url"`
		ThinTo         string   `p:"forward_thin_to_url"`
		ThinConnect    string   `p:"forward_thin_connect_to_url"`
	}](r)
	if err != nil {
		return nil, err
	}
	id := r.s.random(24)
	session := &listenSession{platform: r.platform, secret: "whsec_" + r.s.random(32)}
	if _, err := r.scan(`SELECT COALESCE(MAX(seq), 0) FROM objects`, nil, &session.heard); err != nil {
		return nil, err
	}
	r.s.listenLock.Lock()
	r.s.sessions[id] = session
	r.s.listenLock.Unlock()
	feature := in.Feature
	if len(in.Features) > 0 {
		feature = strings.Join(in.Features, ",")
	}
	return tree{
		"websocket_id": id, "websocket_url": "ws" + strings.TrimPrefix(r.s.url("/stripecli/subscribe/"+id), "http"),
		"websocket_authorized_feature": feature, "secret": session.secret,
		"default_version": string(newest), "latest_version": string(newest),
		"reconnect_delay": 5, "display_connect_filter_warning": false,
	}, nil
}

// serveListener sends every event to one `stripe listen` until it hangs up.
func (s *Server) serveListener(w http.ResponseWriter, r *http.Request) {
	s.listenLock.Lock()
	session, ok := s.sessions[r.PathValue("session")]
	s.listenLock.Unlock()
	if !ok {
		http.Error(w, "There is no such session.", http.StatusNotFound)
		return
	}
	server := websocket.Server{
		Handshake: func(config *websocket.Config, _ *http.Request) error {
			if !slices.Contains(config.Protocol, listenProtocol) {
				return websocket.ErrBadWebSocketProtocol
			}
			config.Protocol = []string{listenProtocol}
			return nil
		},
		Handler: func(conn *websocket.Conn) {
			if err := s.forward(r.Context(), conn, session); err != nil && !errors.Is(err, context.Canceled) {
				s.log.InfoContext(r.Context(), "sandbox: stripe listen ended", "error", err)
			}
		},
	}
	server.ServeHTTP(w, r)
}

// forward sends what has happened since the session began, and what happens.
func (s *Server) forward(ctx context.Context, conn *websocket.Conn, session *listenSession) error {
	ctx, hangUp := context.WithCancel(ctx)
	defer hangUp()
	go func() {
		defer hangUp()
		var ignored string // acknowledgements and the answers of the local server
		for websocket.Message.Receive(conn, &ignored) == nil {
			continue
		}
	}()
	poke := s.subscribe()
	defer s.unsubscribe(poke)
	for {
		if err := s.forwardNew(ctx, conn, session); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-poke:
		}
	}
}

func (s *Server) subscribe() chan struct{} {
	poke := make(chan struct{}, 1)
	s.listenLock.Lock()
	defer s.listenLock.Unlock()
	s.pokes[poke] = true
	return poke
}

func (s *Server) unsubscribe(poke chan struct{}) {
	s.listenLock.Lock()
	defer s.listenLock.Unlock()
	delete(s.pokes, poke)
}

// poke wakes everybody who listens.
func (s *Server) poke() {
	s.listenLock.Lock()
	defer s.listenLock.Unlock()
	for poke := range s.pokes {
		select {
		case poke <- struct{}{}:
		default:
		}
	}
}

// A heard event is one on its way to a listener.
type heard struct {
	seq         int64
	account, id string
	body        []byte
}

// forwardNew sends the events that session has not heard.
func (s *Server) forwardNew(ctx context.Context, conn *websocket.Conn, session *listenSession) error {
	s.listenLock.Lock()
	last := session.heard
	s.listenLock.Unlock()
	events, err := s.eventsAfter(ctx, session.platform, last)
	for _, h := range events {
		if err == nil {
			err = s.say(conn, session, h)
		}
	}
	return err
}

// eventsAfter reads the events of a platform and its accounts after seq.
func (s *Server) eventsAfter(ctx context.Context, platform string, seq int64) (events []heard, err error) {
	err = s.read(ctx, "", func(t *tx) (err error) {
		events, err = rows(t, func(row *sql.Rows, h *heard) error { return row.Scan(&h.seq, &h.account, &h.id) },
			`SELECT o.seq, o.account, o.id FROM objects o JOIN accounts a ON a.id = o.account
			WHERE o.type = 'event' AND o.seq > ? AND a.platform = ? ORDER BY o.seq`, seq, platform)
		for i := range events {
			if err == nil {
				err = t.as(events[i].account).hear(&events[i])
			}
		}
		return err
	})
	return events, err
}

func (t *tx) hear(h *heard) error {
	e, err := find[Event](t, h.id)
	if err != nil || e == nil {
		return err
	}
	rendered, err := t.render(e, nil, e.APIVersion)
	h.body = encode(rendered)
	return err
}

func (s *Server) say(conn *websocket.Conn, session *listenSession, h heard) error {
	message, err := json.Marshal(tree{
		"type": "webhook_event", "webhook_id": "we_cli", "webhook_conversation_id": "wc_" + s.random(24),
		"event_payload": string(h.body), "endpoint": tree{"api_version": nil},
		"http_headers": tree{
			"Stripe-Signature": sign(h.body, s.wall.Now(), session.secret),
			"Content-Type":     "application/json; charset=utf-8", "User-Agent": senderName,
		},
	})
	if err != nil {
		return err
	}
	if err := websocket.Message.Send(conn, string(message)); err != nil {
		return err
	}
	s.listenLock.Lock()
	defer s.listenLock.Unlock()
	session.heard = max(session.heard, h.seq)
	return nil
}
