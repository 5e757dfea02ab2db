package clock_test

import (
	"sync"
	"testing"
	"time"

	"tollgate/internal/clock"
)

var noon = time.Date(2026, 1, 31, 13, 0, 0, 0, time.FixedZone("CET", 3600))

func TestClocksSpeakUTC(t *testing.T) {
	t.Parallel()
	wall := clock.NewWall(func() time.Time { return noon })
	business := clock.NewBusiness(wall)
	for name, now := range map[string]time.Time{"wall": wall.Now(), "business": business.Now(), "zero": clock.Wall{}.Now()} {
		if now.Location() != time.UTC {
			t.Errorf("%s clock is in %v", name, now.Location())
		}
	}
	if !wall.Now().Equal(noon) || !business.Now().Equal(noon) {
		t.Error("the clocks do not read what they are given")
	}
}

func TestBusinessTimeRunsAheadAndNeverBack(t *testing.T) {
	t.Parallel()
	b := clock.NewBusiness(clock.NewWall(func() time.Time { return noon }))
	other := b // a copy is the same clock
	b.SetOffset(48 * time.Hour)
	b.SetOffset(time.Hour)
	b.SetOffset(-time.Hour)
	if got := other.Offset(); got != 48*time.Hour {
		t.Errorf("offset %v", got)
	}
	if want := noon.Add(48 * time.Hour); !other.Now().Equal(want) {
		t.Errorf("now %v, want %v", other.Now(), want)
	}
}

func TestZeroBusinessClockIsRealTime(t *testing.T) {
	t.Parallel()
	var b clock.Business
	before := time.Now()
	if now := b.Now(); now.Before(before) || b.Offset() != 0 {
		t.Errorf("now %v, offset %v", now, b.Offset())
	}
}

func TestTheLargestOffsetWins(t *testing.T) {
	t.Parallel()
	b := clock.NewBusiness(clock.Wall{})
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() { b.SetOffset(time.Duration(i) * time.Hour) })
	}
	all.Wait()
	if b.Offset() != 49*time.Hour {
		t.Errorf("offset %v", b.Offset())
	}
}
