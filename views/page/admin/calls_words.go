package admin

import (
	"github.com/a-h/templ"

	"tollgate/views/ui"
)

// credentialFields is what the page calls the fields of a credential.
var credentialFields = map[string]string{"name": "Name"}

// lateChoices are what can become of use that is found after its invoice was final.
var lateChoices = []ui.Choice{
	{Value: "bill", Label: "Bill it on the next invoice", Hint: "It is reported to Stripe in the period that is running, with a note on its window. Nobody is charged for a closed period again."},
	{Value: "waive", Label: "Do not bill it", Hint: "It stays in the ledger and is listed as not billed, with the reason."},
}

// decideWindow is what can be done with a window that waits for somebody to decide.
func decideWindow(token string) func(ui.WindowRow) templ.Component {
	return func(r ui.WindowRow) templ.Component { return windowChoice(token, r) }
}
