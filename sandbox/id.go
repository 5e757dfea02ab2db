package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// random returns n letters and digits that nobody can guess.
func (s *Server) random(n int) string {
	s.randLock.Lock()
	defer s.randLock.Unlock()
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

// summaryID names a stretch of usage: the same stretch has the same id.
func summaryID(meter, customer string, start, step int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d %d", meter, customer, start, step))
	return "mtrusg_test_61" + hex.EncodeToString(sum[:])[:32]
}

// trimZeros takes the zeros off the end of a decimal.
func trimZeros(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
