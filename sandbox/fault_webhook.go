package sandbox

import (
	"context"
	"path"
)

// mislay is how the delivery of p goes wrong, if it does. A delivery that was
// delayed is not delayed again, and an endpoint has one that is held at most:
// of two, the second is what the first waits for.
func (s *Server) mislay(p parcel) (Fault, bool) {
	s.faultLock.Lock()
	defer s.faultLock.Unlock()
	f, struck := s.strike(func(f Fault) bool {
		fits, _ := path.Match(f.Webhook, p.eventType) // Inject checked the pattern
		if f.Webhook == "" || !fits || !f.befalls(p.account) {
			return false
		}
		delays := f.How == howLate || f.How == howReorder
		return !(delays && s.delayed[p.id]) && !(f.How == howReorder && s.held[p.endpoint] != 0)
	})
	if !struck {
		return f, false
	}
	if f.How == howLate || f.How == howReorder {
		s.delayed[p.id] = true
	}
	if f.How == howReorder {
		s.held[p.endpoint] = p.id
	}
	return f, true
}

// sentOne notes that p was sent, and returns the delivery that was held until then,
// 0 for none.
func (s *Server) sentOne(p parcel) (release int64) {
	s.faultLock.Lock()
	defer s.faultLock.Unlock()
	delete(s.delayed, p.id)
	release = s.held[p.endpoint]
	delete(s.held, p.endpoint)
	if release == p.id {
		return 0
	}
	return release
}

// twist renders p again as f says it is to be mistaken.
func (s *Server) twist(ctx context.Context, p *parcel, f Fault) error {
	if p.version = ""; f.How == howVersion && f.Version != nullVersion {
		p.version = version(f.Version)
	}
	p.twist = func(event tree) {
		switch {
		case objectOf(event) == "v2.core.event" && f.How == howVersion: // thin events name no version
		case f.Version == nullVersion:
			event["api_version"] = nil
		case f.How == howMode:
			flipMode(event)
		}
	}
	return s.read(ctx, "", func(t *tx) error { return t.pack(p) })
}

// flipMode makes a test event, and the object in it, one of live mode.
func flipMode(event tree) {
	event["livemode"] = true
	if data, ok := event["data"].(tree); ok {
		if object, ok := data["object"].(tree); ok && object["livemode"] != nil {
			object["livemode"] = true
		}
	}
}
