package publisher

import "tollgate/views/ui"

// countingChoices are which calls of an API can count.
var countingChoices = []ui.Choice{
	{Value: "success", Label: "Successful answers", Hint: "Those that your API answers with 200 to 299. Whoever gets an error does not pay for it."},
	{Value: "all", Label: "Every answer", Hint: "Whatever your API answers, errors too."},
	{Value: "statuses", Label: "Answers that you list", Hint: "By their status, below."},
}

// countingLead says what the choice means and from when on.
func (p APIFormProps) countingLead() string {
	text := "It decides what fills quotas and what plans that are charged by the call cost. A call that the gateway refuses, or that your API does not answer, never counts."
	if p.Product {
		text += " It holds for calls through this API product, whatever its APIs say of their own."
	}
	if p.UUID != "" {
		text += " A change holds for calls from a few seconds on; what was counted before stays as it is."
	}
	return text
}
