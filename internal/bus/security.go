package bus

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
)

// Security says what the nodes of a cluster prove to each other before they talk. The zero
// value asks for nothing: everything that reaches the port is taken for a node.
type Security struct {
	// Secret is what both ends of a connection prove to know: see CheckSecret. Default: none.
	Secret string
	// OldSecret is accepted beside Secret while secrets are changed. With None, connections
	// are accepted, too, that prove nothing. Default: only Secret is accepted.
	OldSecret string
	// Certified are the kinds of connection whose ends show each other certificates, which
	// each verifies by the authorities of its own configuration.
	Certified []Kind
	// TLS is what the accepting end presents, with the authorities (ClientCAs) that it trusts,
	// and ClientTLS the same of the dialling end (RootCAs). Unless ClientTLS has a ServerName
	// or verifies by itself, a certificate may have any name: nodes come and go, as in Redis.
	TLS, ClientTLS *tls.Config
}

// None as Security.OldSecret accepts connections that prove nothing.
const None = "none"

// policy is a Security in force. It is never changed, only replaced.
type policy struct {
	from        Security
	secret, old key // nil: none
	lax         bool
	certified   []Kind

	server *tls.Config // of the accepting end; nil: no TLS
	proven *tls.Config // of the dialling end, for kinds without certificates
	client *tls.Config // of the dialling end, for kinds with certificates
}

// evidence is what the ends of a connection have shown each other.
type evidence struct {
	encrypted   bool
	key         key  // nil: no secret
	certificate bool // of the dialling end
}

// reason is why a connection is refused, for the administrator of the other node.
type reason struct{ text string }

// Error implements error.
func (r *reason) Error() string { return r.text }

var (
	errNoSecret = &reason{"it proves no cluster secret: set its cluster-secret to the one that this node has"}

	errOtherSecret = &reason{"it has another cluster secret: set the same cluster-secret on both"}

	errNoTLS = &reason{"it wants to prove a cluster secret or a certificate, and this node has neither: set " +
		"cluster-secret here to the one that it has, or tls-cluster"}
	errNoCertificate = &reason{"it shows no certificate: set tls-cluster, or tls-replication, on both"}
	errOtherVersion  = &reason{"it speaks another version of the bus: run the same release on both"}
)

// errRefused is what the dialling end gets to know of these.
var errRefused = errors.New("the other node refuses this one, most likely because of another cluster " +
	"secret, or none: its log says why")

// newPolicy validates s. What takes long comes from the policy before if it is the same.
func newPolicy(s Security, before *policy, own func() (tls.Certificate, error)) (p *policy, err error) {
	p = &policy{from: s, lax: s.OldSecret == None, certified: s.Certified}
	if p.secret, err = before.key(s.Secret); err != nil {
		return nil, fmt.Errorf("Secret: %w", err)
	}
	if !p.lax {
		if p.old, err = before.key(s.OldSecret); err != nil {
			return nil, fmt.Errorf("OldSecret: %w", err)
		}
	}
	if err := p.configure(s, own); err != nil {
		return nil, fmt.Errorf("BusTLS: %w", err)
	}
	return p, nil
}

// key returns the key of a secret, nil if there is none.
func (p *policy) key(secret string) (key, error) {
	switch secret {
	case "":
		return nil, nil
	case p.from.Secret:
		return p.secret, nil
	case p.from.OldSecret:
		if !p.lax {
			return p.old, nil
		}
	}
	return newKey(secret)
}

// refuse returns why a connection is not accepted. It does not look at the kind, for which
// refuseKind is.
func (p *policy) refuse(e *evidence) error {
	switch {
	case e.key != nil && !e.key.equal(p.secret) && !e.key.equal(p.old):
		return errOtherSecret
	case e.key == nil && p.secret != nil && !p.lax:
		return errNoSecret
	}
	return nil
}

// refuseKind returns why a connection of this kind is not accepted.
func (p *policy) refuseKind(kind Kind, e *evidence) error {
	if err := p.refuse(e); err != nil {
		return err
	}
	if p.certifies(kind) && !e.certificate && !p.lax {
		return errNoCertificate
	}
	return nil
}

func (p *policy) certifies(kind Kind) bool { return slices.Contains(p.certified, kind) }

// wanted is what the dialling end shows for a connection of this kind.
func (p *policy) wanted(kind Kind) evidence {
	return evidence{encrypted: p.secret != nil || p.certifies(kind), key: p.secret, certificate: p.certifies(kind)}
}

func (e evidence) equal(other evidence) bool {
	return e.encrypted == other.encrypted && e.certificate == other.certificate &&
		(e.key == nil) == (other.key == nil) && e.key.equal(other.key)
}
