package sandbox

import (
	"context"
	"net/http"
	"time"
)

// An AccountLink leads a business to the onboarding page, once.
type AccountLink struct {
	base
	Created    int64  `json:"created"`
	ExpiresAt  int64  `json:"expires_at"`
	URL        string `json:"url"`
	Account    string `json:"_account"`
	RefreshURL string `json:"_refresh_url"`
	ReturnURL  string `json:"_return_url"`
	Used       bool   `json:"_used"`
}

func (*AccountLink) kind() string { return "account_link" }

// accountLinkLife is how long an account link can be opened.
const accountLinkLife = 5 * time.Minute

var accountLinkKinds = map[string]kind{"account_link": {
	prefix: "acctlink_", random: 32,
	complete: func(_ *tx, o tree) error {
		delete(o, "id") // at Stripe account links have none
		return nil
	},
}}

var accountLinkRoutes = []route{{"POST", "/v1/account_links", createAccountLink}}

type accountLinkCreate struct {
	Account    string `p:"account,required"`
	RefreshURL string `p:"refresh_url"`
	ReturnURL  string `p:"return_url"`
	Type       string `p:"type,required,enum=account_onboarding|account_update"`
	Collect    string `p:"collect,enum=currently_due|eventually_due"`
	Options    *struct {
		Fields string `p:"fields,enum=currently_due|eventually_due"`
		Future string `p:"future_requirements,enum=include|omit"`
	} `p:"collection_options"`
}

func createAccountLink(r *request) (any, error) {
	in, err := read[accountLinkCreate](r)
	if err != nil {
		return nil, err
	}
	for param, address := range map[string]string{"refresh_url": in.RefreshURL, "return_url": in.ReturnURL} {
		if address == "" {
			return nil, missingParam(param)
		}
		if !isWebURL(address) {
			return nil, invalidCode("url_invalid", param, "Not a valid URL")
		}
	}
	a, err := get[Account](r.as(r.platform), in.Account, "account")
	if err != nil {
		return nil, err
	}
	if a.Revoked {
		return nil, noAccess("", a.ID)
	}
	link := &AccountLink{Created: r.unix(), ExpiresAt: r.now.Add(accountLinkLife).Unix(), Account: a.ID,
		RefreshURL: in.RefreshURL, ReturnURL: in.ReturnURL}
	link.ID = r.s.newID("account_link")
	link.URL = r.s.url("/setup/" + a.ID + "/" + link.ID)
	return link, r.as(r.platform).insert(link)
}

// useAccountLink opens a link at the address /setup/{account}/{link}. The first
// time, while it lasts, it answers with the account; later, ok is false and the
// link's RefreshURL is where the browser belongs. It fails with a 404 for links
// that never were.
func (s *Server) useAccountLink(ctx context.Context, account, id string) (a *Account, link *AccountLink, ok bool, err error) {
	platform, err := s.homeOf(ctx, account)
	if err != nil {
		return nil, nil, false, err
	}
	err = s.write(ctx, platform.Platform, func(t *tx) error {
		if link, err = find[AccountLink](t, id); err != nil {
			return err
		}
		if link == nil || link.Account != account {
			return notFound("account_link", id, "")
		}
		if a, err = find[Account](t, account); err != nil || a == nil {
			return orElse(err, notFound("account", account, ""))
		}
		ok = !link.Used && t.unix() < link.ExpiresAt
		link.Used = true
		return t.save(link)
	})
	return a, link, ok, err
}

// homeOf is home for pages. An account that is not there is a 404.
func (s *Server) homeOf(ctx context.Context, account string) (h home, err error) {
	err = s.read(ctx, account, func(t *tx) error {
		h, err = t.home()
		return err
	})
	if err == nil && h.Platform == "" {
		err = &apiError{Status: http.StatusNotFound, Type: "invalid_request_error", Message: "There is no such account."}
	}
	return h, err
}

// completeOnboarding is what the last step of the onboarding page does: the
// account may charge from now on, and its platform hears of it.
func (s *Server) completeOnboarding(ctx context.Context, account, businessName string) error {
	h, err := s.homeOf(ctx, account)
	if err != nil {
		return err
	}
	return s.write(ctx, h.Platform, func(t *tx) error {
		a, err := find[Account](t, account)
		if err != nil || a == nil {
			return orElse(err, notFound("account", account, ""))
		}
		if businessName != "" {
			a.BusinessProfile.Name, a.Settings.Dashboard.DisplayName = &businessName, &businessName
		}
		a.enable()
		return t.saveAccount(a)
	})
}
