package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	maxFile  = 4 << 20 // bytes; a bundle of all public authorities has 200 KiB
	maxFiles = 1000    // in a folder of authorities
)

// readFile reads a PEM file.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("it is longer than %d bytes, that is no PEM file", maxFile)
	}
	return b, err
}

// loadPair reads a certificate, with what leads to its authority, and its private key. The
// directives of the two files and of the password are those with the prefix.
func loadPair(prefix, certFile, keyFile, password string) (*tls.Certificate, error) {
	certPEM, err := readFile(certFile)
	if err != nil {
		return nil, &Error{prefix + "cert-file", certFile, err}
	}
	keyPEM, err := readFile(keyFile)
	if err != nil {
		return nil, &Error{prefix + "key-file", keyFile, err}
	}
	if keyPEM, err = decryptKey(keyPEM, []byte(password)); err != nil {
		if errors.Is(err, errPassword) {
			err = fmt.Errorf("%w, see %skey-file-pass", err, prefix)
		}
		return nil, &Error{prefix + "key-file", keyFile, err}
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, &Error{prefix + "cert-file", certFile, fmt.Errorf("with the private key of %s: %w", keyFile, err)}
	}
	return &pair, nil
}

// decryptKey returns a PEM text with the private key that is the first in text, in plain.
func decryptKey(text, password []byte) ([]byte, error) {
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, errors.New("it has no private key in PEM form")
		}
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue // parameters of a curve, certificates
		}
		key, err := decryptBlock(block, password)
		if err != nil {
			return nil, err
		}
		return pem.EncodeToMemory(key), nil
	}
}

var (
	errPassword     = errors.New("the private key is encrypted")
	errNoPassword   = fmt.Errorf("%w and no password is configured", errPassword)
	errBadPassword  = fmt.Errorf("%w with another password, or broken", errPassword)
	errBadEncrypted = errors.New("the form of the encrypted private key is not understood")
)

func decryptBlock(block *pem.Block, password []byte) (*pem.Block, error) {
	//nolint:staticcheck // the old form of OpenSSL, which redis-server reads: the file is the operator's own
	old := x509.IsEncryptedPEMBlock(block)
	switch {
	case !old && block.Type != "ENCRYPTED PRIVATE KEY":
		return block, nil
	case len(password) == 0:
		return nil, errNoPassword
	case old:
		//nolint:staticcheck // as above
		der, err := x509.DecryptPEMBlock(block, password)
		if err != nil {
			return nil, errBadPassword
		}
		return &pem.Block{Type: block.Type, Bytes: der}, nil
	}
	der, err := decryptPKCS8(block.Bytes, password)
	if err != nil {
		return nil, err
	}
	return &pem.Block{Type: "PRIVATE KEY", Bytes: der}, nil
}

// hashed is the form of the names that c_rehash gives.
var hashed = regexp.MustCompile(`^[0-9a-f]{8}\.[0-9]+$`)

// authorityFiles returns the files of a folder that hold authorities.
func authorityFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, e := range entries {
		name := e.Name()
		if ext := filepath.Ext(name); ext == ".pem" || ext == ".crt" || hashed.MatchString(name) {
			list = append(list, filepath.Join(dir, name))
		}
	}
	if len(list) > maxFiles {
		return nil, fmt.Errorf("it has %d files with certificates, more than %d", len(list), maxFiles)
	}
	return list, nil
}

// loadAuthorities reads the certificates of those that sign others.
func loadAuthorities(file, dir string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if file != "" {
		if err := addAuthorities(pool, file); err != nil {
			return nil, &Error{"tls-ca-cert-file", file, err}
		}
	}
	if dir == "" {
		return pool, nil
	}
	list, err := authorityFiles(dir)
	if err == nil && len(list) == 0 {
		err = errors.New("it has no certificates: no file *.pem or *.crt, or named by c_rehash")
	}
	if err != nil {
		return nil, &Error{"tls-ca-cert-dir", dir, err}
	}
	for _, name := range list {
		if err := addAuthorities(pool, name); err != nil {
			return nil, &Error{"tls-ca-cert-dir", name, err}
		}
	}
	return pool, nil
}

func addAuthorities(pool *x509.CertPool, name string) error {
	rest, err := readFile(name)
	if err != nil {
		return err
	}
	found := false
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" && block.Type != "TRUSTED CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return err
		}
		pool.AddCert(cert)
		found = true
	}
	if !found {
		return errors.New("it has no certificate in PEM form")
	}
	return nil
}
