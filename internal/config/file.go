package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// defaultFile is read when it is there and no other is named.
const defaultFile = "deployment.toml"

// file is the part of deployment.toml that we know. Values are any, because in
// the wild numbers and booleans are quoted as often as not.
type file struct {
	Tollgate own `toml:"tollgate"`
	Database struct {
		APIM apimDB `toml:"apim_db"`
	} `toml:"database"`
	APIM struct {
		Monetization monetization `toml:"monetization"`
		Analytics    analytics    `toml:"analytics"`
	} `toml:"apim"`
	OutputAdapter struct {
		Email outputEmail `toml:"email"`
	} `toml:"output_adapter"`
}

// own is a section of ours, for what has no place in WSO2's. Secrets are not
// among it: they come from the environment.
type own struct {
	Mode           any `toml:"mode"`
	Addr           any `toml:"addr"`
	GatewayAddr    any `toml:"gateway_addr"`
	SandboxAddr    any `toml:"sandbox_addr"`
	MetricsAddr    any `toml:"metrics_addr"`
	PublicURL      any `toml:"public_url"`
	TrustedProxies any `toml:"trusted_proxies"`
	GatewayURL     any `toml:"gateway_url"`
	UpstreamAllow  any `toml:"upstream_allow"`
	PublishMinutes any `toml:"publish_minutes"`
	CallLogDays    any `toml:"call_log_days"`
	Data           any `toml:"data"`
	StripeAPIBase  any `toml:"stripe_api_base"`
}

// sections are the ones we read, the longest first.
var sections = []string{"apim.monetization.additional_attributes", "apim.monetization", "apim.analytics", "database.apim_db", "output_adapter.email", "tollgate"}

// readFile reads name, or the default file if there is one.
func (r *reader) readFile(name string) {
	named := name != ""
	if !named {
		name = defaultFile
	}
	text, err := os.ReadFile(name)
	switch {
	case err != nil && (named || !errors.Is(err, fs.ErrNotExist)):
		r.problem("%s cannot be read: %s.", name, reason(err))
		return
	case err != nil:
		return
	}
	r.name = name
	dec := toml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	dec.DisallowUnknownFields()
	r.judge(dec.Decode(&r.file))
}

// reason is err without the path and call that the sentence around it names.
func reason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return err.Error()
}

// judge turns what the decoder says into problems and warnings.
func (r *reader) judge(err error) {
	if unknown, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		var elsewhere []string
		for _, e := range unknown.Errors {
			if other := r.unknownKey(e); other != "" && !slices.Contains(elsewhere, other) {
				elsewhere = append(elsewhere, other)
			}
		}
		if len(elsewhere) > 0 {
			r.warn("%s: ignored, because Tollgate has no use for them: %s.", r.name, strings.Join(elsewhere, ", "))
		}
		return
	}
	if wrong, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := wrong.Position()
		r.problem("%s, line %d: %s.", r.name, line, cause(wrong))
	} else if err != nil {
		r.problem("%s: %s.", r.name, err)
	}
}

// unknownKey notes a key that is wrong, or returns the name of a section that
// is none of ours.
func (r *reader) unknownKey(e toml.DecodeError) (elsewhere string) {
	line, _ := e.Position()
	path := strings.Join(e.Key(), ".")
	for _, s := range sections {
		if key, ok := strings.CutPrefix(path, s+"."); ok {
			r.problem("%s, line %d: [%s] has no key %q: correct or remove it.", r.name, line, s, key)
			return ""
		}
	}
	if strings.Contains(e.Error(), "missing table") {
		return "[" + path + "]"
	}
	return path
}

// cause says what the decoder found, without the Go types it speaks of.
func cause(e *toml.DecodeError) string {
	text := strings.TrimPrefix(e.Error(), "toml: ")
	if len(e.Key()) > 0 && strings.HasPrefix(text, "cannot ") || strings.Contains(text, "struct") {
		return fmt.Sprintf("%s has the wrong shape: one section begins with [name], each of a list of sections with [[name]]",
			strings.Join(e.Key(), "."))
	}
	return text
}

// text returns a value of the file as text. It resolves $env{NAME}.
func (r *reader) text(where string, v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return r.resolve(where, strings.TrimSpace(v))
	case int64, float64, bool:
		return fmt.Sprint(v)
	default:
		r.problem("%s: %s must be a text.", r.name, where)
		return ""
	}
}

// resolve replaces $env{NAME}. WSO2's other placeholders read from places we do
// not have, so they are refused rather than taken for the value itself.
func (r *reader) resolve(where, v string) string {
	for _, other := range []string{"$secret{", "$sys{", "$ref{"} {
		if strings.Contains(v, other) {
			r.problem("%s: %s uses %s…}, which is not known here: use $env{NAME} and set NAME in the environment.", r.name, where, other)
			return ""
		}
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(v, "$env{")
		out.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		if !found {
			return out.String()
		}
		value := r.getenv(name)
		if !closed || value == "" {
			r.problem("%s: %s uses $env{%s}, but %s is not set in the environment.", r.name, where, name, name)
			return ""
		}
		out.WriteString(value)
		v = after
	}
}

// truth reads a yes or no, quoted or not. Nothing is no.
func (r *reader) truth(where string, v any) bool {
	switch strings.ToLower(r.text(where, v)) {
	case "true":
		return true
	case "false", "":
		return false
	}
	r.problem("%s: %s is %q: it must be true or false.", r.name, where, r.text(where, v))
	return false
}
