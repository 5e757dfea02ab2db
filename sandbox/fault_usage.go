package sandbox

import "path"

// mismeter is how an accepted meter event of that name goes wrong, if it does.
func (s *Server) mismeter(account, name string) (Fault, bool) {
	s.faultLock.Lock()
	defer s.faultLock.Unlock()
	return s.strike(func(f Fault) bool {
		fits, _ := path.Match(f.MeterEvent, name) // Inject checked the pattern
		return f.MeterEvent != "" && fits && f.befalls(account)
	})
}
