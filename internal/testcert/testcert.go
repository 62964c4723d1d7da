package testcert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Authority signs certificates. It is safe for concurrent use.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey

	mu     sync.Mutex // guards issued
	issued map[string]tls.Certificate
}

// Default returns the one authority that is made for a process.
var Default = sync.OnceValue(func() *Authority { return New("slotmesh tests") })

// New makes another authority. Like all of this package, it panics if the system has no
// random numbers.
func New(name string) *Authority {
	a := &Authority{key: newKey(), issued: make(map[string]tls.Certificate)}
	template := template(name)
	template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
	a.cert = must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey,
		a.key))))
	return a
}

func newKey() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }

func template(name string) *x509.Certificate {
	serial := must(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)))
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true,
		NotBefore: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:  time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

// Issue returns a certificate, of servers and clients, for hosts: IP addresses and DNS
// names. It is the same one for the same hosts.
func (a *Authority) Issue(hosts ...string) tls.Certificate {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := strings.Join(hosts, " ")
	if cert, ok := a.issued[id]; ok {
		return cert
	}
	cert := a.Sign(nil, hosts...)
	a.issued[id] = cert
	return cert
}

// Sign is Issue of a new certificate each time, which change may change before it is
// signed: to let it expire, say.
func (a *Authority) Sign(change func(*x509.Certificate), hosts ...string) tls.Certificate {
	name := "client"
	if len(hosts) > 0 {
		name = hosts[0]
	}
	t := template(name)
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, host)
		}
	}
	if change != nil {
		change(t)
	}
	key := newKey()
	der := must(x509.CreateCertificate(rand.Reader, t, a.cert, &key.PublicKey, a.key))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: must(x509.ParseCertificate(der))}
}

// Pool returns the authority as roots.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// Server returns what a listener at hosts presents; clients need no certificate.
func (a *Authority) Server(hosts ...string) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.Issue(hosts...)}, ClientCAs: a.Pool()}
}

// Client returns what a client needs that trusts the authority and presents certs.
func (a *Authority) Client(certs ...tls.Certificate) *tls.Config {
	return &tls.Config{RootCAs: a.Pool(), Certificates: certs}
}

// Files are certificates as PEM files.
type Files struct{ CA, Cert, Key string }

// Replace writes another certificate, and its key, into the files.
func (f Files) Replace(cert tls.Certificate) {
	writePEM(f.Cert, "CERTIFICATE", cert.Certificate[0])
	writePEM(f.Key, "PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(cert.PrivateKey)))
}

func writePEM(path, kind string, der []byte) {
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		panic(err)
	}
}

// Write writes cert, its key and the authority into a folder as NAME.crt, NAME.key and
// ca.crt.
func (a *Authority) Write(dir, name string, cert tls.Certificate) Files {
	f := Files{filepath.Join(dir, "ca.crt"), filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")}
	writePEM(f.CA, "CERTIFICATE", a.cert.Raw)
	f.Replace(cert)
	return f
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
