// Package config reads what differs between deployments, deployment.toml and
// the environment, into one typed value, once. It reports everything that is
// wrong at once, in sentences that say what to do.
package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
)

// A Mode says which Stripe we talk to.
type Mode string

// The three modes. Real money moves in Live only.
const (
	Sandbox Mode = "sandbox" // Stripe on this machine
	Test    Mode = "test"    // Stripe's test mode
	Live    Mode = "live"
)

// A Part is one of the things this program can be started as.
type Part string

// The parts. Sandbox runs in sandbox mode only.
const (
	PartPortal  Part = "portal"
	PartGateway Part = "gateway"
	PartWorker  Part = "worker"
	PartSandbox Part = "sandbox"
)

// A Config is everything that differs between deployments.
type Config struct {
	Mode  Mode
	Parts map[Part]bool // what to start

	Addr, GatewayAddr, SandboxAddr string
	MetricsAddr                    string // "" is off

	// PublicURL is how browsers reach the portal. It is nil when none was set and
	// Addr leaves the port open; LocalURL of the listener's address then is the one.
	PublicURL *url.URL
	// GatewayURL is how applications reach the gateway. It is nil when none was set
	// and GatewayAddr leaves the port open.
	GatewayURL *url.URL
	// UpstreamAllow are the private networks that upstreams may be in. In sandbox mode
	// all are allowed.
	UpstreamAllow []netip.Prefix
	Usage         Usage
	// TrustedProxies are the networks whose X-Forwarded-For says who asks.
	TrustedProxies []netip.Prefix
	Data           string // directory of the database file, the key file and the sandbox
	Database       Database

	StripeKey            Secret   // of the default tenant's platform account; "" when people set it, or the sandbox's own is used
	StripeWebhookSecrets []Secret // of endpoints made by hand, one or two
	StripeAPIBase        string   // loopback only; "" for the mode's own
	SecretKey            Secret   // well-formed; "" for the key file in Data

	Mail *Mail // nil: mails are kept, not sent

	Attributes []Attribute // what a publisher enters to monetize an API
	Warnings   []string    // one sentence each, to be logged at start
}

// Usage is how calls are kept and sent to Stripe.
type Usage struct {
	PublishMinutes int // between two runs of the job that sends units to Stripe
	CallLogDays    int // how long each call can be looked up; the sums are kept for ever
}

// An Attribute is a field of the monetization page
// ([[apim.monetization.additional_attributes]]).
type Attribute struct {
	Name, DisplayName, Description, Default string
	Required, Hidden                        bool
}

// ConnectedAccountKey is the attribute that names the publisher's Stripe account.
const ConnectedAccountKey = "ConnectedAccountKey"

// Options are what the command line says.
type Options struct {
	File  string   // -config; "" for deployment.toml in the working directory, if there is one
	Parts []string // of serve; none for all
}

// Problems is everything that is wrong with a configuration.
type Problems []string

// Error lists the problems, one a line.
func (p Problems) Error() string {
	if len(p) == 1 {
		return "the configuration has a problem: " + p[0]
	}
	return fmt.Sprintf("the configuration has %d problems:\n  - %s", len(p), strings.Join(p, "\n  - "))
}

// reader gathers a Config and what is wrong with it.
type reader struct {
	getenv   func(string) string
	name     string // of the file; "" when there is none
	file     file
	out      Config
	problems Problems
}

// Read returns the configuration, or Problems. getenv is os.Getenv outside tests.
func Read(opt Options, getenv func(string) string) (Config, error) {
	r := &reader{getenv: getenv}
	r.readFile(opt.File)
	r.readMode()
	r.readParts(opt.Parts)
	r.readAddresses()
	r.readPublicURL()
	r.readTrustedProxies()
	r.readGateway()
	r.readData()
	r.readDatabase()
	r.readStripe()
	r.readSecretKey()
	r.readMonetization()
	r.readMail()
	if len(r.problems) > 0 {
		return Config{}, r.problems
	}
	return r.out, nil
}

func (r *reader) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

func (r *reader) warn(format string, args ...any) {
	r.out.Warnings = append(r.out.Warnings, fmt.Sprintf(format, args...))
}

// value returns the setting called name: from the environment, else what the
// file has for it, else fallback.
func (r *reader) value(name string, inFile any, fallback string) string {
	if v := strings.TrimSpace(r.getenv(name)); v != "" {
		return v
	}
	if v := r.text("[tollgate] "+strings.ToLower(strings.TrimPrefix(name, "TOLLGATE_")), inFile); v != "" {
		return v
	}
	return fallback
}

func (r *reader) readMode() {
	mode := Mode(r.value("TOLLGATE_MODE", r.file.Tollgate.Mode, string(Sandbox)))
	switch mode {
	case Sandbox, Test, Live:
	default:
		r.problem("TOLLGATE_MODE is %q: it must be sandbox, test or live.", mode)
		mode = "" // what depends on it is not judged
	}
	r.out.Mode = mode
}

func (r *reader) readParts(names []string) {
	r.out.Parts = map[Part]bool{}
	for _, name := range names {
		switch p := Part(name); p {
		case PartPortal, PartGateway, PartWorker:
			r.out.Parts[p] = true
		case PartSandbox:
			if r.out.Mode == Test || r.out.Mode == Live {
				r.problem("The sandbox does not run in %s mode: leave sandbox out of the command, or set TOLLGATE_MODE=sandbox.", r.out.Mode)
			}
			r.out.Parts[p] = true
		default:
			r.problem("There is no part %q to serve: name any of portal, gateway, worker and sandbox, or none for all.", name)
		}
	}
	if len(names) == 0 {
		r.out.Parts = map[Part]bool{PartPortal: true, PartGateway: true, PartWorker: true}
		if r.out.Mode == Sandbox {
			r.out.Parts[PartSandbox] = true
		}
	}
}

func (r *reader) readData() {
	r.out.Data = filepath.Clean(r.value("TOLLGATE_DATA", r.file.Tollgate.Data, "data"))
}
