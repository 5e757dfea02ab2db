// Command tollgate sells APIs: the portals for admins, publishers and
// subscribers, the worker behind them, and in sandbox mode a Stripe of its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"tollgate/internal/config"
)

const synopsis = `Tollgate sells APIs.

  tollgate [serve] [-config FILE] [portal] [gateway] [worker] [sandbox]
        start the named parts, all by default
  tollgate user add [-config FILE] -name USERNAME [-email E] [-tenant DOMAIN] -roles admin,publisher,subscriber
        add a person, and print a link to set the password
  tollgate user link [-config FILE] -name USERNAME [-tenant DOMAIN]
        print a new link to set the password
  tollgate report-usage -log FILE [-position FILE] [-portal URL] [-source NAME]
        report the calls in the log of a web server of your own; see docs/nginx.md
  tollgate version

The configuration is deployment.toml and environment variables; see the README.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "tollgate:", err)
		os.Exit(1)
	}
}

// run is the whole program. out is for people, logTo for the log. It returns when
// ctx is done and everything it started has stopped.
func run(ctx context.Context, args []string, getenv func(string) string, out, logTo io.Writer) error {
	command := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") && !isPart(args[0]) {
		command, args = args[0], args[1:]
	}
	switch command {
	case "serve":
		return serve(ctx, args, getenv, out, logTo)
	case "user":
		return user(ctx, args, getenv, out)
	case "report-usage":
		return reportUsage(ctx, args, getenv, out)
	case "version":
		_, err := fmt.Fprintln(out, "tollgate", version())
		return err
	case "help":
		_, err := io.WriteString(out, synopsis)
		return err
	}
	return fmt.Errorf("%q is not a command\n\n%s", command, synopsis)
}

func isPart(word string) bool {
	switch config.Part(word) {
	case config.PartPortal, config.PartGateway, config.PartWorker, config.PartSandbox:
		return true
	}
	return false
}

// flags returns a flag set that explains itself the way the program does.
func flags(name string, out io.Writer) (*flag.FlagSet, *string) {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(out)
	set.Usage = func() { _, _ = io.WriteString(out, synopsis) }
	return set, set.String("config", "", "configuration file")
}
