package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"tollgate/gateway/report"
)

// reportUsage is the command that reports the calls in a web server's log. It needs
// neither configuration nor database: it runs where the log is.
func reportUsage(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	set, _ := flags("report-usage", out)
	log, keep := set.String("log", "", ""), set.String("position", "", "")
	portal, source := set.String("portal", "http://127.0.0.1:8080", ""), set.String("source", "nginx", "")
	if err := set.Parse(args); err != nil {
		return err
	}
	credential := getenv("TOLLGATE_GATEWAY_CREDENTIAL")
	switch {
	case *log == "":
		return errors.New("say which log: tollgate report-usage -log FILE")
	case credential == "":
		return errors.New("set TOLLGATE_GATEWAY_CREDENTIAL to a credential that an admin of the tenant has made")
	}
	res, err := report.File(ctx, *log, *keep, report.Options{Portal: *portal, Credential: credential, Source: *source})
	_, printed := fmt.Fprintf(out, "%d calls reported, %d known already, %d lines refused\n", res.Accepted, res.Duplicates, len(res.Refused))
	return errors.Join(err, res.Refusals(), printed)
}
