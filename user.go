package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"

	"tollgate/accounts"
	"tollgate/internal/config"
	"tollgate/internal/fault"
	"tollgate/models"
)

// user is the command about people: add one, or make a new link for one.
func user(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	if len(args) == 0 || args[0] != "add" && args[0] != "link" {
		return fmt.Errorf("say what to do: tollgate user add, or tollgate user link\n\n%s", synopsis)
	}
	set, file := flags("user", out)
	name, email := set.String("name", "", ""), set.String("email", "", "")
	domain, roles := set.String("tenant", models.SuperDomain, ""), set.String("roles", "", "")
	if err := set.Parse(args[1:]); err != nil {
		return err
	}
	cfg, err := config.Read(config.Options{File: *file, Parts: []string{string(config.PartWorker)}}, getenv)
	if err != nil {
		return err
	}
	s, err := openStore(ctx, cfg, slog.New(slog.DiscardHandler), false)
	if err != nil {
		return err
	}
	defer s.close()
	tenant, err := s.tenants.ByDomain(ctx, *domain)
	if err != nil {
		return err
	}
	us := accounts.System(tenant.ID, tenant.Domain)
	person, err := s.person(ctx, us, args[0] == "add", accounts.PersonInput{Username: *name, Email: *email, DisplayName: *name, Roles: parseRoles(*roles)})
	if err != nil {
		return said(err)
	}
	token, err := s.people.NewLink(ctx, us, person)
	if err != nil {
		return said(err)
	}
	base := config.LocalURL(cfg.Addr)
	if cfg.PublicURL != nil {
		base = cfg.PublicURL
	}
	_, err = fmt.Fprintf(out, "%s sets a password here, within a day and once:\n  %s/account/link/%s\n", *name, strings.TrimSuffix(base.String(), "/"), token)
	return err
}

func parseRoles(list string) []accounts.Role {
	var roles []accounts.Role
	for word := range strings.SplitSeq(list, ",") {
		if word = strings.TrimSpace(word); word != "" {
			roles = append(roles, accounts.Role(word))
		}
	}
	return roles
}

// person returns the id of who is named, added if add says so.
func (s *store) person(ctx context.Context, us accounts.Actor, add bool, in accounts.PersonInput) (string, error) {
	if add {
		p, err := s.people.Create(ctx, us, in)
		return p.ID, err
	}
	page, err := s.people.List(ctx, us, models.PeopleFilter{Search: in.Username}, 100)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(page.People, func(p accounts.Person) bool { return p.Username == in.Username })
	if i < 0 {
		return "", fmt.Errorf("there is nobody called %q", in.Username)
	}
	return page.People[i].ID, nil
}

// said turns messages at form fields into one error for a terminal.
func said(err error) error {
	fields, ok := fault.FieldsOf(err)
	if !ok {
		return err
	}
	var all []string
	for name, text := range fields {
		all = append(all, name+": "+text)
	}
	slices.Sort(all)
	return errors.New(strings.Join(all, "\n"))
}

// version is what the build says of itself.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown version)"
	}
	return info.Main.Version
}
