package tlsdial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

// Error is why a TLS connection did not come about, and what to do.
type Error struct {
	Err    error  // of package tls, x509 or net
	Remedy string // what to change, and where
}

// Error returns the text of Err and the Remedy.
func (e *Error) Error() string { return "TLS: " + e.Err.Error() + ": " + e.Remedy }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

const (
	noTLS = "the server does not speak TLS at this port: take its TLS port (tls-port), or connect without TLS"
	// What follows names the fields of tls.Config, and the flags of the command.
	trustCA   = "trust the authority that has signed it: RootCAs (--cacert FILE)"
	otherName = "say which name the certificate has to have: ServerName (--sni NAME); or issue one for this host"
	outOfDate = "replace the certificate at the server, or set the clock of this machine"
	giveOne   = "the server asks for a certificate of the client, and none was presented: Certificates (--cert " +
		"FILE --key FILE)"
	takeAnswer = "the server did not take the client's certificate: present one of an authority that it trusts " +
		"(its tls-ca-cert-file): Certificates (--cert FILE --key FILE)"
	nothingShared = "client and server have no version of TLS or cipher in common: compare the server's tls-protocols, " +
		"tls-ciphers and tls-ciphersuites with MinVersion, MaxVersion and CipherSuites"
	brokenOff = "the server ended the connection: does it speak TLS at this port (tls-port)?"
	silent    = "the server does not answer the handshake: does it speak TLS at this port (tls-port)?"
)

// explain adds to an error what to do. It returns errors that are not about TLS as they
// are.
func (c *conn) explain(err error, shaking bool) error {
	if remedy := c.remedy(err, shaking); remedy != "" {
		return &Error{err, remedy}
	}
	return err
}

func (c *conn) remedy(err error, shaking bool) string {
	var (
		record    tls.RecordHeaderError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		op        *net.OpError
	)
	switch {
	case errors.As(err, &record):
		return noTLS
	case errors.As(err, &authority):
		return trustCA
	case errors.As(err, &name):
		return otherName
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return outOfDate
	case c.asked && !c.gave && (isAlert(err) || isEnd(err)):
		return giveOne
	case c.asked && isAlert(err):
		return takeAnswer
	case isAlert(err):
		return nothingShared
	case !shaking:
		return ""
	case isEnd(err):
		return brokenOff
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &op) && op.Timeout():
		return silent
	}
	return ""
}

// isAlert reports whether the server has said by a TLS alert that it refuses something.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// isEnd reports whether the server has closed the connection.
func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE)
}

// Plain adds to the error of a connection without TLS, which ended before its first reply,
// that the server may want TLS: it cannot say so in a protocol that the client has not
// spoken.
func Plain(err error) error {
	if !isEnd(err) {
		return err
	}
	return fmt.Errorf("%w before the first reply: if the server speaks TLS at this port, set TLS (--tls)", err)
}
