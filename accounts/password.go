package accounts

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of a password's hash: argon2id as OWASP asks for at least. Each takes
// its memory for some 20 ms, so only a few are made at once.
const (
	argonTime    = 2
	argonMemory  = 19 << 10 // KiB
	argonThreads = 1
	argonKey     = 32
	argonSalt    = 16
	hashesAtOnce = 4
)

// The length of a password, in characters.
const (
	shortestPassword = 10
	longestPassword  = 200
)

// hashing holds a place for every hash that is being made.
var hashing = make(chan struct{}, hashesAtOnce)

// nobody is a hash that no password fits: what an unknown name is checked
// against, so that it takes as long as a known one.
var nobody = encode(make([]byte, argonSalt), make([]byte, argonKey))

// hashPassword returns the hash of a password, with a salt of its own.
func hashPassword(ctx context.Context, password string) (string, error) {
	salt := make([]byte, argonSalt)
	rand.Read(salt) //nolint:errcheck // it never fails (crypto/rand)
	key, err := stretch(ctx, password, salt)
	if err != nil {
		return "", err
	}
	return encode(salt, key), nil
}

// passwordFits reports whether password made hash. It takes as long when hash is
// "" as when it is not.
func passwordFits(ctx context.Context, password, hash string) (bool, error) {
	known := hash != ""
	if !known {
		hash = nobody
	}
	salt, want, err := decode(hash)
	if err != nil {
		return false, err
	}
	got, err := stretch(ctx, password, salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && known, nil
}

// stretch waits for its turn and computes the hash.
func stretch(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case hashing <- struct{}{}:
	}
	defer func() { <-hashing }()
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey), nil
}

// argonForm is how a hash is written down, its costs first, so that they can be
// raised and older hashes still be read.
const argonForm = "$argon2id$v=19$m=19456,t=2,p=1$"

func encode(salt, key []byte) string {
	return argonForm + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(key)
}

func decode(hash string) (salt, key []byte, err error) {
	text, ok := strings.CutPrefix(hash, argonForm)
	first, second, two := strings.Cut(text, "$")
	if !ok || !two {
		return nil, nil, fmt.Errorf("accounts: a password's hash has an unknown form")
	}
	if salt, err = base64.RawStdEncoding.DecodeString(first); err != nil {
		return nil, nil, fmt.Errorf("accounts: a password's hash: %w", err)
	}
	if key, err = base64.RawStdEncoding.DecodeString(second); err != nil {
		return nil, nil, fmt.Errorf("accounts: a password's hash: %w", err)
	}
	return salt, key, nil
}
