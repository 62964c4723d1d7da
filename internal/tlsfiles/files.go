package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
)

// lookEvery is how long a handshake relies on what an earlier one has seen of the files.
const lookEvery = time.Second

// Files is certificates and keys from files. It is safe for concurrent use.
type Files struct {
	log            hclog.Logger
	server, client *tls.Config

	current atomic.Pointer[material]
	looked  atomic.Int64 // when somebody looked at the files last, in Unix nanoseconds

	mu      sync.Mutex // guards what follows; one goroutine at a time reads the files
	options Options
	refused []stamp // the state of the files that was read last and did not fit together
}

// material is what one reading of the files gave. It is never changed.
type material struct {
	stamps         []stamp
	server, client *tls.Certificate
	roots          *x509.CertPool
	config         *tls.Config // of the listening side
}

// New reads the files. Relative paths are looked up now and later, so the working
// directory must stay. The error is an [*Error].
func New(o Options, log hclog.Logger) (*Files, error) {
	f := Unread(log)
	return f, f.Set(o)
}

// Unread returns Files without any material: handshakes fail until Set.
func Unread(log hclog.Logger) *Files {
	f := &Files{log: log}
	f.server = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		m := f.fresh()
		if m == nil {
			return nil, errUnread
		}
		return m.config, nil
	}}
	f.client = f.dialling()
	return f
}

var errUnread = errors.New("no certificate is configured: set tls-cert-file and tls-key-file")

// Set reads the files that o names. If that fails, what was before goes on to be used. The
// error is an [*Error].
func (f *Files) Set(o Options) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, _, err := o.read()
	if err != nil {
		return err
	}
	f.options, f.refused = o, nil
	f.looked.Store(time.Now().UnixNano())
	f.current.Store(m)
	return nil
}

// Server returns the configuration for listening: it presents the present certificate, and
// asks of clients what the options say. It stays good for ever.
func (f *Files) Server() *tls.Config { return f.server }

// Client returns the configuration for dialling; it stays good for ever. The certificate
// of the other side must come from one of the authorities. Its names are not compared, as
// in Redis: nodes are known by who signed for them.
func (f *Files) Client() *tls.Config { return f.client }

func (f *Files) dialling() *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true, // verify does it, with the authorities of that time
		VerifyConnection: func(state tls.ConnectionState) error {
			m := f.fresh()
			switch {
			case m == nil:
				return errUnread
			case state.Version < m.config.MinVersion:
				return fmt.Errorf("the server has no newer protocol than %s", tls.VersionName(state.Version))
			}
			return verify(state.PeerCertificates, m.roots)
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			m := f.fresh()
			if m == nil {
				return nil, errUnread
			}
			return m.client, nil
		},
	}
}

// verify accepts the certificate of a server that one of the roots signed.
func verify(chain []*x509.Certificate, roots *x509.CertPool) error {
	if len(chain) == 0 {
		return errors.New("the server has presented no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between}); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err} // as crypto/tls
	}
	return nil
}

// fresh returns the material for a handshake, after a look at the files if nobody has
// looked for a while. A handshake during which another one reads takes what was before.
func (f *Files) fresh() *material {
	now, looked := time.Now().UnixNano(), f.looked.Load()
	if since := time.Duration(now - looked); since >= 0 && since < lookEvery || !f.looked.CompareAndSwap(looked, now) {
		return f.current.Load()
	}
	if f.mu.TryLock() {
		defer f.mu.Unlock()
		f.refreshLocked()
	}
	return f.current.Load()
}

// refreshLocked reads the files if they have changed.
func (f *Files) refreshLocked() {
	m := f.current.Load()
	if m == nil {
		return
	}
	stamps := f.options.stamps()
	if slices.Equal(stamps, m.stamps) || slices.Equal(stamps, f.refused) {
		return
	}
	fresh, read, err := f.options.read()
	if err != nil {
		f.refused = read
		f.log.Warn("the files of TLS have changed and cannot be used: the certificates from before stay", "error", err)
		return
	}
	f.refused = nil
	f.current.Store(fresh)
	f.log.Info("the files of TLS have changed and are in use now", "certificate", f.options.Cert,
		"not_after", fresh.server.Leaf.NotAfter)
}

// read makes material of the files. The stamps are of the state in which it found them.
func (o *Options) read() (*material, []stamp, error) {
	m := &material{stamps: o.stamps()} // before reading: what changes in between is seen at the next look
	if err := o.check(); err != nil {
		return nil, m.stamps, err
	}
	config, err := o.config()
	if err != nil {
		return nil, m.stamps, err
	}
	if m.server, err = loadPair("tls-", o.Cert, o.Key, o.KeyPass); err != nil {
		return nil, m.stamps, err
	}
	m.client = m.server
	if o.ClientCert != "" {
		if m.client, err = loadPair("tls-client-", o.ClientCert, o.ClientKey, o.ClientKeyPass); err != nil {
			return nil, m.stamps, err
		}
	}
	if m.roots, err = loadAuthorities(o.CAFile, o.CADir); err != nil {
		return nil, m.stamps, err
	}
	config.Certificates, config.ClientCAs = []tls.Certificate{*m.server}, m.roots
	m.config = config
	return m, m.stamps, nil
}

// config is the listening side without what the files hold.
func (o *Options) config() (*tls.Config, error) {
	low, high, err := parseProtocols(o.Protocols)
	if err != nil {
		return nil, &Error{"tls-protocols", o.Protocols, err}
	}
	suites, err := parseCiphers(o.Ciphers)
	if err != nil {
		return nil, &Error{"tls-ciphers", o.Ciphers, err}
	}
	c := &tls.Config{
		MinVersion: low, MaxVersion: high, CipherSuites: suites, ClientAuth: o.Auth.clientAuth(),
		SessionTicketsDisabled:      o.NoTickets,
		DynamicRecordSizingDisabled: true, // a pipeline's replies would leave in small records
	}
	// Tickets are of this configuration's own keys. By default they would be of the keys of the
	// one that GetConfigForClient belongs to, and outlive a change of the authorities.
	c.WrapSession = c.EncryptTicket
	c.UnwrapSession = c.DecryptTicket
	return c, nil
}

// stamp is what tells one state of a file from another.
type stamp struct {
	name    string
	size    int64
	changed int64 // Unix nanoseconds
	inode   any
	missing bool
}

func (o *Options) stamps() (list []stamp) {
	names := []string{o.Cert, o.Key, o.ClientCert, o.ClientKey, o.CAFile}
	if o.CADir != "" {
		more, _ := authorityFiles(o.CADir) // an error will come again
		names = append(names, more...)
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			list = append(list, stamp{name: name, missing: true})
			continue
		}
		list = append(list, stamp{name: name, size: info.Size(), changed: info.ModTime().UnixNano(), inode: inode(info)})
	}
	return list
}
