package respond_test

import (
	"strings"
	"testing"

	"tollgate/web/respond"
)

// No cell can begin what a spreadsheet would calculate, and amounts stay numbers.
func TestNoCellIsAFormula(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "Gold": "Gold", "12.50": "12.50", "-12.50": "-12.50", "+3": "+3", "a=b": "a=b",
		"=1+1": "'=1+1", "+1+1": "'+1+1", "-1+cmd|' /C calc'!A0": "'-1+cmd|' /C calc'!A0", "@SUM(A1)": "'@SUM(A1)",
		"\t=1": "'\t=1", "\r=1": "'\r=1", "\n=1": "'\n=1", "-": "'-", "--1": "'--1", "-.": "'-.", "1.2.3": "1.2.3", "-1.2.3": "'-1.2.3",
	} {
		if got := respond.Cell(text); got != want {
			t.Errorf("Cell(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzCell(f *testing.F) {
	for _, seed := range []string{"=1", "-2", "+a", "@x", "\t", "plain"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := respond.Cell(text)
		if strings.TrimPrefix(got, "'") != strings.TrimPrefix(text, "'") {
			t.Errorf("Cell(%q) = %q: the text is not in it", text, got)
		}
		if got != "" && strings.ContainsAny(got[:1], "=@\t\r\n") {
			t.Errorf("Cell(%q) = %q", text, got)
		}
	})
}

func TestLink(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"/x":               respond.Link("/x", "q", "", "show", ""),
		"/x?q=a%26b":       respond.Link("/x", "q", "a&b"),
		"/x?q=1&show=ende": respond.Link("/x", "show", "ende", "q", "1", "before", ""),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
