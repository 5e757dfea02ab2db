package entitle

// Rest waits until nothing is done beside the calls.
func (g *Gate) Rest() { g.background.Wait() }

// Quotas returns how many quotas are in use.
func (g *Gate) Quotas() int { return len(g.quotas.list()) }
