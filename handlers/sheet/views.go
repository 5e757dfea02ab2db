package sheet

// A View is one way to narrow a list of subscriptions.
type View struct {
	Name     string // in the address; "" for all
	Label    string
	Statuses []string // as WSO2 spells them
	Ended    bool
}

// Views are the ways, in the order of their chips. The first shows what is live.
var Views = []View{
	{"", "All", nil, false},
	{"active", "Active", []string{"UNBLOCKED", "DELETE_PENDING", "TIER_UPDATE_PENDING"}, false},
	{"waiting", "Waiting for payment", []string{"ON_HOLD", "REJECTED"}, false},
	{"blocked", "Payment needed or blocked", []string{"BLOCKED", "PROD_ONLY_BLOCKED"}, false},
	{"ended", "Ended", nil, true},
}

// ViewCalled returns the view of this name, and the first for any other.
func ViewCalled(name string) View {
	for _, v := range Views {
		if v.Name == name {
			return v
		}
	}
	return Views[0]
}
