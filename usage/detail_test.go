package usage_test

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tollgate/models"
	"tollgate/usage"
)

func anyDetail(rt *rapid.T) []usage.DetailCall {
	return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) usage.DetailCall {
		return usage.DetailCall{
			ID:     usage.CallID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(rt, "id")),
			Offset: rapid.Int64Range(0, 3_599_999).Draw(rt, "offset"), Status: rapid.Int64Range(0, 999).Draw(rt, "status"),
			Units: rapid.Int64Range(0, usage.MostUnits).Draw(rt, "units"), Flags: rapid.Int64Range(0, 7).Draw(rt, "flags"),
			Took: rapid.Int64Range(0, 86_400_000).Draw(rt, "took"),
		}
	}), 1, 40).Draw(rt, "calls")
}

func TestDetailsAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		calls := anyDetail(rt)
		b := usage.WriteDetail(calls)
		got, err := usage.ReadDetail(b)
		if err != nil {
			rt.Fatal(err)
		}
		if len(got) != len(calls) {
			rt.Fatalf("%d calls were written, %d read", len(calls), len(got))
		}
		for i := range got {
			if got[i] != calls[i] {
				rt.Errorf("call %d was %+v, is %+v", i, calls[i], got[i])
			}
		}
		cut := rapid.IntRange(0, len(b)-1).Draw(rt, "cut")
		if some, err := usage.ReadDetail(b[:cut]); err == nil && len(some) >= len(calls) {
			rt.Errorf("%d of %d bytes are read as all calls", cut, len(b))
		}
	})
}

// What is read must be exactly what would be written for it.
func FuzzDetail(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1})
	f.Add([]byte{2})
	f.Add(usage.WriteDetail([]usage.DetailCall{{ID: usage.NewCallID(time.Unix(1, 0)), Offset: 300, Status: 200, Units: 1, Flags: 1, Took: 200}}))
	f.Add(append([]byte{1}, bytes.Repeat([]byte{0x80}, 40)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		calls, err := usage.ReadDetail(b)
		if err != nil || len(calls) == 0 {
			return
		}
		if again := usage.WriteDetail(calls); !bytes.Equal(again, b) {
			t.Errorf("%x is read as what is written as %x", b, again)
		}
	})
}

func TestCallIDsAreUUIDs(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 12, 8, 12, 0, 0, 123e6, time.UTC)
	seen := map[usage.CallID]bool{}
	for range 1000 {
		id := usage.NewCallID(at)
		if seen[id] {
			t.Fatalf("%v came twice", id)
		}
		seen[id] = true
		s := id.String()
		if len(s) != 36 || s[14] != '7' || (s[19] != '8' && s[19] != '9' && s[19] != 'a' && s[19] != 'b') {
			t.Fatalf("%s is no UUID of version 7", s)
		}
		var ms int64
		for _, b := range id[:6] {
			ms = ms<<8 | int64(b)
		}
		if models.Instant(ms) != models.At(at) {
			t.Fatalf("%s begins with %d", s, ms)
		}
	}
}
