package sandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// retryAfter is how long after a failed try the next one comes, by business
// time. Twelve tries spread over three days, as at Stripe; the first come
// within seconds, because a developer is waiting. However fast the clock is
// moved, tries are also apart by wall time: see wallPause.
var retryAfter = []time.Duration{
	5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour,
	3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 24 * time.Hour,
}

// wallPause is the least wall time between tries: a second, doubling up to half a minute.
func wallPause(tries int) time.Duration { return min(time.Second<<min(tries, 5), 30*time.Second) }

// Webhooks are sent by this many at once, at most so many read into memory.
const (
	senders    = 8
	batch      = 200
	bodyKept   = 1000
	answerTime = 10 * time.Second
)

// senderName is the User-Agent of webhooks.
const senderName = "Stripe/1.0 (+https://stripe.com/docs/webhooks)"

func defaultClient() *http.Client {
	return &http.Client{
		Timeout:       answerTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// A parcel is one delivery that is owed now.
type parcel struct {
	id              int64
	tries           int
	account, event  string
	endpointAccount string
	endpoint        string
	url             string
	secrets         []string   // that sign: more than one while one is rolled
	version         version    // of the body; "" for the endpoint's
	twist           func(tree) // makes the event wrong; nil for right
	body            []byte
	eventType       string
}

// An outcome is what became of one try.
type outcome struct {
	parcel
	status int // 0 when there was no answer
	body   string
	took   time.Duration
	skip   bool  // not tried: its endpoint did not answer at all a moment ago
	fault  Fault // what was asked to go wrong
}

// deliver sends what is owed by now and waits for the answers. Nothing is
// locked meanwhile.
func (s *Server) deliver(ctx context.Context) error {
	dead := &deadEndpoints{seen: map[string]bool{}}
	for {
		parcels, err := s.owed(ctx)
		if err != nil || len(parcels) == 0 {
			return err
		}
		outcomes := s.sendAll(ctx, parcels, dead)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := s.book(ctx, outcomes); err != nil {
			return err
		}
	}
}

// owed reads the next deliveries, oldest first, with their bodies.
func (s *Server) owed(ctx context.Context) (parcels []parcel, err error) {
	err = s.read(ctx, "", func(t *tx) error {
		parcels, err = rows(t, func(row *sql.Rows, p *parcel) error {
			return row.Scan(&p.id, &p.tries, &p.account, &p.event, &p.endpointAccount, &p.endpoint)
		}, `SELECT id, tries, account, event, endpoint_account, endpoint FROM deliveries
			WHERE state = 'owed' AND due <= ? AND wall_due <= ? ORDER BY id LIMIT ?`,
			s.Now().UnixMilli(), s.wall.Now().UnixMilli(), batch)
		if err != nil {
			return err
		}
		for i := range parcels {
			if err := t.pack(&parcels[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return parcels, err
}

// pack renders the event for its endpoint, in the endpoint's version unless p
// names another.
func (t *tx) pack(p *parcel) error {
	if strings.HasPrefix(p.endpoint, destinationPrefix) {
		return t.packNotification(p)
	}
	endpoint, err := find[Endpoint](t.as(p.endpointAccount), p.endpoint)
	if err != nil || endpoint == nil || endpoint.Status != "enabled" {
		return err
	}
	e, err := find[Event](t.as(p.account), p.event)
	if err != nil || e == nil {
		return err
	}
	p.url, p.secrets, p.eventType = endpoint.URL, endpoint.secrets(t.s.Now()), e.Type
	if p.version == "" {
		p.version = e.APIVersion
		if endpoint.APIVersion != nil {
			p.version = version(*endpoint.APIVersion)
		}
	}
	e.APIVersion = p.version
	if p.endpointAccount == p.account {
		e.Account = "" // it is the listener's own
	}
	rendered, err := t.as(p.account).render(e, nil, e.APIVersion)
	if event, ok := rendered.(tree); ok && p.twist != nil {
		p.twist(event)
	}
	p.body = encode(rendered)
	return err
}

// deadEndpoints are those that did not answer in this round: what else is owed
// to them waits, so that one of them does not hold up the others.
type deadEndpoints struct {
	sync.Mutex
	seen map[string]bool
}

func (d *deadEndpoints) has(endpoint string) bool {
	d.Lock()
	defer d.Unlock()
	return d.seen[endpoint]
}

func (d *deadEndpoints) add(endpoint string) {
	d.Lock()
	defer d.Unlock()
	d.seen[endpoint] = true
}

func (s *Server) sendAll(ctx context.Context, parcels []parcel, dead *deadEndpoints) []outcome {
	outcomes := make([]outcome, len(parcels))
	next := make(chan int)
	var busy sync.WaitGroup
	for range min(s.senders, len(parcels)) {
		busy.Go(func() {
			for i := range next {
				outcomes[i] = s.send(ctx, parcels[i], dead)
			}
		})
	}
	for i := range parcels {
		next <- i
	}
	close(next)
	busy.Wait()
	return outcomes
}

// send makes one try.
func (s *Server) send(ctx context.Context, p parcel, dead *deadEndpoints) outcome {
	o := outcome{parcel: p}
	if p.url == "" || dead.has(p.endpoint) {
		o.skip = true
		return o
	}
	began := s.wall.Now()
	signed, secrets := began, p.secrets
	switch o.fault, _ = s.mislay(p); o.fault.How {
	case howDrop, howLate, howReorder:
		return o
	case howForge:
		secrets = []string{p.secrets[0] + "forged"}
	case howStale:
		signed = signed.Add(-staleness)
	case howFuture:
		signed = signed.Add(staleness)
	case howVersion, howMode:
		if err := s.twist(ctx, &p, o.fault); err != nil || p.url == "" {
			o.skip = true
			return o
		}
	case howDuplicate:
		if _, _, err := s.post(ctx, p, sign(p.body, signed, secrets...)); err != nil {
			s.log.InfoContext(ctx, "sandbox: a duplicate was not taken", "event", p.event, "error", err)
		}
	}
	status, body, err := s.post(ctx, p, sign(p.body, signed, secrets...))
	o.status, o.body, o.took = status, body, s.wall.Now().Sub(began)
	if err != nil {
		o.status, o.body = 0, err.Error()
		dead.add(p.endpoint)
	}
	return o
}

func (s *Server) post(ctx context.Context, p parcel, signature string) (int, string, error) {
	request, err := webhookRequest(ctx, p.url, p.body, signature)
	if err != nil {
		return 0, "", err
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, bodyKept))
	return answer.StatusCode, string(bytes.ToValidUTF8(body, []byte("?"))), err
}

// webhookRequest is a webhook as Stripe sends it.
func webhookRequest(ctx context.Context, url string, body []byte, signature string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("User-Agent", senderName)
	request.Header.Set("Stripe-Signature", signature)
	return request, nil
}

// sign is the Stripe-Signature header for body, at a wall time: the receiver
// compares it with the clock on its wall. It has one signature per secret.
func sign(body []byte, at time.Time, secrets ...string) string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	header := "t=" + stamp
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%s.%s", stamp, body)
		header += ",v1=" + hex.EncodeToString(mac.Sum(nil))
	}
	return header
}

// lose notes a webhook that was lost on its way: it was tried, and is not tried again.
func (t *tx) lose(o outcome) error {
	err := t.exec(`INSERT INTO attempts (delivery, at, status, body, duration_ms) VALUES (?, ?, 0, 'Lost on its way: a fault, see /faults.', 0)`, o.id, t.now.UnixMilli())
	return orElse(err, t.exec(`UPDATE deliveries SET state = 'dropped', tries = tries + 1 WHERE id = ? AND state = 'owed'`, o.id))
}

// book writes down what became of every try, and when the next one is.
func (s *Server) book(ctx context.Context, outcomes []outcome) error {
	return s.write(ctx, "", func(t *tx) error {
		for _, o := range outcomes {
			if err := t.bookOne(o); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) bookOne(o outcome) error {
	switch {
	case o.fault.How == howLate, o.fault.How == howReorder: // one that is held waits no longer than that for the next
		return t.exec(`UPDATE deliveries SET due = ? WHERE id = ?`, t.now.Add(o.fault.by(staleness)).UnixMilli(), o.id)
	case o.fault.How == howDrop:
		return t.lose(o)
	case o.url == "": // the endpoint, or the event, is gone
		return t.exec(`UPDATE deliveries SET state = 'dropped' WHERE id = ? AND state = 'owed'`, o.id)
	case o.skip:
		return t.exec(`UPDATE deliveries SET wall_due = ? WHERE id = ?`, t.s.wall.Now().Add(wallPause(o.tries+1)).UnixMilli(), o.id)
	}
	err := t.exec(`INSERT INTO attempts (delivery, at, status, body, duration_ms) VALUES (?, ?, ?, ?, ?)`,
		o.id, t.now.UnixMilli(), o.status, o.body, o.took.Milliseconds())
	if err != nil {
		return err
	}
	state, due, wallDue := "owed", t.now, t.s.wall.Now()
	switch {
	case o.status >= 200 && o.status < 300:
		state = "delivered"
	case o.tries >= len(retryAfter):
		state = "failed"
	default:
		due, wallDue = due.Add(retryAfter[o.tries]), wallDue.Add(wallPause(o.tries))
	}
	if held := t.s.sentOne(o.parcel); held != 0 {
		if err := t.exec(`UPDATE deliveries SET due = ? WHERE id = ?`, t.now.UnixMilli(), held); err != nil {
			return err
		}
	}
	return t.exec(`UPDATE deliveries SET state = ?, tries = tries + 1, due = ?, wall_due = ? WHERE id = ? AND state = 'owed'`,
		state, due.UnixMilli(), wallDue.UnixMilli(), o.id)
}
