package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"tollgate/internal/fault"
)

func TestUnclassifiedErrorsAreInternalAndSilent(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("models: read row: %w", io.ErrUnexpectedEOF)
	if fault.KindOf(err) != fault.Internal || fault.Message(err) != "" {
		t.Errorf("kind %d, message %q", fault.KindOf(err), fault.Message(err))
	}
	if fault.KindOf(nil) != fault.Internal || fault.Message(nil) != "" {
		t.Error("nil says something")
	}
}

func TestFaultIsFoundThroughWrapping(t *testing.T) {
	t.Parallel()
	cause := errors.New("pq: deadlock")
	err := fmt.Errorf("billing: save: %w", fault.From(fault.Conflict, cause, "Please try again."))
	if fault.KindOf(err) != fault.Conflict {
		t.Errorf("kind %d", fault.KindOf(err))
	}
	if got := fault.Message(err); got != "Please try again." {
		t.Errorf("people read %q", got)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost to the log")
	}
	if got, want := err.Error(), "billing: save: Please try again.: pq: deadlock"; got != want {
		t.Errorf("the log reads %q, want %q", got, want)
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	var f fault.Fields
	f.Check(true, "name", "never said")
	if f.Err() != nil {
		t.Fatalf("nothing is wrong, yet %v", f.Err())
	}
	f.Check(false, "price", "Enter a price.")
	f.Check(false, "price", "Something later.")
	f.Check(false, "name", "Enter a name.")
	err := fmt.Errorf("wrapped: %w", f.Err())
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("kind %d", fault.KindOf(err))
	}
	got, ok := fault.FieldsOf(err)
	if !ok || len(got) != 2 || got["price"] != "Enter a price." || got["name"] != "Enter a name." {
		t.Errorf("fields %v, %v", got, ok)
	}
	if want := "wrapped: Some fields need another look. [name: Enter a name.] [price: Enter a price.]"; err.Error() != want {
		t.Errorf("the log reads %q", err)
	}
}

func TestFieldsOfOtherErrors(t *testing.T) {
	t.Parallel()
	for _, err := range []error{nil, io.EOF, fault.New(fault.NotFound, "API not found.")} {
		if f, ok := fault.FieldsOf(err); ok {
			t.Errorf("%v has fields %v", err, f)
		}
	}
}
