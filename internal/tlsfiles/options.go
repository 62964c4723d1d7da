package tlsfiles

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
)

// Options are the tls-… directives of Redis 7.0. Paths are relative to the working
// directory.
type Options struct {
	Cert, Key, KeyPass                   string // PEM; KeyPass: "" if the key is not encrypted
	ClientCert, ClientKey, ClientKeyPass string // presented where the node dials; default: those above
	CAFile, CADir                        string // the authorities that sign the certificates of others
	Auth                                 Auth   // what is asked of clients
	Protocols                            string // words such as "TLSv1.2 TLSv1.3", which is the default
	Ciphers                              string // of TLS 1.2 and older, as OpenSSL names them; default: safe ones
	NoTickets                            bool   // no session is resumed
	Peers                                bool   // connections between nodes use the certificates too
}

// Auth says what is asked of clients.
type Auth uint8

const (
	AuthYes      Auth = iota // a certificate that one of the authorities signed
	AuthOptional             // the same if they have one
	AuthNo                   // nothing
)

// AuthNames are the words of tls-auth-clients, in the order of the constants.
var AuthNames = [...]string{"yes", "optional", "no"}

func (a Auth) clientAuth() tls.ClientAuthType {
	return [...]tls.ClientAuthType{tls.RequireAndVerifyClientCert, tls.VerifyClientCertIfGiven, tls.NoClientCert}[a]
}

// Error says which directive cannot be obeyed.
type Error struct {
	Directive string // such as "tls-cert-file"
	Value     string // never a password
	Err       error
}

func (e *Error) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%s: %v", e.Directive, e.Err)
	}
	return fmt.Sprintf("%s %q: %v", e.Directive, e.Value, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// check finds what is missing.
func (o *Options) check() error {
	switch {
	case o.Cert == "":
		return &Error{"tls-cert-file", "", errors.New("no certificate is configured: name a PEM file")}
	case o.Key == "":
		return &Error{"tls-key-file", "", errors.New("no private key is configured: name a PEM file")}
	case (o.Auth != AuthNo || o.Peers) && o.CAFile == "" && o.CADir == "":
		return &Error{"tls-ca-cert-file", "", errors.New("either tls-ca-cert-file or tls-ca-cert-dir must be set while " +
			`tls-cluster or tls-replication is on, or tls-auth-clients is not "no"`)}
	case o.ClientCert != "" && o.ClientKey == "":
		return &Error{"tls-client-key-file", "", errors.New("tls-client-cert-file needs the private key too")}
	case o.ClientKey != "" && o.ClientCert == "":
		return &Error{"tls-client-cert-file", "", errors.New("tls-client-key-file needs the certificate too")}
	}
	return nil
}

var versions = [...]struct {
	name    string
	version uint16
}{{"TLSv1", tls.VersionTLS10}, {"TLSv1.1", tls.VersionTLS11}, {"TLSv1.2", tls.VersionTLS12},
	{"TLSv1.3", tls.VersionTLS13}}

// parseProtocols reads the directive tls-protocols. crypto/tls knows a range of versions,
// so nothing can be left out in the middle of it.
func parseProtocols(text string) (low, high uint16, err error) {
	if text == "" {
		return tls.VersionTLS12, tls.VersionTLS13, nil
	}
	var have [len(versions)]bool
words:
	for _, word := range strings.Fields(text) {
		for i, v := range versions {
			if strings.EqualFold(word, v.name) {
				have[i] = true
				continue words
			}
		}
		return 0, 0, fmt.Errorf("%q is no protocol: use a combination of TLSv1, TLSv1.1, TLSv1.2 and TLSv1.3", word)
	}
	for i, v := range versions {
		switch {
		case !have[i]:
		case low == 0:
			low, high = v.version, v.version
		case high != v.version-1:
			return 0, 0, fmt.Errorf("%s is left out between others: name all from the oldest to the newest",
				versions[i-1].name)
		default:
			high = v.version
		}
	}
	if low == 0 {
		return 0, 0, errors.New("no protocol is named")
	}
	return low, high, nil
}
