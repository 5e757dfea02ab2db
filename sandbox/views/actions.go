package views

// An Action is something that a person does to an object by hand.
type Action struct {
	Name, Title string
	Text        string // what it leads to
	To          string // where the form goes
	Button      string
	Danger      bool // it is asked for twice
	Fields      []ActionField
}

// An ActionField is one thing to say about an action: chosen from Options
// (value and text), or typed where there are none.
type ActionField struct {
	Name, Label    string
	Options        [][2]string
	Value, Problem string
}

// faulty reports whether something is wrong with what was typed.
func (a Action) faulty() bool {
	for _, f := range a.Fields {
		if f.Problem != "" {
			return true
		}
	}
	return false
}
