package sandbox

import "io"

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// random returns n letters and digits that nobody can guess.
func (s *Server) random(n int) string {
	text := make([]byte, 0, n)
	buf := make([]byte, 2*n)
	for len(text) < n {
		if _, err := io.ReadFull(s.rand, buf); err != nil {
			panic("sandbox: no randomness: " + err.Error()) // crypto/rand never fails
		}
		for _, b := range buf {
			if b &= 63; int(b) < len(alphabet) && len(text) < n {
				text = append(text, alphabet[b])
			}
		}
	}
	return string(text)
}

// newID returns a fresh id for an object of that kind.
func (s *Server) newID(name string) string {
	k := s.kinds[name]
	return k.prefix + s.random(k.random)
}
