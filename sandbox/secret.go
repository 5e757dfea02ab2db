package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"tollgate/sandbox/views"
)

// secretRoutes are for rolling an endpoint's secret, which Stripe's API cannot:
// there it is a button of the dashboard ("Roll secret"), and here too.
var secretRoutes = []pageRoute{
	{"POST /_sandbox/webhook_endpoints/{endpoint}/roll", (*Server).serveRoll},
	{"GET /dashboard/{account}/webhook_endpoint/{id}/secret", (*Server).showSecret},
	{"POST /dashboard/{account}/webhook_endpoint/{id}/secret", (*Server).takeRoll},
}

// maxOldSecret is how long an old secret may go on (Stripe: 24 hours).
const maxOldSecret = 24 * time.Hour

// errOldSecret is the no to a longer time.
var errOldSecret = fmt.Errorf("an old secret goes on for 0 to %d hours", int(maxOldSecret.Hours()))

// secrets are those that sign now, the new one first.
func (e *Endpoint) secrets(now time.Time) []string {
	if e.OldSecret != "" && now.UnixMilli() < e.OldUntil {
		return []string{e.Secret, e.OldSecret}
	}
	return []string{e.Secret}
}

// RollSecret gives a webhook endpoint a new secret and returns it. For as long
// as keep says, at most 24 hours of business time, webhooks are signed with the
// old one as well; one that was still kept from before ends at once. Deliveries
// that are owed are signed when they are sent. It fails for an endpoint that
// account does not have.
func (s *Server) RollSecret(ctx context.Context, account, endpoint string, keep time.Duration) (secret string, err error) {
	if keep < 0 || keep > maxOldSecret {
		return "", errOldSecret
	}
	err = s.write(ctx, account, func(t *tx) error {
		e, err := get[Endpoint](t, endpoint, "webhook_endpoint")
		if err != nil {
			return err
		}
		e.OldSecret, e.OldUntil = e.Secret, t.now.Add(keep).UnixMilli()
		e.Secret = "whsec_" + t.s.random(32)
		secret = e.Secret
		return t.save(e)
	})
	return secret, err
}

// endpointByID finds whose an endpoint is, "" when nobody has it.
func (s *Server) endpointByID(ctx context.Context, id string) (account string, err error) {
	err = s.read(ctx, "", func(t *tx) error {
		_, err := t.scan(`SELECT account FROM objects WHERE type = 'webhook_endpoint' AND id = ? AND deleted = 0`, []any{id}, &account)
		return err
	})
	return account, err
}

// serveRoll is RollSecret for programs.
func (s *Server) serveRoll(w http.ResponseWriter, r *http.Request) {
	in := struct {
		Hours float64 `json:"hours"`
	}{}
	if !readJSON(w, r, &in) {
		return
	}
	id := r.PathValue("endpoint")
	account, err := s.endpointByID(r.Context(), id)
	if err == nil && account == "" {
		answerProblem(w, http.StatusNotFound, errors.New("there is no such webhook endpoint"))
		return
	}
	keep := time.Duration(in.Hours * float64(time.Hour))
	var secret string
	if err == nil {
		secret, err = s.RollSecret(r.Context(), account, id, keep)
	}
	switch {
	case errors.Is(err, errOldSecret):
		answerProblem(w, http.StatusBadRequest, err)
	case err != nil:
		s.answerFailure(w, r, err)
	default:
		answerJSON(w, http.StatusOK, map[string]any{"id": id, "secret": secret, "old_until_ms": s.Now().Add(keep).UnixMilli()})
	}
}

// secretFact leads from an endpoint to its secret.
func secretFact(account, kind, id string) []views.Fact {
	if kind != "webhook_endpoint" {
		return nil
	}
	return []views.Fact{{Term: "Signing secret", Text: "Show or roll it", Href: "/dashboard/" + account + "/" + kind + "/" + id + "/secret"}}
}

// secretLives are what the page offers, by hours.
var secretLives = []struct {
	value, text string
	keep        time.Duration
}{{"0", "At once", 0}, {"1", "In 1 hour", time.Hour}, {"12", "In 12 hours", 12 * time.Hour}, {"24", "In 24 hours", maxOldSecret}}

func (s *Server) showSecret(w http.ResponseWriter, r *http.Request) {
	account, id := r.PathValue("account"), r.PathValue("id")
	var e *Endpoint
	h, err := s.homeOf(r.Context(), account)
	if err == nil {
		err = s.read(r.Context(), account, func(t *tx) error {
			e, err = find[Endpoint](t, id)
			return err
		})
	}
	if err != nil || e == nil {
		s.gone(w, r, "There is no such endpoint", "It was never made, or it was deleted.")
		return
	}
	at := "/dashboard/" + account + "/webhook_endpoint"
	p := views.SecretProps{Endpoint: id, URL: e.URL, Action: at + "/" + id + "/secret", Secret: e.Secret,
		Crumbs: append(s.crumbs(h, "webhook_endpoint"), views.Link{Href: at, Text: "Webhooks"}, views.Link{Href: at + "/" + id, Text: id})}
	if len(e.secrets(s.Now())) > 1 {
		p.Old = when(e.OldUntil / 1000)
	}
	for _, l := range secretLives {
		p.Lives = append(p.Lives, views.Choice{Value: l.value, Text: l.text, Chosen: l.keep == maxOldSecret})
	}
	p.Said = map[string]string{"rolled": "There is a new secret. Give it to the receiver before the old one ends."}[r.URL.Query().Get("done")]
	s.page(w, r, http.StatusOK, views.Secret(p))
}

func (s *Server) takeRoll(w http.ResponseWriter, r *http.Request) {
	keep := time.Duration(-1)
	for _, l := range secretLives {
		if l.value == r.PostFormValue("hours") {
			keep = l.keep
		}
	}
	if keep < 0 {
		s.showSecret(w, r) // nobody can choose anything else
		return
	}
	if _, err := s.RollSecret(r.Context(), r.PathValue("account"), r.PathValue("id"), keep); err != nil {
		s.failed(w, r, err)
		return
	}
	http.Redirect(w, r, r.URL.Path+"?done=rolled", http.StatusSeeOther)
}
