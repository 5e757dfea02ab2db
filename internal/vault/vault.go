// Package vault keeps secrets at rest: AES-256-GCM, bound to the tenant, table,
// column and row where they belong, so that a sealed value copied elsewhere
// does not open.
package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"sync"
)

var (
	// ErrWrongKey says that a value was sealed with another key than this vault has.
	ErrWrongKey = errors.New("vault: sealed with another key: start with the TOLLGATE_SECRET_KEY (or secret.key file) this database was made with")
	// ErrTampered says that a value was changed, or moved from where it was sealed.
	ErrTampered = errors.New("vault: the sealed value was changed or belongs elsewhere")
)

// keySize is the length of a key in bytes: AES-256.
const keySize = 32

// A Vault seals and opens values under one key. It is safe for concurrent use.
type Vault struct {
	id    string // names the key in every sealed value; tells nothing of the key itself
	check string
	tags  []byte // key of the keys of Tags
	aead  cipher.AEAD
}

// A Place is where a value is stored. A sealed value opens at its own place only.
type Place struct {
	Tenant             int64
	Table, Column, Row string
}

// Open returns the vault of a key of 32 bytes.
func Open(key []byte) (*Vault, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("vault: the key has %d bytes, not %d", len(key), keySize)
	}
	block, err := aes.NewCipher(derive(key, "seal"))
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	return &Vault{
		id:    "v1-" + hex.EncodeToString(derive(key, "id")[:4]),
		check: "v1-" + hex.EncodeToString(derive(key, "check")[:16]),
		tags:  derive(key, "tag"),
		aead:  aead,
	}, nil
}

// derive makes a key for one purpose, so that none of them says anything of the others.
func derive(key []byte, purpose string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("tollgate/vault/" + purpose))
	return mac.Sum(nil)
}

// Seal encrypts plain for at. Sealing twice gives two different texts.
func (v *Vault) Seal(at Place, plain []byte) (string, error) {
	if at.Table == "" || at.Column == "" || at.Row == "" {
		return "", fmt.Errorf("vault: incomplete place %+v", at)
	}
	return v.id + "." + base64.RawURLEncoding.EncodeToString(v.aead.Seal(nil, nil, plain, v.bind(at))), nil
}

// Open decrypts what Seal made for at. It fails with ErrWrongKey when another
// key sealed it, and with ErrTampered when it was changed or moved.
func (v *Vault) Open(at Place, sealed string) ([]byte, error) {
	id, text, found := strings.Cut(sealed, ".")
	if found && id != v.id && strings.HasPrefix(id, "v1-") {
		return nil, ErrWrongKey
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if !found || id != v.id || err != nil || strings.ContainsAny(text, "\r\n") { // base64 skips line ends
		return nil, ErrTampered
	}
	plain, err := v.aead.Open(nil, nil, raw, v.bind(at))
	if err != nil {
		return nil, ErrTampered
	}
	return plain, nil
}

// Tags returns a keyed hash for one purpose (HMAC-SHA-256), safe for use by many at
// once. What it makes of a text tells nothing of the text without this vault's key.
func (v *Vault) Tags(purpose string) func(text string) [sha256.Size]byte {
	key := derive(v.tags, purpose)
	spare := sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}
	return func(text string) (tag [sha256.Size]byte) {
		mac := spare.Get().(hash.Hash)
		mac.Reset()
		_, _ = io.WriteString(mac, text) // a hash never fails
		mac.Sum(tag[:0])
		spare.Put(mac)
		return tag
	}
}

// Check returns a value that says which key a database was made with, without
// telling anything of it. It is stored in the clear.
func (v *Vault) Check() string { return v.check }

// Verify compares a stored check value with this vault's key. It fails with ErrWrongKey.
func (v *Vault) Verify(check string) error {
	if !hmac.Equal([]byte(check), []byte(v.check)) {
		return ErrWrongKey
	}
	return nil
}

// bind writes at unambiguously: every part is preceded by its length, so that
// no two places read alike.
func (v *Vault) bind(at Place) []byte {
	out := binary.BigEndian.AppendUint64(nil, uint64(at.Tenant)) //nolint:gosec // the bits matter, not the sign
	for _, part := range []string{v.id, at.Table, at.Column, at.Row} {
		out = binary.BigEndian.AppendUint64(out, uint64(len(part)))
		out = append(out, part...)
	}
	return out
}
