package publisher

import (
	"tollgate/views/layout"
	"tollgate/views/ui"
)

// EndProps is what a page shows on which subscriptions are ended.
type EndProps struct {
	layout.Frame
	Ends ui.Ends
}

// EndingProps is what the page of one ending shows.
type EndingProps struct {
	layout.Frame
	Ending ui.EndProgress
}

// EndingsProps is what the list of endings shows.
type EndingsProps struct {
	layout.Frame
	Rows []ui.EndingRow
}
