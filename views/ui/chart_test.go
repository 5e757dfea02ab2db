package ui_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"tollgate/internal/golden"
	"tollgate/views/ui"
)

func drawn(t *testing.T, c ui.Chart) string {
	t.Helper()
	var out strings.Builder
	if err := ui.BarChart(c).Render(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// week is a chart of seven days, five of which have begun.
func week() ui.Chart {
	c := ui.Chart{
		ID: "calls", Title: "Calls this week", Strong: "849 calls a day", Says: ", most on 4 Dec (1,304).", Begun: 5, Main: "Counted",
		Head: "Day", Columns: []string{"Calls"}, Caption: "Calls by day", Foot: []string{"So far", "4,246"}, CSV: "/calls.csv",
		Grains: []ui.Link{{Href: "?by=hour", Label: "Hour"}, {Href: "?by=day", Label: "Day", Current: true}},
	}
	for i, n := range []int64{820, 910, 1304, 0, 1212, 0, 0} {
		c.Slots = append(c.Slots, ui.Slot{Label: strconv.Itoa(i+2) + " Dec", Name: fmt.Sprint(i+2, " Dec 2026"), Main: n, Cells: []string{ui.Count(n)}})
	}
	return c
}

func compared() ui.Chart {
	c := week()
	c.ID, c.Extra, c.Than, c.Low, c.Grains, c.CSV = "compared", "Not counted", "The week before", true, nil, ""
	for i := range c.Slots {
		c.Slots[i].Extra, c.Slots[i].Before, c.Slots[i].Says = int64(i%3*40), int64(600+i*150), "as it was"
	}
	return c
}

func hostileChart() ui.Chart {
	const bad = `"><script>alert(1)</script>`
	return ui.Chart{
		ID: "x", Title: bad, Strong: bad, Says: bad, Main: bad, Extra: bad, Than: bad, Head: bad, Columns: []string{bad}, Caption: bad, Foot: []string{bad, bad},
		CSV: "javascript:alert(1)", Grains: []ui.Link{{Href: "javascript:alert(1)", Label: bad}}, Slots: []ui.Slot{{Label: bad, Name: bad, Says: bad, Cells: []string{bad}}}, Begun: 1,
	}
}

func TestCharts(t *testing.T) {
	t.Parallel()
	empty := ui.Chart{ID: "empty", Title: "Calls", Strong: "No call yet.", Main: "Counted", Head: "Day", Columns: []string{"Calls"}, Caption: "Calls by day"}
	for name, c := range map[string]ui.Chart{"chart": week(), "chart_compared": compared(), "chart_empty": empty, "chart_hostile": hostileChart()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden.HTML(t, name, ui.BarChart(c))
		})
	}
	golden.HTML(t, "gauge", ui.UsedBar(ui.Gauge{Label: "820 of 1,000 calls used", Used: 820, Of: 1000, Tone: ui.Attention}))
}

var (
	axis = regexp.MustCompile(`text-anchor="end">([0-9,.]+)( M| G| T)?<`)
	bars = regexp.MustCompile(`class="(bar-1|bar-2|bar-than)" x="([0-9.]+)%" y="([0-9.]+)" width="([0-9.]+)%" height="([0-9.]+)"`)
)

// Whatever there is to draw, the axis has few round lines from 0 to above it all,
// no bar leaves the drawing, bars stand on the axis, and what is not nothing is seen.
func TestDrawingsStayWithinTheirAxis(t *testing.T) {
	t.Parallel()
	for most := int64(0); most < 1e13; most = most*3 + 1 {
		for n := 1; n < 200; n = n*2 + 1 {
			c := ui.Chart{ID: "c", Title: "Calls", Main: "Counted", Extra: "Not counted", Than: "Before", Begun: n}
			shown := 0
			for i := range n {
				s := ui.Slot{Name: "x", Main: most * int64(i%5) / 4, Extra: min(most, int64(i%2)), Before: most / int64(i+1)}
				c.Slots = append(c.Slots, s)
				for _, v := range []int64{s.Main, s.Extra, s.Before} {
					if v > 0 {
						shown++
					}
				}
			}
			checkDrawing(t, drawn(t, c), most, n, shown)
		}
	}
}

func checkDrawing(t *testing.T, page string, most int64, n, shown int) {
	t.Helper()
	lines := axis.FindAllStringSubmatch(page, -1)
	if len(lines) < 2 || len(lines) > 6 || lines[0][1] != "0" {
		t.Fatalf("%d: the axis has the lines %v", most, lines)
	}
	found := bars.FindAllStringSubmatch(page, -1)
	if len(found) != shown {
		t.Fatalf("%d in %d slots: %d bars, not %d", most, n, len(found), shown)
	}
	for _, bar := range found {
		x, y, wide, high := number(t, bar[2]), number(t, bar[3]), number(t, bar[4]), number(t, bar[5])
		if y < 9 || high < 1 || wide <= 0 || x+wide > 100.01 {
			t.Fatalf("%d in %d slots: %s", most, n, bar[0])
		}
		if bottom := y + high; bar[1] != "bar-2" && (bottom < 195.8 || bottom > 196.2) {
			t.Fatalf("%d in %d slots: %s stands at %f", most, n, bar[0], bottom)
		}
	}
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTheAxisIsReadable(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 1500: "1,500", 999_999: "999,999", 1_000_000: "1 M", 2_500_000: "2.5 M", 50_000_000_000: "50 G", 1_500_000_000_000: "1.5 T"} {
		if got := ui.Short(n); got != want {
			t.Errorf("%d is written %q, not %q", n, got, want)
		}
	}
	for most, want := range map[int64][]string{1: {"0", "1"}, 3: {"0", "1", "2", "3"}, 7: {"0", "2", "4", "6", "8"}, 1304: {"0", "500", "1,000", "1,500"}} {
		c := ui.Chart{ID: "c", Slots: []ui.Slot{{Main: most}}, Begun: 1}
		var got []string
		for _, line := range axis.FindAllStringSubmatch(drawn(t, c), -1) {
			got = append(got, line[1])
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("up to %d there are lines at %v, not at %v", most, got, want)
		}
	}
}

func TestAGaugeIsNeverMoreThanFull(t *testing.T) {
	t.Parallel()
	for used, want := range map[int64]string{0: `width="0"`, 1: `width="1"`, 820: `width="82"`, 999: `width="99"`, 1000: `width="100"`, 5000: `width="100"`} {
		var out strings.Builder
		if err := ui.UsedBar(ui.Gauge{Label: "x", Used: used, Of: 1000}).Render(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("%d of 1,000: no %s in %s", used, want, out.String())
		}
	}
}
