package accounts_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/testdb"
	"tollgate/models"
)

func TestOnlyTheRightPasswordSignsIn(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		ada := w.person(t, w.us, "ada", accounts.Admin, accounts.Subscriber)
		if !slices.Equal(ada.Roles, []accounts.Role{accounts.Admin, accounts.Subscriber}) || ada.Domain != models.SuperDomain {
			t.Errorf("signed in as %+v", ada)
		}
		var told []string
		for _, try := range [][2]string{{"ada", "wrong horse battery"}, {"nobody", password}, {"ada@nowhere.example", password}, {"ada@twin.example", password}, {"", ""}} {
			err := w.signIn(t, try[0], try[1])
			refused(t, err, fault.Unauthenticated, try[0])
			told = append(told, err.Error())
		}
		if len(slices.Compact(told)) != 1 {
			t.Errorf("the answers differ: %q", told)
		}
		must(t, w.signIn(t, "  ADA@carbon.super ", password))
		must(t, w.signIn(t, "Ada@Example.com", password))
		w.person(t, w.us, "ada2", accounts.Admin)
		twice, err := w.people.Create(t.Context(), w.us, accounts.PersonInput{Username: "ada3", DisplayName: "Ada", Email: "ada2@example.com", Roles: []accounts.Role{accounts.Admin}})
		must(t, err)
		must(t, w.people.SetPassword(t.Context(), w.us, twice.ID, password))
		refused(t, w.signIn(t, "ada2@example.com", password), fault.Unauthenticated, "an address of two people")
	})
}

func TestTwinsDoNotMeet(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		ours := w.person(t, w.us, "ada", accounts.Admin)
		theirs := w.person(t, w.them, "ada", accounts.Admin)
		if ours.Tenant == theirs.Tenant || ours.Person == theirs.Person {
			t.Fatalf("the twins are one: %+v, %+v", ours, theirs)
		}
		_, err := w.people.ByID(t.Context(), ours, theirs.Person)
		_, absent := w.people.ByID(t.Context(), ours, models.NewID())
		refused(t, err, fault.NotFound, "read a twin")
		if err.Error() != absent.Error() {
			t.Errorf("a foreign person reads %q, an absent one %q", err, absent)
		}
		refused(t, w.people.SetActive(t.Context(), ours, theirs.Person, false), fault.NotFound, "disable a twin")
		_, err = w.people.NewLink(t.Context(), ours, theirs.Person)
		refused(t, err, fault.NotFound, "a link for a twin")
		refused(t, w.people.Edit(t.Context(), ours, theirs.Person, accounts.PersonInput{DisplayName: "X", Roles: []accounts.Role{accounts.Admin}}), fault.NotFound, "edit a twin")
		page, err := w.people.List(t.Context(), ours, models.PeopleFilter{}, 10)
		must(t, err)
		if len(page.People) != 1 || page.People[0].ID != ours.Person {
			t.Errorf("the list has %d people", len(page.People))
		}
		if deeds := w.deeds(t, theirs); slices.Contains(deeds, "person.disable") {
			t.Errorf("their audit has %v", deeds)
		}
	})
}

func TestWhoMayNotRunTheTenantFindsNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	ada := w.person(t, w.us, "ada", accounts.Publisher, accounts.Subscriber)
	input := accounts.PersonInput{Username: "eve", DisplayName: "Eve", Roles: []accounts.Role{accounts.Admin}}
	_, err := w.people.Create(t.Context(), ada, input)
	refused(t, err, fault.NotFound, "create")
	refused(t, w.people.Edit(t.Context(), ada, ada.Person, input), fault.NotFound, "give oneself a role")
	refused(t, w.people.SetPassword(t.Context(), ada, ada.Person, "x"), fault.NotFound, "set a password")
	_, err = w.people.NewLink(t.Context(), ada, ada.Person)
	refused(t, err, fault.NotFound, "make a link")
	_, err = w.audit.Page(t.Context(), ada, "", 10)
	refused(t, err, fault.NotFound, "read the audit")
	refused(t, w.tenants.SaveStripeKey(t.Context(), ada, "sk_test_1234567890abcdef"), fault.NotFound, "enter a key")
	_, err = w.tenants.Settings(t.Context(), ada)
	refused(t, err, fault.NotFound, "read settings")
}

func TestAUsernameIsTakenOnce(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		in := accounts.PersonInput{Username: "ada", DisplayName: "Ada", Roles: []accounts.Role{accounts.Subscriber}}
		made, errs := together(4, func(int) error {
			_, err := w.people.Create(t.Context(), w.us, in)
			return err
		})
		if made != 1 {
			t.Errorf("%d people are called ada: %v", made, errs)
		}
		in.Username = " ADA "
		_, err := w.people.Create(t.Context(), w.us, in)
		wrongAt(t, err, "username")
	})
}

func TestPeopleFormsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	good := accounts.PersonInput{Username: "ada", DisplayName: "Ada", Email: "ada@example.com", Roles: []accounts.Role{accounts.Admin}}
	for field, spoil := range map[string]func(*accounts.PersonInput){
		"username":     func(in *accounts.PersonInput) { in.Username = "ada@home" },
		"display_name": func(in *accounts.PersonInput) { in.DisplayName = " \x00 " },
		"email":        func(in *accounts.PersonInput) { in.Email = "Ada <ada@example.com>" },
		"roles":        func(in *accounts.PersonInput) { in.Roles = []accounts.Role{"owner"} },
		"organization": func(in *accounts.PersonInput) { in.Organization = strings.Repeat("x", 201) },
	} {
		in := good
		spoil(&in)
		_, err := w.people.Create(t.Context(), w.us, in)
		wrongAt(t, err, field)
	}
}

func TestWrongPasswordsAreSlowedDown(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		w.person(t, w.us, "ada", accounts.Admin)
		for _, name := range []string{"ada", "nobody"} {
			for range 5 {
				refused(t, w.signIn(t, name, "wrong horse battery"), fault.Unauthenticated, name)
			}
			refused(t, w.signIn(t, name, password), fault.TooMany, name+" while locked")
		}
		w.later(31 * time.Second)
		refused(t, w.signIn(t, "ada", "wrong horse battery"), fault.Unauthenticated, "after the lock")
		w.later(31 * time.Second)
		refused(t, w.signIn(t, "ada", password), fault.TooMany, "the second lock is longer")
		w.later(30 * time.Second)
		must(t, w.signIn(t, "ada", password))
		for range 4 {
			refused(t, w.signIn(t, "ada", "wrong horse battery"), fault.Unauthenticated, "counted anew")
		}
	})
}

func TestAttemptsAtOnceAreCountedAll(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		w.person(t, w.us, "ada", accounts.Admin)
		locked, _ := together(12, func(int) error {
			if err := w.signIn(t, "ada", "wrong horse battery"); fault.KindOf(err) != fault.TooMany {
				return err
			}
			return nil
		})
		if locked != 7 {
			t.Errorf("%d of 12 attempts were locked out, want 7", locked)
		}
	})
}

func TestAnAddressIsSlowedDownToo(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	w.person(t, w.us, "ada", accounts.Admin)
	try := func(name, address string) error {
		_, err := w.people.SignIn(t.Context(), accounts.Attempt{Username: name, Password: password, Address: address})
		return err
	}
	for i := range 50 {
		refused(t, try("guess-"+string(rune('a'+i%26))+string(rune('a'+i/26)), "203.0.113.9"), fault.Unauthenticated, "guess")
	}
	refused(t, try("ada", "203.0.113.9"), fault.TooMany, "from the address")
	must(t, try("ada", "203.0.113.10"))
}

func TestTheLastAdminStays(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		ada := w.person(t, w.us, "ada", accounts.Admin)
		w.person(t, w.us, "bob", accounts.Publisher)
		w.person(t, w.them, "eve", accounts.Admin) // another tenant's admin does not count
		lesser := accounts.PersonInput{DisplayName: "Ada", Roles: []accounts.Role{accounts.Subscriber}}
		refused(t, w.people.Edit(t.Context(), ada, ada.Person, lesser), fault.Conflict, "demote")
		refused(t, w.people.SetActive(t.Context(), ada, ada.Person, false), fault.Conflict, "disable")

		cleo := w.person(t, w.us, "cleo", accounts.Admin)
		pair := []accounts.Actor{ada, cleo}
		done, errs := together(2, func(i int) error { // each disables the other
			return w.people.SetActive(t.Context(), pair[i], pair[1-i].Person, false)
		})
		if done != 1 {
			t.Errorf("%d of the two were disabled: %v", done, errs)
		}
		n, err := w.people.Count(t.Context(), w.us, accounts.Admin)
		must(t, err)
		if n != 1 {
			t.Errorf("%d admins are left", n)
		}
	})
}

func TestDisablingEndsEverything(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		ada := w.person(t, w.us, "ada", accounts.Admin)
		bob := w.person(t, w.us, "bob", accounts.Publisher)
		id, _, err := w.sessions.Begin(t.Context(), bob, nil, accounts.Browser{}, "")
		must(t, err)
		token, err := w.people.NewLink(t.Context(), ada, bob.Person)
		must(t, err)
		must(t, w.people.SetActive(t.Context(), ada, bob.Person, false))

		_, err = w.sessions.Find(t.Context(), id)
		refused(t, err, fault.NotFound, "his session")
		refused(t, w.signIn(t, "bob", password), fault.Unauthenticated, "his password")
		_, err = w.people.LinkOwner(t.Context(), token)
		refused(t, err, fault.NotFound, "his link")
		_, err = w.people.NewLink(t.Context(), ada, bob.Person)
		refused(t, err, fault.Conflict, "a new link")
		must(t, w.people.SetActive(t.Context(), ada, bob.Person, true))
		must(t, w.signIn(t, "bob", password))
		if deeds := w.deeds(t, ada); !slices.Contains(deeds, "person.disable") || !slices.Contains(deeds, "person.enable") {
			t.Errorf("the audit has %v", deeds)
		}
	})
}

func TestALinkSetsAPasswordOnce(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		ada := w.person(t, w.us, "ada", accounts.Admin)
		id, _, err := w.sessions.Begin(t.Context(), ada, nil, accounts.Browser{}, "")
		must(t, err)
		first, err := w.people.NewLink(t.Context(), w.us, ada.Person)
		must(t, err)
		token, err := w.people.NewLink(t.Context(), w.us, ada.Person)
		must(t, err)
		_, err = w.people.LinkOwner(t.Context(), first)
		refused(t, err, fault.NotFound, "a replaced link")

		_, err = w.people.UseLink(t.Context(), token, accounts.PasswordInput{New: "short", Again: "other"})
		wrongAt(t, err, "new")
		wrongAt(t, err, "again")
		fresh := accounts.PasswordInput{New: "a new password", Again: "a new password"}
		used, errs := together(3, func(int) error {
			_, err := w.people.UseLink(t.Context(), token, fresh)
			return err
		})
		if used != 1 {
			t.Errorf("the link was used %d times: %v", used, errs)
		}
		_, err = w.sessions.Find(t.Context(), id)
		refused(t, err, fault.NotFound, "an old session")
		refused(t, w.signIn(t, "ada", password), fault.Unauthenticated, "the old password")
		must(t, w.signIn(t, "ada", "a new password"))

		late, err := w.people.NewLink(t.Context(), w.us, ada.Person)
		must(t, err)
		w.later(24*time.Hour + time.Second)
		_, err = w.people.UseLink(t.Context(), late, fresh)
		refused(t, err, fault.NotFound, "a late link")
	})
}

func TestChangingOnesPasswordNeedsTheCurrentOne(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	ada := w.person(t, w.us, "ada", accounts.Subscriber)
	here, mine, err := w.sessions.Begin(t.Context(), ada, nil, accounts.Browser{}, "")
	must(t, err)
	there, _, err := w.sessions.Begin(t.Context(), ada, nil, accounts.Browser{}, "")
	must(t, err)
	change := func(current string) error {
		return w.people.ChangePassword(t.Context(), ada, accounts.PasswordInput{Current: current, New: "a new password", Again: "a new password"}, mine.PublicID)
	}
	for range 5 {
		wrongAt(t, change("wrong"), "current")
	}
	refused(t, change(password), fault.TooMany, "after many guesses")
	w.later(31 * time.Second)
	must(t, change(password))
	if _, err := w.sessions.Find(t.Context(), here); err != nil {
		t.Errorf("this session ended: %v", err)
	}
	_, err = w.sessions.Find(t.Context(), there)
	refused(t, err, fault.NotFound, "the other session")
	must(t, w.signIn(t, "ada", "a new password"))
}

func TestThePeopleListHasPages(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *bun.DB) {
		w := setup(t, db)
		for _, name := range []string{"eve", "bob", "ada", "dan", "cleo_50%"} {
			in := accounts.PersonInput{Username: strings.TrimSuffix(name, "_50%"), DisplayName: name, Roles: []accounts.Role{accounts.Subscriber}}
			_, err := w.people.Create(t.Context(), w.us, in)
			must(t, err)
		}
		var seen []string
		f := models.PeopleFilter{}
		for pages := 0; pages < 5; pages++ {
			page, err := w.people.List(t.Context(), w.us, f, 2)
			must(t, err)
			for _, p := range page.People {
				seen = append(seen, p.Username)
			}
			if f.After = page.After; f.After == "" {
				break
			}
		}
		if got := strings.Join(seen, " "); got != "ada bob cleo dan eve" {
			t.Errorf("the pages list %q", got)
		}
		for search, want := range map[string]int{"50%": 1, "%": 1, "BO": 1, "_": 1, "x": 0} {
			page, err := w.people.List(t.Context(), w.us, models.PeopleFilter{Search: search}, 10)
			must(t, err)
			if len(page.People) != want {
				t.Errorf("searching %q finds %d, want %d", search, len(page.People), want)
			}
		}
		page, err := w.people.List(t.Context(), w.us, models.PeopleFilter{Role: "admin"}, 10)
		must(t, err)
		if len(page.People) != 0 {
			t.Errorf("%d admins", len(page.People))
		}
	})
}

func TestOnesOwnProfile(t *testing.T) {
	t.Parallel()
	w := setup(t, testdb.New(t))
	ada := w.person(t, w.us, "ada", accounts.Subscriber)
	wrongAt(t, w.people.EditProfile(t.Context(), ada, accounts.ProfileInput{DisplayName: "Ada", Email: "nonsense"}), "email")
	must(t, w.people.EditProfile(t.Context(), ada, accounts.ProfileInput{DisplayName: " Ada Byron ", Email: ""}))
	wrongAt(t, w.people.SetTheme(t.Context(), ada, "pink"), "theme")
	must(t, w.people.SetTheme(t.Context(), ada, "dark"))
	p, err := w.people.Profile(t.Context(), ada)
	must(t, err)
	if p.DisplayName != "Ada Byron" || p.Email != "" || p.Theme != "dark" {
		t.Errorf("the profile is %+v", p)
	}
}
