package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
)

// runHere lets a transport in this process answer. It gets the same request as an
// upstream would, and its answer is passed on by the same rules.
func (x *exchange) runHere(transport http.RoundTripper) error {
	out, err := x.requestHere()
	if err != nil {
		return &Error{Kind: BadCall, Err: err}
	}
	res, err := transport.RoundTrip(out)
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return unsent(large)
	}
	if err != nil {
		return failed(x.r.Context(), err)
	}
	defer res.Body.Close()
	h, a := x.w.Header(), &x.ans
	if len(h) > 0 {
		x.preset = maps.Clone(h)
	}
	a.status, a.length = res.StatusCode, res.ContentLength
	if a.status < 200 || a.status > 999 {
		return x.bad(errSwitch)
	}
	for name, values := range res.Header {
		for _, v := range values {
			if a.note(name, v) && x.preset[name] == nil && !(name == "Set-Cookie" && setsOne(v, x.call.Cookies)) {
				h[name] = append(h[name], v)
			}
		}
	}
	x.now = x.client.wall.Now()
	x.result.Status, x.result.Waited = a.status, x.now.Sub(x.start)
	if x.call.Before != nil {
		if err := x.call.Before(a.status, h); err != nil {
			x.restore()
			return err
		}
	}
	x.begun = true
	x.w.WriteHeader(a.status)
	x.streams = a.length < 0 || streaming(h)
	if err := x.copyHere(res.Body); err != nil {
		return err
	}
	x.trailer = res.Trailer
	x.finish(nil)
	return nil
}

// requestHere is what an upstream would read.
func (x *exchange) requestHere() (*http.Request, error) {
	head, err := x.appendHead(nil)
	if err != nil {
		return nil, err
	}
	out, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		return nil, err
	}
	u, err := url.ParseRequestURI(out.RequestURI)
	if err != nil {
		return nil, err
	}
	t := x.call.Target
	u.Scheme, u.Host = t.scheme, t.host
	out.URL, out.RequestURI, out.RemoteAddr = u, "", x.r.RemoteAddr
	out.ContentLength, out.Trailer, out.Body = x.r.ContentLength, x.r.Trailer, http.NoBody
	if hasBody(x.r) {
		out.Body = io.NopCloser(io.TeeReader(x.r.Body, (*sentCounter)(&x.result.Sent)))
	}
	return out.WithContext(x.r.Context()), nil
}

type sentCounter int64

func (c *sentCounter) Write(b []byte) (int, error) {
	*c += sentCounter(len(b))
	return len(b), nil
}

func (x *exchange) copyHere(body io.Reader) error {
	buffer := largeBuffers.Get().(*[largeBuffer]byte)
	defer largeBuffers.Put(buffer)
	for {
		n, err := body.Read(buffer[:])
		if werr := x.write(buffer[:n]); werr != nil {
			return werr
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return x.broken(err)
		}
		x.now = x.client.wall.Now()
		x.extend()
		if x.streams {
			if err := x.flush(); err != nil {
				return err
			}
		}
	}
}
