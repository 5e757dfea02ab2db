package vault

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// errKeyForm says how a key must look, for whoever configures one.
var errKeyForm = errors.New("must be 64 hex digits or the base64 of 32 bytes; `openssl rand -hex 32` makes one")

// ParseKey reads a key from text: 64 hex digits, or the base64 of 32 bytes in
// any of the usual spellings.
func ParseKey(text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	if key, err := hex.DecodeString(text); err == nil && len(key) == keySize {
		return checked(key)
	}
	bare := strings.TrimRight(text, "=")
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if key, err := enc.DecodeString(bare); err == nil && len(key) == keySize {
			return checked(key)
		}
	}
	return nil, errKeyForm
}

// checked refuses a key of one repeated byte: somebody's placeholder.
func checked(key []byte) ([]byte, error) {
	for _, b := range key {
		if b != key[0] {
			return key, nil
		}
	}
	return nil, errKeyForm
}

// LoadKey returns the key in value (TOLLGATE_SECRET_KEY) when that is set. Else
// it reads the key from file, which it makes, for its owner alone, when it is
// not there. With neither it fails.
func LoadKey(value, file string) ([]byte, error) {
	if value != "" {
		key, err := ParseKey(value)
		if err != nil {
			return nil, fmt.Errorf("TOLLGATE_SECRET_KEY %w", err)
		}
		return key, nil
	}
	if file == "" {
		return nil, fmt.Errorf("TOLLGATE_SECRET_KEY is not set: it %w", errKeyForm)
	}
	key, err := readKey(file)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeKey(file); err != nil {
			return nil, fmt.Errorf("vault: make %s: %w", file, err)
		}
		key, err = readKey(file)
	}
	return key, err
}

func readKey(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("vault: others can read %s; run `chmod 600 %s`", file, file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	key, err := ParseKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("vault: the key in %s %w", file, err)
	}
	return key, nil
}

// makeKey writes a new key to file, whole or not at all, and never over another
// one: when two processes start at once, both then read the key of the first.
func makeKey(file string) error {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".secret.key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // a leftover does no harm
	if err := writeKey(tmp); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

func writeKey(f *os.File) error {
	key := make([]byte, keySize)
	rand.Read(key) //nolint:errcheck // it never fails (crypto/rand)
	_, err := f.WriteString(hex.EncodeToString(key) + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}

// syncDir makes the new name in dir survive a power cut: what is sealed with a
// key that is lost is lost too.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
