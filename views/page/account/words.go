package account

import (
	"net/http"
	"strconv"
	"strings"

	"tollgate/views/ui"
)

// fieldNames are what the pages call the fields of their forms.
var fieldNames = map[string]string{
	"display_name": "Shown name", "email": "E-mail",
	"current": "Current password", "new": "New password", "again": "New password again",
}

func (p SignInProps) nameHint() string {
	if !p.Demo {
		return ""
	}
	return "In this sandbox: admin, publisher or subscriber"
}

func (p SignInProps) passwordHint() string {
	if !p.Demo {
		return ""
	}
	return "In this sandbox: demo"
}

// titles are the failures that people meet, in plain words.
var titles = map[int]string{
	http.StatusBadRequest:            "This request cannot be read",
	http.StatusUnauthorized:          "Please sign in",
	http.StatusPaymentRequired:       "A payment is needed first",
	http.StatusForbidden:             "This is not for you to do",
	http.StatusNotFound:              "There is nothing at this address",
	http.StatusMethodNotAllowed:      "This address does not take such a request",
	http.StatusConflict:              "Something changed in the meantime",
	http.StatusRequestEntityTooLarge: "This is too much for one request",
	http.StatusUnprocessableEntity:   "Something in this request is not right",
	http.StatusTooManyRequests:       "Too many attempts for now",
	http.StatusServiceUnavailable:    "This does not work at the moment",
}

func (p TroubleProps) title() string {
	if p.Title != "" {
		return p.Title
	}
	if words, ok := titles[p.Status]; ok {
		return words
	}
	return "Something went wrong on our side"
}

// answer is the status as programs read it: 404, not found.
func (p TroubleProps) answer() string {
	words := strings.ToLower(http.StatusText(p.Status))
	if words == "" {
		return strconv.Itoa(p.Status)
	}
	return strconv.Itoa(p.Status) + ", " + words
}

func (p TroubleProps) actions() []ui.Link {
	switch {
	case p.Actions != nil:
		return p.Actions
	case p.Person == nil:
		return []ui.Link{{Href: "/devportal", Label: "Browse APIs"}, {Href: "/sign-in", Label: "Sign in"}}
	}
	home := "/"
	if p.Portal != "" {
		home = p.Portal.Home()
	}
	return []ui.Link{{Href: home, Label: "Go to the start page"}, {Href: "/devportal", Label: "Browse APIs"}}
}
