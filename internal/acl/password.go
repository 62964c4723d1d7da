package acl

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"slices"
)

// hash is the SHA-256 of a password.
type hash [sha256.Size]byte

func (h hash) String() string { return hex.EncodeToString(h[:]) }

func hashOf(password string) hash { return sha256.Sum256([]byte(password)) }

// parseHash reads a hash as #hash and !hash have it: lower case only, as Redis demands.
func parseHash(s string) (h hash, err error) {
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'F' {
			return h, errHash
		}
	}
	if len(s) != hex.EncodedLen(len(h)) {
		return h, errHash
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return h, errHash
	}
	return h, nil
}

// matches reports whether a hash is among those of a user. The time that it takes depends
// on how many there are, not on which one matches, nor on where they differ.
func matches(list []hash, h hash) bool {
	found := 0
	for i := range list {
		found |= subtle.ConstantTimeCompare(list[i][:], h[:])
	}
	return found == 1
}

// maxPasswordBits is the longest password of ACL GENPASS.
const maxPasswordBits = 4096

// GeneratePassword returns a random password of so many bits as hexadecimal digits, for
// ACL GENPASS, which asks for 256 unless told otherwise. The error is the reply's text.
func GeneratePassword(bits int64) (string, error) {
	if bits <= 0 || bits > maxPasswordBits {
		return "", fmt.Errorf("ACL GENPASS argument must be the number of bits for the output password, a positive "+
			"number up to %d", maxPasswordBits)
	}
	digits := int(bits+3) / 4
	random := make([]byte, (digits+1)/2)
	rand.Read(random) // never fails
	return hex.EncodeToString(random)[:digits], nil
}

func (r *Rules) addPassword(h hash) {
	r.passwords = append(r.passwords, h)
	r.nopass = false
}

func (r *Rules) removePassword(h hash) error {
	before := len(r.passwords)
	r.passwords = slices.DeleteFunc(r.passwords, func(p hash) bool { return p == h })
	if len(r.passwords) == before {
		return errNoPassword
	}
	return nil
}
