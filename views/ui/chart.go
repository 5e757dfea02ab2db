package ui

import "strconv"

// A Chart is counts over time: one sentence that says what one sees, a drawing of
// bars, and the same numbers as a table. It is drawn on the server, so that it
// needs no scripts, prints, and follows the theme.
type Chart struct {
	ID     string // unique on the page; its parts are called ID-h, ID-cap and ID-numbers
	Title  string
	Grains []Link // such as Hour, Day, Month; none: there is nothing to choose
	Strong string // how the sentence begins
	Says   string // how it goes on

	Slots []Slot // from left to right
	Begun int    // how many of them have begun; the rest is still to come
	Main  string // what the bars count: Counted
	Extra string // what stands on top of them: Not counted; "" for nothing
	Than  string // what a slot's Before is: The period before; "" compares with nothing
	Low   bool   // less high, where it is not what the page is about

	Head    string   // of the table's first column: Day
	Columns []string // heads of the columns of Cells
	Caption string   // of the table
	Foot    []string // the table's last line, beginning with its name; none: it has no such line
	CSV     string   // address of the same numbers as a file; "" for none
}

// A Slot is one place of a chart: an hour, a day, a month.
type Slot struct {
	Label  string // under the axis: 14 Nov
	Name   string // in full: 14 Nov 2026
	Main   int64
	Extra  int64    // on top of Main
	Before int64    // Main and Extra of what it is compared with
	Says   string   // what is told when it is pointed at, after its name
	Cells  []string // its line of the table, one for each of the chart's Columns
}

// Sizes of the drawing, in px.
const (
	plotTop    = 12 // above the highest line
	plotBottom = 24 // below the lowest one, for the labels
	plotHigh   = 220
	plotLow    = 140
	figureWide = 7  // of a figure beside the axis
	mostLabels = 6  // under the axis
	fewLabels  = 4  // that narrow screens have room for
	manySlots  = 62 // from here on a narrow screen scrolls sideways
)

// tallest is the most that one slot shows.
func (c Chart) tallest() int64 {
	most := int64(1)
	for _, s := range c.Slots {
		most = max(most, max(s.Main, 0)+max(s.Extra, 0))
		if c.Than != "" {
			most = max(most, s.Before)
		}
	}
	return most
}

// ticks are the values of the lines across the drawing, from 0 up: as few as need
// be, at most five, at round numbers, the last one at or above all that is shown.
func (c Chart) ticks() []int64 {
	most := c.tallest()
	step := int64(1)
	for i := 0; (most+step-1)/step > 4; i++ {
		step = step * []int64{2, 5, 2}[i%3] / []int64{1, 2, 1}[i%3] // 1, 2, 5, 10, 20, 50
	}
	var lines []int64
	for v := int64(0); v < most+step; v += step {
		lines = append(lines, v)
	}
	return lines
}

func (c Chart) top() int64 {
	ticks := c.ticks()
	return ticks[len(ticks)-1]
}

func (c Chart) height() int {
	if c.Low {
		return plotLow
	}
	return plotHigh
}

func (c Chart) plot() int { return c.height() - plotTop - plotBottom }

// tenths writes a length of so many tenths of a px.
func tenths(n int64) string {
	return strconv.FormatInt(n/10, 10) + "." + strconv.FormatInt(n%10, 10)
}

// percent writes so many hundredths of a per cent.
func percent(n int) string {
	text := strconv.Itoa(n % 100)
	if len(text) < 2 {
		text = "0" + text
	}
	return strconv.Itoa(n/100) + "." + text + "%"
}

// long is how many tenths of a px stand for v. What is not nothing can be seen.
func (c Chart) long(v int64) int64 {
	if v <= 0 {
		return 0
	}
	return max(v*int64(c.plot())*10/c.top(), 10)
}

// y is where v lies, counted from the top.
func (c Chart) y(v int64) string { return tenths(c.base() - c.long(v)) }

func (c Chart) base() int64 { return int64(plotTop+c.plot()) * 10 }

// x is where slot i begins, moved by so many hundredths of its width.
func (c Chart) x(i, moved int) string { return percent((i*100 + moved) * 100 / max(len(c.Slots), 1)) }

// wide is a part of a slot's width, in hundredths.
func (c Chart) wide(part int) string { return percent(part * 100 / max(len(c.Slots), 1)) }

// stacked is where Extra begins and how long it is: on top of Main, with a gap
// between them.
func (c Chart) stacked(s Slot) (y, high string) {
	gap := int64(10)
	if s.Main <= 0 {
		gap = 0
	}
	long := c.long(s.Extra)
	return tenths(c.base() - c.long(s.Main) - gap - long), tenths(long)
}

func (c Chart) stackedY(s Slot) string    { y, _ := c.stacked(s); return y }
func (c Chart) stackedHigh(s Slot) string { _, high := c.stacked(s); return high }

// barAt and barWide leave room beside a bar; a bar that is compared is narrower,
// so that what it is compared with can be seen behind it.
func (c Chart) barAt() int {
	if c.Than != "" {
		return 26
	}
	return 18
}

func (c Chart) barWide() int { return 100 - 2*c.barAt() }

// axisWide is the room for the numbers beside the axis.
func (c Chart) axisWide() int { return len(Short(c.top()))*figureWide + 16 }

// labelled reports whether slot i has a label, and whether it has one on narrow
// screens too.
func (c Chart) labelled(i int) (any, narrow bool) {
	every := (len(c.Slots) + mostLabels - 1) / mostLabels
	if every == 0 || i%every != 0 {
		return false, false
	}
	all := (len(c.Slots) + every - 1) / every
	return true, all <= fewLabels || i/every%2 == 0
}

func (c Chart) hasLabel(i int) bool { any, _ := c.labelled(i); return any }

func (c Chart) labelClass(i int) string {
	if _, narrow := c.labelled(i); narrow {
		return ""
	}
	return "wide-only"
}

func (c Chart) areaClass() string {
	if len(c.Slots) > manySlots {
		return "chart-area chart-many"
	}
	return "chart-area"
}

// legend are what the bars are, where there is more than one kind.
func (c Chart) legend() [][2]string {
	if c.Extra == "" && c.Than == "" {
		return nil
	}
	out := [][2]string{{"swatch swatch-1", c.Main}}
	if c.Extra != "" {
		out = append(out, [2]string{"swatch swatch-2", c.Extra})
	}
	if c.Than != "" {
		out = append(out, [2]string{"swatch swatch-than", c.Than})
	}
	return out
}

// title is what is told of a slot that is pointed at.
func (s Slot) title() string {
	if s.Says != "" {
		return s.Name + ": " + s.Says
	}
	return s.Name + ": " + Count(s.Main)
}

// begun are the slots that have begun, the newest first, for the table.
func (c Chart) begun() []Slot {
	var out []Slot
	for i := min(c.Begun, len(c.Slots)) - 1; i >= 0; i-- {
		out = append(out, c.Slots[i])
	}
	return out
}

// Short returns n as the axis of a chart writes it: 1,500 in full, 2,500,000 as
// 2.5 M. It is exact for round numbers, which is all that an axis has.
func Short(n int64) string {
	for _, unit := range []struct {
		of   int64
		sign string
	}{{1_000_000_000_000, " T"}, {1_000_000_000, " G"}, {1_000_000, " M"}} {
		if n >= unit.of {
			text := Count(n / unit.of)
			if tenth := n % unit.of * 10 / unit.of; tenth > 0 {
				text += "." + strconv.FormatInt(tenth, 10)
			}
			return text + unit.sign
		}
	}
	return Count(n)
}

// A Gauge is how much of something is used, as a bar with its words.
type Gauge struct {
	Label string // what the bar shows, for who cannot see it
	Used  int64
	Of    int64
	Tone  Tone // Attention and Bad colour the bar
}

// width is how much of the bar is full, of 100.
func (g Gauge) width() string {
	if g.Of <= 0 || g.Used <= 0 {
		return "0"
	}
	if g.Used >= g.Of {
		return "100"
	}
	return strconv.FormatInt(max(g.Used*100/g.Of, 1), 10)
}

func (g Gauge) class() string {
	switch g.Tone {
	case Attention:
		return "bar bar-attention"
	case Bad:
		return "bar bar-bad"
	case Good, Quiet:
	}
	return "bar"
}
