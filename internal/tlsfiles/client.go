package tlsfiles

import (
	"crypto/tls"
	"errors"
	"fmt"
)

// ClientOptions say how a program dials servers: the flags of redis-cli of these names.
type ClientOptions struct {
	CACert, CACertDir string // --cacert, --cacertdir: the authorities to trust; default: the system's
	Cert, Key         string // --cert, --key: what to present; default: nothing
	SNI               string // --sni: the name that certificates must have; default: the host that is dialled
	Insecure          bool   // --insecure: any certificate is good
	Ciphers           string // --tls-ciphers, of TLS 1.2: as OpenSSL names them; default: those that are safe
}

// Config reads the files. Other than in redis-cli, the certificate of a server must have
// the name that is dialled, or SNI: with the system's authorities, of which anybody gets a
// certificate for some name, one would otherwise be as good as another. The error is an
// *[Error] with the name of the flag.
func (o *ClientOptions) Config() (*tls.Config, error) {
	c := &tls.Config{ServerName: o.SNI, InsecureSkipVerify: o.Insecure}
	var err error
	if c.CipherSuites, err = parseCiphers(o.Ciphers); err != nil {
		return nil, &Error{"--tls-ciphers", o.Ciphers, err}
	}
	if o.CACert != "" || o.CACertDir != "" {
		if c.RootCAs, err = loadAuthorities(o.CACert, o.CACertDir); err != nil {
			return nil, asFlag(err)
		}
	}
	switch {
	case o.Cert == "" && o.Key == "":
		return c, nil
	case o.Cert == "":
		return nil, &Error{"--cert", "", errors.New("the private key of --key is for a certificate: name its file, too")}
	case o.Key == "":
		return nil, &Error{"--key", "", errors.New("the certificate of --cert needs its private key: name that file, too")}
	}
	pair, err := loadPair("tls-", o.Cert, o.Key, "")
	if errors.Is(err, errPassword) {
		return nil, &Error{"--key", o.Key, fmt.Errorf("%w: a copy without a password comes from openssl pkey -in FILE -out "+
			"COPY", errPassword)}
	}
	if err != nil {
		return nil, asFlag(err)
	}
	c.Certificates = []tls.Certificate{*pair}
	return c, nil
}

// flags are the names that directives have on the command line.
var flags = map[string]string{"tls-cert-file": "--cert", "tls-key-file": "--key", "tls-ca-cert-file": "--cacert",
	"tls-ca-cert-dir": "--cacertdir"}

// asFlag names the flag in an error about a directive.
func asFlag(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return &Error{flags[e.Directive], e.Value, e.Err}
	}
	return err
}
