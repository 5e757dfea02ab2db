// Package sandbox is Stripe on this machine: a stateful simulator of the part
// of Stripe's API that subscription businesses use, with hosted pages, signed
// webhooks and a clock that can be moved. It is a small product of its own and
// knows nothing of Tollgate.
//
// # How it is built
//
// An endpoint is a line in a table: method, path, handler (catalog.go lists the
// tables). A handler is a func(*request) (any, error) that reads its parameters,
// changes objects in the transaction that the request is, and returns the object
// to answer with:
//
//	var couponRoutes = []route{
//		{"POST", "/v1/coupons", createCoupon},
//		{"GET", "/v1/coupons/{id}", show[Coupon]("id")},
//	}
//
//	type couponCreate struct {
//		Name     *string       `p:"name,max=40"`
//		Duration string        `p:"duration,required,enum=once|forever"`
//		Percent  *decimal      `p:"percent_off"`
//		Metadata metadataParam `p:"metadata"`
//	}
//
//	func createCoupon(r *request) (any, error) {
//		in, err := read[couponCreate](r)
//		if err != nil {
//			return nil, err
//		}
//		c := &Coupon{Created: r.unix(), Duration: in.Duration}
//		if c.Metadata, err = in.Metadata.apply(nil); err != nil {
//			return nil, err
//		}
//		if err := r.insert(c); err != nil {
//			return nil, err
//		}
//		return c, r.emit("coupon.created", c)
//	}
//
// Parameters. read fills a struct from the form and refuses, with Stripe's
// words, what is unknown (at every depth), missing, or of the wrong form. A `p`
// tag is the name and then any of: required, max=CHARACTERS, min=N, most=N,
// enum=a|b. Types: string, int64, bool, pointers to them (nil: not sent; a
// *string of "" is how callers unset), structs and pointers to structs, slices,
// map[string]string, decimal, metadataParam, clearable[T] (a hash, number or
// array that may be unset by ""), unsimulated (its tag lists parameters that
// Stripe has and we refuse by name), and any type with decodeParam. Embedded
// structs are read through; listParams and createdParam are meant for that.
// "expand" is taken out by the server before. Errors of read are "early": not
// kept for the idempotency key. Everything that a handler returns is kept.
//
// Errors. invalid, invalidCode, missingParam, noSuch (a parameter names
// nothing), notFound (the URL names nothing) and cardError make Stripe's error
// shapes. An error rolls back all that the call changed, except when it is
// wrapped in keep: a declined charge is an error and yet has effects. Any other
// error is a 500 api_error and is logged.
//
// Objects. A resource is a Go struct per type that embeds base and has a method
// kind; its JSON is the newest shape of the API with every field that Stripe
// always sends (pointers without omitempty become null). JSON names that begin
// with "_" are private: kept, and taken out before anything leaves. One table
// holds all objects by (account, type, id). insert (gives id), save, remove
// (leaves a tombstone {id, object, deleted}), find (nil when missing), get (400
// when missing), fromPath (404 when missing), all, first and list (one page)
// are all there is; filters are eq, compare and among on JSON fields, written as in
// the document: eq("items.data[0].price", x) works. Everything belongs to
// t.account; t.as(account) is the same transaction for another account.
//
// Shapes. What handlers return, and what events hold, goes through render:
// kind.complete adds what is computed (nested lists and so on; leave it nil when
// the document has everything), expansion follows kind.refs (property → kind of
// the object, dotted below the object: "parent.subscription_details.subscription")
// and kind.include (properties that exist only when expanded), and kind.shape
// turns the newest shape into that of an older version. shape must be pure: it
// also runs on events, at delivery. Versions before 2025-03-31.basil are refused.
// Nested objects that carry "object" are completed, expanded and shaped by their
// own kind. previous_attributes are computed from documents; so keep what
// changes (a subscription's items) in the document and not in complete.
//
// Events. t.emit(type, object) in the same transaction, after save. For types
// ending in ".updated" it computes previous_attributes against the object as it
// was loaded (or last emitted) and emits nothing when nothing changed.
//
// Time. t.now is the time to use, t.unix() the seconds for created. It is
// business time, except for objects that go by a test clock: t.onClock(id)
// returns t at the frozen time of that clock (id "" returns t). A customer's
// clock is Customer.TestClock. t.schedule(kind, id, clock, due) plans a timer,
// one per (kind, id); unschedule takes it back. The table of timers in
// catalog.go says what happens then: func(t *tx, id string) error, run in a
// transaction of its own on the account that planned it, with t.now being the
// instant it was planned for. A timer for an object that is gone or changed must
// do nothing.
//
// Shared pieces. Cards: typedMethod (as entered), methodOf (id or magic id),
// attach, detach, PaymentMethod.testCard. Customers: clock, saveCustomer,
// adjustBalance; customerGone in catalog.go lists what else a deletion ends.
// Accounts: ownAccount (a connected account is kept with its platform, so
// find[Account] does not find it from inside), Account.displayName.
// Usage: quantity(meter, customer, span) is what was counted by now; events that
// were accepted wait for the timer usageCounts, where an account's settings delay
// them. notify tells event destinations, which are of the second API ("/v2/",
// second.go): its parameters are JSON, its lists page by address. Onboarding: useAccountLink,
// completeOnboarding. Deliveries: resend. What an account has set: t.settings.
// Bank debits: a method without a Card, answered by settleDebit. Parameters and fields: set, either,
// currencyParam, isWebURL. s.url(path) is an absolute address on this server.
//
// Pages. An address for browsers is a line in a table too (pages in catalog.go):
// a pattern of http.ServeMux and a method of Server. POSTs from other sites and
// foreign host names are refused before. platforms, calls and deliveries are
// what the dashboard shows; resend, Advance and completeOnboarding what it does.
//
// Server.write and Server.read open transactions outside of API calls, for
// pages. Never open one inside another, and never speak to the network in one.
//
// # Without sockets, and in a bubble
//
// With Options.Path ":memory:", Server.Transport for those who call, and an
// Options.Client that has a Transport of its own for webhooks and followers,
// nothing leaves the process. Advance and RunOnce then do everything that is due
// before they return, without waiting for real time. Webhooks gives a caller the
// signed events to deliver as it likes; Snapshot and Restore begin again from one
// state thousands of times.
//
// A Server may live in a testing/synctest bubble. Open it inside (also when it is
// only going to be Restored) and Close it before the bubble ends: database/sql
// keeps one goroutine from Open to Close, which waits on channels of the bubble
// and so does not hold up its clock. Everything else that is started ends with
// the call that started it. Options.Wall must read time.Now inside the bubble,
// which the zero Wall does. Waiting for another RunOnce or Advance, for the
// connection of the store, for a receiver and for a follower are waits on
// channels too. Do not listen on a socket in a bubble, and give contexts that
// were made inside it. TestASandboxLivesInABubble does all of this.
package sandbox
