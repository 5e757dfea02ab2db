package sandbox

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"tollgate/sandbox/views"
)

// revoked reports whether the account h took its platform's access away.
func (t *tx) revoked(h home) (bool, error) {
	if h.Platform == "" || h.Platform == h.ID {
		return false, nil
	}
	a, err := find[Account](t.as(h.Platform), h.ID)
	return a != nil && a.Revoked, err
}

// listener is the platform that hears of what happens on the account h, "" for
// none: one without access hears nothing.
func (t *tx) listener(h home) (string, error) {
	gone, err := t.revoked(h)
	if gone {
		return "", err
	}
	return h.Platform, err
}

// noAccess is the answer about an account that is not, or no longer, connected.
// key is the secret key that was used, masked, "" for unknown.
func noAccess(key, account string) *apiError {
	if key != "" {
		key = " '" + key + "'"
	}
	return &apiError{Status: http.StatusForbidden, Type: "invalid_request_error", Code: "account_invalid",
		Message: "The provided key" + key + " does not have access to account '" + shorten(account) + "' (or that account does not exist). Application access may have been revoked."}
}

// application is a platform as accounts know it.
func application(platform string) tree {
	return tree{"id": applicationID(platform), "object": "application", "name": nil}
}

func applicationID(platform string) string { return "ca_" + strings.TrimPrefix(platform, "acct_") }

// errNotConnected is what disconnecting finds where there is no connection.
var errNotConnected = errors.New("this account is not connected to a platform")

// connect gives a platform access to account, or takes it away. The Connect
// endpoints hear of both. What runs on the account goes on either way.
func (s *Server) connect(ctx context.Context, account string, access bool) error {
	h, err := s.homeOf(ctx, account)
	if err != nil {
		return err
	}
	if h.Platform == h.ID {
		return errNotConnected
	}
	return s.write(ctx, h.Platform, func(t *tx) error { return t.connect(account, access) })
}

func (t *tx) connect(account string, access bool) error {
	a, err := find[Account](t, account)
	if err != nil {
		return err
	}
	if a == nil || account == t.account || a.Revoked != access {
		return errNotConnected
	}
	a.Revoked = false // while its platform is told
	if err := t.save(a); err != nil {
		return err
	}
	event := map[bool]string{true: "account.application.authorized", false: "account.application.deauthorized"}[access]
	if err := t.as(account).record(event, eventData{application(t.account), nil}); err != nil || access {
		return err
	}
	a.Revoked = true
	return t.save(a)
}

// accessPages are what takes access away and gives it back.
var accessPages = []pageRoute{
	{"POST /oauth/deauthorize", (*Server).serveDeauthorize},
	{"POST /_sandbox/accounts/{account}/disconnect", (*Server).serveDisconnect},
	{"POST /_sandbox/accounts/{account}/connect", (*Server).serveConnect},
	{"POST /dashboard/{account}/access", (*Server).changeAccess},
}

// serveDeauthorize is Stripe's OAuth call by which a platform gives up its access
// to an account. Its errors are flat. Any client_id of the right form is taken.
func (s *Server) serveDeauthorize(w http.ResponseWriter, r *http.Request) {
	if secret := r.PostFormValue("client_secret"); secret != "" && r.Header.Get("Authorization") == "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	r.Header.Del("Stripe-Account")
	who, err := s.authenticate(r)
	if e, ok := errors.AsType[*apiError](err); ok {
		oauthProblem(w, e.Status, "invalid_client", e.Message)
		return
	}
	account, client := r.PostFormValue("stripe_user_id"), r.PostFormValue("client_id")
	if err == nil && (account == "" || !strings.HasPrefix(client, "ca_")) {
		oauthProblem(w, http.StatusBadRequest, "invalid_request", "client_id and stripe_user_id are required.")
		return
	}
	if err == nil {
		err = s.write(r.Context(), who.platform, func(t *tx) error { return t.connect(account, false) })
	}
	switch {
	case errors.Is(err, errNotConnected):
		oauthProblem(w, http.StatusUnauthorized, "invalid_client", "This application is not connected to stripe account "+shorten(account)+", or that account does not exist.")
	case err != nil:
		s.log.ErrorContext(r.Context(), "sandbox: an account could not be disconnected", "error", err)
		oauthProblem(w, http.StatusInternalServerError, "server_error", "The sandbox's log says what went wrong.")
	default:
		answerJSON(w, http.StatusOK, map[string]string{"stripe_user_id": account})
	}
}

func oauthProblem(w http.ResponseWriter, status int, code, text string) {
	answerJSON(w, status, map[string]string{"error": code, "error_description": text})
}

func (s *Server) serveDisconnect(w http.ResponseWriter, r *http.Request) { s.serveAccess(w, r, false) }
func (s *Server) serveConnect(w http.ResponseWriter, r *http.Request)    { s.serveAccess(w, r, true) }

func (s *Server) serveAccess(w http.ResponseWriter, r *http.Request, access bool) {
	account := r.PathValue("account")
	err := s.connect(r.Context(), account, access)
	e, known := errors.AsType[*apiError](err)
	switch {
	case known:
		answerProblem(w, e.Status, e)
	case errors.Is(err, errNotConnected):
		answerProblem(w, http.StatusConflict, errors.New(map[bool]string{true: "this account is connected already, or is a platform itself", false: "this account is not connected to a platform"}[access]))
	case err != nil:
		s.log.ErrorContext(r.Context(), "sandbox: the access to an account could not be changed", "error", err)
		answerProblem(w, http.StatusInternalServerError, errors.New("the sandbox's log says what went wrong"))
	default:
		answerJSON(w, http.StatusOK, map[string]any{"account": account, "connected": access})
	}
}

// accessAction is the form of the dashboard that takes access away, or gives it back.
func accessAction(account string, access bool) views.Action {
	to := "/dashboard/" + account + "/access"
	if access {
		return views.Action{Name: "access", Title: "Disconnect from the platform.", To: to + "?access=disconnect", Button: "Disconnect", Danger: true,
			Text: "Its calls are refused from then on, and it hears nothing more. What runs here goes on."}
	}
	return views.Action{Name: "access", Title: "Connect to the platform again.", To: to + "?access=connect", Button: "Connect again"}
}

// changeAccess is the dashboard's button.
func (s *Server) changeAccess(w http.ResponseWriter, r *http.Request) {
	account := r.PathValue("account")
	err := s.connect(r.Context(), account, r.FormValue("access") == "connect")
	if err != nil && !errors.Is(err, errNotConnected) { // pressed twice: it is as it was to be
		s.failed(w, r, err)
		return
	}
	http.Redirect(w, r, "/dashboard/"+account, http.StatusSeeOther)
}
