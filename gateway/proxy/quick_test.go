package proxy_test

import (
	"bufio"
	"bytes"
	"context"

	"tollgate/gateway"
	"tollgate/usage"
)

// quick is a gate and a ledger that take no time.
type quick struct{}

var pass gateway.Pass // what a quick gate hands out

// Admit lets everything through.
func (quick) Admit(context.Context, gateway.Ask) (*gateway.Pass, *gateway.Refusal) {
	p := pass
	p.Rest = "/today"
	return &p, nil
}

// Settle does nothing.
func (quick) Settle(*gateway.Pass, int64) {}

// Record does nothing.
func (quick) Record(context.Context, usage.Call) error { return nil }

// answered reads an answer whose body is the word fine.
func answered(r *bufio.Reader) bool {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return false
		}
		if bytes.Equal(line, []byte("\r\n")) {
			_, err := r.Discard(len("fine"))
			return err == nil
		}
	}
}
