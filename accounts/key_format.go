package accounts

import (
	"crypto/rand"
	"encoding/hex"
	"hash/crc32"
	"math/big"
	"strings"

	"tollgate/internal/vault"
)

// Keys and credentials are a prefix, 43 letters and digits that hold 256 random
// bits, and 6 that are the CRC-32 (IEEE) of all before them. The prefix lets
// scanners find a leaked one, the checksum tells them and the gateway at once what
// is none, and nobody has to look it up. As a regular expression:
//
//	tg[psg]_[0-9A-Za-z]{49}
const (
	prefixProduction = "tgp_"
	prefixSandbox    = "tgs_"
	prefixCredential = "tgg_"

	keyPrefixLength = 4
	keyBodyLength   = 43
	keySumLength    = 6
	keyLength       = keyPrefixLength + keyBodyLength + keySumLength
	keyShownLength  = keyPrefixLength + 6 // of it stays readable, to tell keys apart
)

// The purposes of the keyed hashes that keys and credentials are stored as.
const (
	keyPurpose        = "api-key"
	credentialPurpose = "gateway-credential"
)

// keyDigits are the digits of base 62, in the order of their values.
const keyDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// newSecret makes a key or credential.
func newSecret(prefix string) string {
	var random [32]byte
	rand.Read(random[:]) //nolint:errcheck // it never fails (crypto/rand)
	body := prefix + base62(new(big.Int).SetBytes(random[:]), keyBodyLength)
	return body + checksum(body)
}

func checksum(body string) string {
	return base62(big.NewInt(int64(crc32.ChecksumIEEE([]byte(body)))), keySumLength)
}

// base62 writes n in so many digits.
func base62(n *big.Int, digits int) string {
	out := []byte(strings.Repeat(keyDigits[:1], digits))
	base, digit := big.NewInt(int64(len(keyDigits))), new(big.Int)
	for i := digits - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		out[i] = keyDigits[digit.Int64()]
	}
	return string(out)
}

// KeyFormed reports whether text has the form of an API key, so that only what may
// be one is looked up. It does not allocate.
func KeyFormed(text string) bool {
	return formed(text, prefixProduction) || formed(text, prefixSandbox)
}

func formed(text, prefix string) bool {
	if len(text) != keyLength || text[:keyPrefixLength] != prefix {
		return false
	}
	crc := ^uint32(0)
	for i := range keyLength {
		if i < keyLength-keySumLength {
			crc = crc32.IEEETable[byte(crc)^text[i]] ^ crc>>8 // as crc32.ChecksumIEEE, without a copy
		}
		if i >= keyPrefixLength && strings.IndexByte(keyDigits, text[i]) < 0 {
			return false
		}
	}
	crc = ^crc
	for i := keyLength - 1; i >= keyLength-keySumLength; i-- {
		if text[i] != keyDigits[crc%uint32(len(keyDigits))] {
			return false
		}
		crc /= uint32(len(keyDigits))
	}
	return true
}

// KeyTags returns the hash that API keys are known by, safe for use by many at once.
func KeyTags(v *vault.Vault) func(key string) [32]byte { return v.Tags(keyPurpose) }

// KeyHash spells what KeyTags returns as the database has it.
func KeyHash(tag [32]byte) string { return hex.EncodeToString(tag[:]) }

// KeyPrefixes returns how the keys of applications begin.
func KeyPrefixes() []string { return []string{prefixProduction, prefixSandbox} }
