package config

import (
	"fmt"
	"regexp"
	"strings"
)

// monetization is [apim.monetization]. WSO2 asks Choreo or Elasticsearch for
// usage; our gateway counts it, so the keys about them are read and unused.
type monetization struct {
	Impl            any `toml:"monetization_impl"`
	Granularity     any `toml:"granularity"`
	PublishDuration any `toml:"publish_duration"`

	QueryEndpoint  any `toml:"analytics_query_api_endpoint"`
	AccessToken    any `toml:"analytics_access_token"`
	TokenEndpoint  any `toml:"choreo_token_endpoint"`
	ConsumerKey    any `toml:"choreo_insight_app_consumer_key"`
	ConsumerSecret any `toml:"choreo_insight_app_consumer_secret"`
	Host           any `toml:"analytics_host"`
	Port           any `toml:"analytics_port"`
	Username       any `toml:"analytics_username"`
	Password       any `toml:"analytics_password"`

	Attributes []attribute `toml:"additional_attributes"`
}

// attribute is one of [[apim.monetization.additional_attributes]].
type attribute struct {
	Name        any `toml:"name"`
	DisplayName any `toml:"display_name"`
	Required    any `toml:"required"`
	Description any `toml:"description"`
	Default     any `toml:"default"`
	Hidden      any `toml:"hidden"`
}

// analytics is [apim.analytics].
type analytics struct {
	Enable         any `toml:"enable"`
	Type           any `toml:"type"`
	ConfigEndpoint any `toml:"config_endpoint"`
	AuthToken      any `toml:"auth_token"`
}

var attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)

func (r *reader) readMonetization() {
	m := r.file.APIM.Monetization
	impl := r.text("[apim.monetization] monetization_impl", m.Impl)
	if impl != "" && !strings.HasSuffix(impl, "StripeMonetizationImpl") {
		r.problem("%s: [apim.monetization] monetization_impl is %q: only Stripe is built in; use org.wso2.apim.monetization.impl.StripeMonetizationImpl or leave it out.", r.name, impl)
	}
	r.warnUnused("[apim.monetization]", []setting{
		{"granularity", m.Granularity}, {"publish_duration", m.PublishDuration},
		{"analytics_query_api_endpoint", m.QueryEndpoint}, {"analytics_access_token", m.AccessToken},
		{"choreo_token_endpoint", m.TokenEndpoint}, {"choreo_insight_app_consumer_key", m.ConsumerKey},
		{"choreo_insight_app_consumer_secret", m.ConsumerSecret}, {"analytics_host", m.Host},
		{"analytics_port", m.Port}, {"analytics_username", m.Username}, {"analytics_password", m.Password},
	})
	a := r.file.APIM.Analytics
	r.warnUnused("[apim.analytics]", []setting{
		{"enable", a.Enable}, {"type", a.Type}, {"config_endpoint", a.ConfigEndpoint}, {"auth_token", a.AuthToken},
	})
	r.readAttributes(m.Attributes)
}

// A setting is a key of the file with its value, nil when it is not there.
type setting struct {
	key   string
	value any
}

// warnUnused names, once, the keys of a section that are set and have no effect.
func (r *reader) warnUnused(section string, all []setting) {
	var set []string
	for _, s := range all {
		if s.value != nil {
			set = append(set, s.key)
		}
	}
	if len(set) > 0 {
		r.warn("%s: %s: read but not used: %s.", r.name, section, strings.Join(set, ", "))
	}
}

func (r *reader) readAttributes(all []attribute) {
	seen := map[string]bool{}
	for i, in := range all {
		a := r.attribute(fmt.Sprintf("additional attribute %d: ", i+1), in)
		if seen[a.Name] && a.Name != "" {
			r.problem("%s: the additional attribute %s is declared twice: remove one.", r.name, a.Name)
		}
		seen[a.Name] = true
		r.out.Attributes = append(r.out.Attributes, a)
	}
	if !seen[ConnectedAccountKey] {
		r.out.Attributes = append([]Attribute{{
			Name: ConnectedAccountKey, DisplayName: "Connected account", Required: true,
			Description: "The Stripe account that is paid: acct_ and letters and digits.",
		}}, r.out.Attributes...)
	}
}

func (r *reader) attribute(where string, in attribute) Attribute {
	a := Attribute{
		Name:        r.text(where+"name", in.Name),
		DisplayName: r.text(where+"display_name", in.DisplayName),
		Description: r.text(where+"description", in.Description),
		Default:     r.text(where+"default", in.Default),
		Required:    r.truth(where+"required", in.Required),
		Hidden:      r.truth(where+"hidden", in.Hidden),
	}
	if !attributeName.MatchString(a.Name) {
		r.problem("%s: %sname is %q: it must begin with a letter and have letters, digits, points, dashes and underscores only.", r.name, where, a.Name)
	}
	if a.Required && a.Hidden && a.Default == "" {
		r.problem("%s: %s%s is required but hidden, so nobody can enter it: give it a default.", r.name, where, a.Name)
	}
	if a.DisplayName == "" {
		a.DisplayName = a.Name
	}
	return a
}
