package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"tollgate/internal/wire"
)

// What one connection may take.
const (
	headTime  = 10 * time.Second // for a request's head
	writeTime = 2 * time.Minute  // for an answer that comes whole; streams have as long as parts of them are taken
	idleTime  = time.Minute      // between requests
	maxHead   = 16 << 10         // bytes of a head
	slackHead = 4 << 10          // that Go's server adds to what it is told
)

// A ServerOptions says how a Server stops. The zero value of each field means what
// its comment says.
type ServerOptions struct {
	Linger   time.Duration // how long it goes on when it is told to stop, so that balancers notice; 0: not at all
	Drain    time.Duration // how long calls may then take to end; 20 s
	MaxConns int64         // connections at once; 16384
}

// A Server serves a Handler on listeners.
type Server struct {
	handler *Handler
	opts    ServerOptions
	http    *http.Server
	cancel  context.CancelFunc // ends what is under way

	listener atomic.Pointer[wire.Listener]
}

type connKey struct{}

// connOf returns the connection that a request came over, nil when it came over
// none of ours.
func connOf(ctx context.Context) *wire.Conn {
	c, _ := ctx.Value(connKey{}).(*wire.Conn)
	return c
}

// Connections returns what was counted of connections.
func (s *Server) Connections() wire.Counts {
	if l := s.listener.Load(); l != nil {
		return l.Counts()
	}
	return wire.Counts{}
}

// NewServer returns a Server.
func NewServer(h *Handler, o ServerOptions) *Server {
	if o.Drain <= 0 {
		o.Drain = 20 * time.Second
	}
	if o.MaxConns <= 0 {
		o.MaxConns = 16384
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{handler: h, opts: o, cancel: cancel}
	s.http = &http.Server{
		Handler:                      h,
		ReadHeaderTimeout:            headTime,
		WriteTimeout:                 writeTime,
		IdleTimeout:                  idleTime,
		MaxHeaderBytes:               maxHead - slackHead,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(h.opts.Log.Handler(), slog.LevelDebug),
		BaseContext:                  func(net.Listener) context.Context { return ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
	}
	return s
}

// Serve answers requests on l until the Server is stopped, and returns nil then.
// It closes l. It is called once.
func (s *Server) Serve(l net.Listener) error {
	wired := wire.Listen(l, s.opts.MaxConns)
	s.listener.Store(wired)
	err := s.http.Serve(wired)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Stop lets the calls that are under way end and takes no new ones. First it says
// for Linger that it is not ready, and still answers. Calls that take longer than
// Drain are cut off, and reported as an error. When ctx is done nothing is waited
// for any more.
func (s *Server) Stop(ctx context.Context) error {
	s.handler.stopping.Store(true)
	pause(ctx, s.opts.Linger)
	drain, cancel := context.WithTimeout(ctx, s.opts.Drain)
	defer cancel()
	err := s.http.Shutdown(drain)
	s.cancel() // websockets are not waited for
	if err != nil {
		_ = s.http.Close() // the error is the one above
	}
	for range 100 { // handlers have things to give back
		if s.handler.stats.inFlight.Load() == 0 {
			return err
		}
		pause(context.Background(), 20*time.Millisecond)
	}
	return errors.Join(err, errBusyAtEnd)
}

var errBusyAtEnd = errors.New("proxy: some calls did not end when they were cut off")

// pause waits for d, or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
