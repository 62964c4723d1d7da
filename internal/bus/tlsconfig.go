package bus

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"time"
)

// protocol is negotiated by ALPN, so that a connection to the bus is not taken for one to
// the client port with the same certificates, or the other way round.
const protocol = "slotmesh-bus"

// newCertificate makes the certificate of a node that has no other. It is in memory only
// and names nobody: with a secret, it is the proofs that say who is at the other end.
func newCertificate() (tls.Certificate, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0),
		NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, private.Public(), private)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, err
}

// configure makes the configurations of both ends.
func (p *policy) configure(s Security, own func() (tls.Certificate, error)) error {
	if len(p.certified) > 0 {
		if err := s.checkCertificates(); err != nil {
			return err
		}
	}
	if s.TLS != nil && s.trusts() { // understood before it is demanded, so that nodes can change one after the other
		p.server = serverConfig(s.TLS)
		p.client = clientConfig(s.ClientTLS)
	}
	if p.secret == nil && p.old == nil {
		return nil
	}
	cert, err := own()
	if err != nil {
		return err
	}
	if p.server == nil {
		p.server = busConfig(&tls.Config{Certificates: []tls.Certificate{cert}})
	}
	p.proven = busConfig(&tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the proofs verify, see doc.go
	return nil
}

// checkCertificates finds configurations with which any certificate of the world would do.
func (s *Security) checkCertificates() error {
	switch {
	case s.TLS == nil || s.ClientTLS == nil:
		return errors.New("there are no certificates for the bus: set Config.TLS (tls-cert-file, tls-key-file)")
	case !s.trusts():
		return errors.New("no authority is named whose certificates nodes must have: set ClientCAs of Config.TLS and " +
			"RootCAs of Config.ClientTLS (tls-ca-cert-file)")
	}
	return nil
}

// trusts reports whether both ends have something to verify the other's certificate by.
func (s *Security) trusts() bool {
	asks := s.TLS.ClientCAs != nil || s.TLS.GetConfigForClient != nil
	c := s.ClientTLS
	return asks && c != nil && (c.RootCAs != nil && !c.InsecureSkipVerify || c.VerifyConnection != nil ||
		c.VerifyPeerCertificate != nil)
}

// busConfig makes what holds for every connection of the bus: TLS 1.3, and each of them
// begins anew, so that each has keying material of its own.
func busConfig(c *tls.Config) *tls.Config {
	c.MinVersion, c.MaxVersion = tls.VersionTLS13, 0
	c.NextProtos = []string{protocol}
	c.SessionTicketsDisabled, c.ClientSessionCache, c.WrapSession, c.UnwrapSession = true, nil, nil, nil
	c.DynamicRecordSizingDisabled = true // data come in large writes
	c.Renegotiation = tls.RenegotiateNever
	return c
}

// serverConfig verifies the certificate of the dialling end if it shows one: what it must
// show depends on the kind of connection, which it says later.
func serverConfig(from *tls.Config) *tls.Config {
	c := busConfig(from.Clone())
	c.ClientAuth = tls.VerifyClientCertIfGiven
	if c.ClientCAs == nil {
		c.ClientCAs = x509.NewCertPool() // not those of the system
	}
	if verify := from.VerifyConnection; verify != nil {
		c.VerifyConnection = func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 { // from may rely on ClientAuth that there is one
				return nil
			}
			return verify(state)
		}
	}
	if from.GetConfigForClient != nil {
		c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			now, err := from.GetConfigForClient(hello)
			if err != nil || now == nil {
				return nil, err
			}
			now = now.Clone()
			now.GetConfigForClient = nil
			return serverConfig(now), nil
		}
	}
	return c
}

// clientConfig verifies the certificate of the accepting end, but not its name unless from
// has one.
func clientConfig(from *tls.Config) *tls.Config {
	c := busConfig(from.Clone())
	if c.ServerName != "" || c.InsecureSkipVerify {
		return c
	}
	c.InsecureSkipVerify, c.VerifyPeerCertificate = true, nil //nolint:gosec // verified below
	c.VerifyConnection = func(state tls.ConnectionState) error {
		chains, err := verifyChain(from, state.PeerCertificates)
		if err == nil && from.VerifyPeerCertificate != nil {
			err = from.VerifyPeerCertificate(rawCertificates(state.PeerCertificates), chains)
		}
		if err == nil && from.VerifyConnection != nil {
			err = from.VerifyConnection(state)
		}
		return err
	}
	return c
}

// verifyChain verifies what an accepting end presents by the roots of c.
func verifyChain(c *tls.Config, presented []*x509.Certificate) ([][]*x509.Certificate, error) {
	options := x509.VerifyOptions{Roots: c.RootCAs, Intermediates: x509.NewCertPool()}
	if c.Time != nil {
		options.CurrentTime = c.Time()
	}
	for _, cert := range presented[1:] {
		options.Intermediates.AddCert(cert)
	}
	chains, err := presented[0].Verify(options)
	if err != nil {
		return nil, &tls.CertificateVerificationError{UnverifiedCertificates: presented, Err: err}
	}
	return chains, nil
}

func rawCertificates(list []*x509.Certificate) (raw [][]byte) {
	for _, cert := range list {
		raw = append(raw, cert.Raw)
	}
	return raw
}
