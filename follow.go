package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"tollgate/models"
)

// A follower goes by the sandbox's clock: told of an instant, it notes it for
// every process, does all the work of that instant, and only then answers.
type follower struct {
	server *server
	parts  *parts
	token  string
}

func newFollower(s *server, p *parts) *follower { return &follower{s, p, rand.Text() + rand.Text()} }

// clockPath is where the sandbox tells us.
const clockPath = "/api/am/sandbox/clock"

// register asks the sandbox to be told.
func (f *follower) register(ctx context.Context) error {
	body, err := json.Marshal(map[string]string{
		"name": "Tollgate " + f.server.installation.InstallationID, "url": f.server.portalURL + clockPath, "token": f.token,
	})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.server.sandboxURL+"/_sandbox/followers", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	return f.hear(ctx, request)
}

// look asks the sandbox what time it is there. A webhook can come before the
// sandbox has told us of the instant it belongs to; what happened then would be
// written down as earlier than it was.
func (f *follower) look(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.server.sandboxURL+"/_sandbox/clock", nil)
	if err != nil {
		return err
	}
	return f.hear(ctx, request)
}

// hear sends a request that the sandbox answers with its clock, and notes that.
func (f *follower) hear(ctx context.Context, request *http.Request) error {
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("the sandbox at %s does not answer: %w", f.server.sandboxURL, err)
	}
	defer answer.Body.Close()
	var clock struct {
		Offset int64 `json:"offset_ms"`
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the sandbox at %s answers %s", f.server.sandboxURL, answer.Status)
	}
	if err := json.NewDecoder(answer.Body).Decode(&clock); err != nil {
		return fmt.Errorf("the sandbox at %s says no time: %w", f.server.sandboxURL, err)
	}
	return f.note(ctx, time.Duration(clock.Offset)*time.Millisecond)
}

// note keeps how far business time is ahead, for this process and all others.
func (f *follower) note(ctx context.Context, offset time.Duration) error {
	if offset <= f.server.business.Offset() {
		return nil // known, and kept by whoever heard it first
	}
	if err := models.RaiseBusinessOffset(ctx, f.server.db, offset.Milliseconds()); err != nil {
		return err
	}
	f.server.business.SetOffset(offset)
	return nil
}

// follow does everything that is due at the instant the sandbox has moved to, and
// names the next one at which something of ours changes by time alone.
func (f *follower) follow(ctx context.Context, offset time.Duration) (time.Time, error) {
	if err := f.note(ctx, offset); err != nil {
		return time.Time{}, err
	}
	if err := f.publish(ctx); err != nil {
		return time.Time{}, err
	}
	if _, err := f.parts.runner.RunOnce(ctx); err != nil {
		return time.Time{}, err
	}
	if _, err := f.parts.sweep.RunOnce(ctx); err != nil {
		return time.Time{}, err
	}
	if _, err := f.parts.agree.RunOnce(ctx); err != nil {
		return time.Time{}, err
	}
	if err := f.publish(ctx); err != nil {
		return time.Time{}, err
	}
	if _, err := f.parts.runner.RunOnce(ctx); err != nil {
		return time.Time{}, err
	}
	next, err := f.parts.sweep.Subscriptions.NextDue(ctx)
	if err != nil {
		return time.Time{}, err
	}
	usage, err := f.parts.publisher.NextDue(ctx)
	if next.IsZero() || !usage.IsZero() && usage.Before(next) {
		next = usage
	}
	return next, err
}

// publish sends what is due to the meters, so that an invoice that is made in the next
// step finds it there.
func (f *follower) publish(ctx context.Context) error {
	if _, err := f.parts.publisher.RunOnce(ctx); err != nil {
		return err
	}
	_, err := f.parts.comparer.RunOnce(ctx)
	return err
}

// offsetPoll is how often a process looks whether another one has heard that
// business time moved.
const offsetPoll = time.Second

// followOffset takes over how far business time is ahead from the database.
func (s *server) followOffset(ctx context.Context) (time.Time, error) {
	ms, err := models.BusinessOffset(ctx, s.db)
	if err == nil {
		s.business.SetOffset(time.Duration(ms) * time.Millisecond)
	}
	return s.wall.Now().Add(offsetPoll), err
}
