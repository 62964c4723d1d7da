package bus

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
)

const (
	// exporterLabel names the keying material of a connection that proofs are made of: the
	// exporter of TLS 1.3 (RFC 8446 §7.5), used for channel binding as RFC 9266 describes.
	exporterLabel = "EXPORTER-slotmesh-bus"
	// binding is the length of that material, in bytes.
	binding = 32

	// Each end proves under a label of its own, so that no proof can be sent back.
	dialling  = "slotmesh bus: the dialling end"
	accepting = "slotmesh bus: the accepting end"

	// keySalt and keyRounds make a key of a secret (PBKDF2, RFC 8018). All nodes must agree on
	// both. The rounds cost a node some 10 ms at its start, and an attacker that tries a list of secrets
	// as much for each.
	keySalt   = "slotmesh cluster secret"
	keyRounds = 1 << 14

	// sayProof is what the dialling end says before its proof, and takesProof what the
	// accepting end says before its own. A preamble in the place of the former means that the
	// dialling end has no secret.
	sayProof   = 'P'
	takesProof = 'y'
)

// MinSecret is how many bytes a secret has at least.
const MinSecret = 16

// CheckSecret returns an error that says why a text is no secret.
func CheckSecret(secret string) error {
	if len(secret) < MinSecret {
		return fmt.Errorf("a cluster secret has at least %d bytes, this one has %d: \"slotmesh secret\" makes one",
			MinSecret, len(secret))
	}
	return nil
}

// key is what proofs are made with.
type key []byte

func newKey(secret string) (key, error) {
	if err := CheckSecret(secret); err != nil {
		return nil, err
	}
	return pbkdf2.Key(sha256.New, secret, []byte(keySalt), keyRounds, sha256.Size)
}

// equal compares keys; nil stands for "no secret".
func (k key) equal(other key) bool { return subtle.ConstantTimeCompare(k, other) == 1 }

// proof is what one end of a connection shows the other: that it has the secret, and that
// it is the end of this very connection.
func (k key) proof(side string, conn *tls.ConnectionState) ([]byte, error) {
	material, err := conn.ExportKeyingMaterial(exporterLabel, nil, binding)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte(side))
	mac.Write(material)
	return mac.Sum(nil), nil
}

// errFalseProof is the end of a connection to something that takes any proof, but has none.
var errFalseProof = errors.New("the node at this address does not know the cluster secret: it may be an impostor")

// prove is the dialling end's part: it shows its proof first, since it is the one that
// wants something.
func (k key) prove(conn net.Conn, state *tls.ConnectionState) error {
	own, err := k.proof(dialling, state)
	if err != nil {
		return err
	}
	if _, err := conn.Write(append([]byte{sayProof}, own...)); err != nil {
		return err
	}
	var answer [1 + sha256.Size]byte
	if _, err := io.ReadFull(conn, answer[:1]); err != nil {
		return err
	}
	if answer[0] != takesProof {
		return errRefused
	}
	if _, err := io.ReadFull(conn, answer[1:]); err != nil {
		return err
	}
	want, err := k.proof(accepting, state)
	if err != nil {
		return err
	}
	if !hmac.Equal(answer[1:], want) {
		return errFalseProof
	}
	return nil
}

// checkProof is the accepting end's part, after sayProof. It returns which of keys the
// proof was made with, and has answered with a proof by the same one. An end without a
// secret gets no answer that it could try secrets on.
func checkProof(conn net.Conn, state *tls.ConnectionState, keys ...key) (key, error) {
	var got [sha256.Size]byte
	if _, err := io.ReadFull(conn, got[:]); err != nil {
		return nil, err
	}
	var found key
	for _, k := range keys {
		if k == nil {
			continue
		}
		want, err := k.proof(dialling, state)
		if err != nil {
			return nil, err
		}
		if hmac.Equal(got[:], want) {
			found = k
		}
	}
	if found == nil {
		return nil, errOtherSecret
	}
	own, err := found.proof(accepting, state)
	if err != nil {
		return nil, err
	}
	_, err = conn.Write(append([]byte{takesProof}, own...))
	return found, err
}
