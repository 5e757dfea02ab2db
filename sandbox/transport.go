package sandbox

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Transport answers requests in this process, in the goroutine of whoever asks:
// no socket, no other goroutine. It is for clients in tests and simulations,
//
//	client := &http.Client{Transport: server.Transport()}
//
// with any host in their addresses (the pages want the one of BaseURL). A
// connection that a fault cuts is an error that is io.ErrUnexpectedEOF. The
// websocket of `stripe listen` needs a real listener.
func (s *Server) Transport() http.RoundTripper { return inProcess{s.handler} }

type inProcess struct{ handler http.Handler }

// RoundTrip serves the request as a server would.
func (p inProcess) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	ctx := r.Context()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &recorder{header: http.Header{}}
	defer func() {
		switch cut := recover(); {
		case cut == http.ErrAbortHandler: //nolint:errorlint // the very value that net/http looks for
			answer, err = nil, fmt.Errorf("sandbox: the connection was cut: %w", io.ErrUnexpectedEOF)
		case cut != nil:
			panic(cut)
		}
		if gone := ctx.Err(); gone != nil {
			answer, err = nil, gone
		}
	}()
	p.handler.ServeHTTP(w, served(r))
	return w.answer(r), nil
}

// served is a client's request as a server sees it.
func served(r *http.Request) *http.Request {
	in := r.Clone(r.Context())
	in.Host = either(r.Host, r.URL.Host)
	in.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	in.RequestURI = in.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:0"
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/1.1", 1, 1
	if in.Body == nil {
		in.Body = http.NoBody
	}
	for name := range in.Header {
		if canonical := http.CanonicalHeaderKey(name); canonical != name {
			in.Header[canonical] = in.Header[name]
		}
	}
	return in
}

// A recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	sent   http.Header // as it was when the status was written
	body   bytes.Buffer
}

// Header is the header that will be sent.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader ends the header. Only the first call counts.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status, w.sent = status, w.header.Clone()
	}
}

// Write adds to the body.
func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

func (w *recorder) answer(to *http.Request) *http.Response {
	w.WriteHeader(http.StatusOK)
	if w.sent.Get("Content-Type") == "" && w.body.Len() > 0 {
		w.sent.Set("Content-Type", http.DetectContentType(w.body.Bytes()))
	}
	return &http.Response{
		Status: strings.TrimSpace(fmt.Sprintf("%d %s", w.status, http.StatusText(w.status))), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: w.sent, Request: to,
		Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()),
	}
}
