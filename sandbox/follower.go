package sandbox

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// followerTime is how long a follower may take to catch up with the clock.
const followerTime = 60 * time.Second

// A follower is a program that goes by the sandbox's clock.
type follower struct {
	Name  string `json:"name"`
	URL   string `json:"url"`
	Token string `json:"token"`
}

// tellFollowers tells every follower what time it is, one after the other. It
// says whether one of them is not done with this moment: it named no later one.
func (s *Server) tellFollowers(ctx context.Context) (busy bool, err error) {
	var followers []follower
	err = s.read(ctx, "", func(t *tx) (err error) {
		followers, err = rows(t, func(row *sql.Rows, f *follower) error {
			return row.Scan(&f.Name, &f.URL, &f.Token)
		}, `SELECT name, url, token FROM followers ORDER BY name`)
		return err
	})
	if err != nil {
		return false, err
	}
	for _, f := range followers {
		next, err := s.tell(ctx, f)
		if err != nil {
			return busy, fmt.Errorf("the follower %q did not follow to %s: %w", f.Name, s.Now().Format(time.RFC3339), err)
		}
		err = s.write(ctx, "", func(t *tx) error {
			return t.exec(`UPDATE followers SET next_due = ? WHERE name = ? AND url = ?`, next, f.Name, f.URL)
		})
		if err != nil {
			return busy, err
		}
		busy = busy || next != nil && *next <= s.Now().UnixMilli()
	}
	return busy, nil
}

// tell waits for one follower and returns when it next has something to do, in
// Unix milliseconds; nil for nothing.
func (s *Server) tell(ctx context.Context, f follower) (*int64, error) {
	ctx, cancel := context.WithTimeout(ctx, followerTime)
	defer cancel()
	body, err := json.Marshal(s.clockState())
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+f.Token)
	patient := *s.client // its time limit is for webhooks; here it is the context's
	patient.Timeout = 0
	answer, err := patient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered %s", answer.Status)
	}
	var said struct {
		NextDue *int64 `json:"next_due_ms"`
	}
	err = json.NewDecoder(io.LimitReader(answer.Body, 1<<16)).Decode(&said)
	return said.NextDue, err
}
