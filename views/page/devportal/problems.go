package devportal

import (
	"github.com/a-h/templ"

	"tollgate/views/layout"
)

// ProblemsProps is what the gateway's answers mean.
type ProblemsProps struct {
	Frame    layout.Frame
	Problems []ProblemRow
	One      bool // the page is about one of them
}

// A ProblemRow is one answer.
type ProblemRow struct{ Type, Title, Status, Remedy string }

func problemURL(kind string) templ.SafeURL { return templ.URL("/problems/" + kind) }
