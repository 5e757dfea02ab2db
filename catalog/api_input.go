package catalog

import (
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"tollgate/internal/fault"
	"tollgate/models"
)

// An APIInput is the form of an API or an API product, as typed.
type APIInput struct {
	Name, Version, Context, Description string
	Upstream                            string   // of an API: the URL behind the gateway
	Members                             []string // of an API product: UUIDs of its APIs, in order

	Counting    string // which calls count: one of the models.Count constants; "" is CountSuccess
	Statuses    string // for CountListed: such as 200, 202, 4xx
	UnitsHeader string // response header that says how many units a call is worth; "": each is one
	Upgrades    bool   // of an API: let websockets through
}

// reserved are first parts of paths that mean something else at the gateway.
const reserved = "t healthz readyz gateway"

var (
	contextForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_.~-]*(/[a-z0-9][a-z0-9_.~-]*)*$`)
	versionForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

// Validate reports what is wrong with the form of a thing of that kind
// (models.TypeAPI or models.TypeProduct) alone, before any look-up. demo says
// whether upstreams may be demo:….
func (in APIInput) Validate(kind string, demo bool) error {
	in = in.tidy()
	var f fault.Fields
	f.Check(in.Name != "", "name", "Give it a name.")
	f.Check(utf8.ValidString(in.Name) && utf8.RuneCountInString(in.Name) <= 200, "name", "At most 200 characters.")
	f.Check(versionForm.MatchString(in.Version), "version", "Write a version such as v1: letters, digits, points, dashes and underscores.")
	f.Check(len(in.Version) <= 30, "version", "At most 30 characters.")
	first, _, _ := strings.Cut(in.Context, "/")
	f.Check(contextForm.MatchString(in.Context), "context", "Write the first part of its path, such as weather: lower-case letters, digits and dashes, with / between parts.")
	f.Check(!oneOf(first, strings.Fields(reserved)...), "context", "The gateway needs /"+first+" for itself. Choose another context.")
	f.Check(len(in.Context) <= 256, "context", "At most 256 characters.")
	f.Check(utf8.ValidString(in.Description) && utf8.RuneCountInString(in.Description) <= 5000, "description", "At most 5,000 characters.")
	if kind == models.TypeProduct {
		f.Check(len(in.Members) > 0, "members", "Choose at least one API.")
	} else if problem := upstreamProblem(in.Upstream, demo); problem != "" {
		f.Check(false, "upstream", problem)
	}
	in.checkCounting(&f)
	return f.Err()
}

// tidy takes off what people add without meaning it.
func (in APIInput) tidy() APIInput {
	in.Name, in.Version = oneLine(in.Name), strings.TrimSpace(in.Version)
	in.Context = strings.Trim(strings.TrimSpace(in.Context), "/")
	in.Upstream, in.Description = strings.TrimSpace(in.Upstream), strings.TrimSpace(in.Description)
	in.UnitsHeader = strings.TrimSpace(in.UnitsHeader)
	if in.Counting == "" {
		in.Counting = models.CountSuccess
	}
	return in
}

// upstreamProblem says what is wrong with an upstream endpoint, "" when nothing is.
func upstreamProblem(text string, demo bool) string {
	if text == "" {
		return "Write where the API is, such as https://api.example.com/v1."
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || len(text) > 2000:
		return "This is no URL. Write one such as https://api.example.com/v1."
	case u.Scheme == "demo" && demo:
		return ""
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "Write a URL that begins with https:// or http://."
	case u.User != nil:
		return "Leave the name and password out of the URL: everybody who may edit the API would see them."
	case u.Fragment != "" || u.RawQuery != "" || u.ForceQuery:
		return "Leave out what follows ? or #: the caller's own query is passed on."
	}
	return ""
}
