package publisher

import (
	"strings"

	"tollgate/models"
	page "tollgate/views/page/publisher"
	"tollgate/views/ui"
)

// countingWords say how the calls of an API are counted.
func countingWords(a models.API) page.Counting {
	w := page.Counting{Which: "Calls answered with 200 to 299 count.", Units: "Each is one unit."}
	switch a.Counting {
	case models.CountAll:
		w.Which = "Every call that is answered counts, errors too."
	case models.CountListed:
		w.Which = "Calls answered with " + ui.Listed(strings.Split(a.CountingStatuses, ",")) + " count."
	}
	if a.UnitsHeader != "" {
		w.Units = "Each is worth as many units as its answer's header " + a.UnitsHeader + " says, and one where it says none."
	}
	switch {
	case a.Type == models.TypeProduct:
	case a.Upgrades:
		w.Websockets = "Websockets are let through."
	default:
		w.Websockets = "Websockets are not let through."
	}
	return w
}
