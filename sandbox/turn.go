package sandbox

import "context"

// A turn lets one goroutine through at a time. It is a channel and no mutex, so
// that waiting ends with the context, and inside a testing/synctest bubble lets
// the bubble's clock go on while the holder waits for an answer.
type turn chan struct{}

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) give() { <-t }
