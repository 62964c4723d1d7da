package main

import (
	"crypto/tls"
	"flag"

	"github.com/slotmesh/slotmesh/internal/tlsfiles"
)

// tlsFlags are the flags about TLS, with the names and the meaning that they have for
// redis-cli.
type tlsFlags struct {
	on         bool
	fromSource bool // import's source is reached with TLS, too
	options    tlsfiles.ClientOptions
}

func (t *tlsFlags) declare(f *flag.FlagSet) {
	o := &t.options
	f.BoolVar(&t.on, "tls", false, "connect with TLS: addresses have the nodes' TLS ports")
	f.StringVar(&o.CACert, "cacert", "", "`file` with the authorities that sign the nodes' certificates (the system's "+
		"without it)")
	f.StringVar(&o.CACertDir, "cacertdir", "", "`folder` with such files")
	f.StringVar(&o.Cert, "cert", "", "`file` with the certificate to present")
	f.StringVar(&o.Key, "key", "", "`file` with its private key")
	f.StringVar(&o.SNI, "sni", "", "`name` that the nodes' certificates are for (the host of each address without it)")
	f.BoolVar(&o.Insecure, "insecure", false, "take any certificate: an impostor would be sent the password")
	f.StringVar(&o.Ciphers, "tls-ciphers", "", "`list` of ciphers of TLS 1.2 to choose from, with colons between")
}

// declareSource declares what import has besides: one set of files is for both ends.
func (t *tlsFlags) declareSource(f *flag.FlagSet) {
	f.BoolVar(&t.fromSource, "cluster-from-tls", false, "connect to the source with TLS, by the same --cacert, --cert …; "+
		"--tls is about the cluster only")
}

// configs returns the TLS to connect with to the cluster and to import's source, nil for
// none.
func (t *tlsFlags) configs() (cluster, source *tls.Config, err error) {
	if !t.on && !t.fromSource {
		if t.options != (tlsfiles.ClientOptions{}) {
			return nil, nil, usagef("there are flags about TLS, but not --tls: without it, nothing is encrypted")
		}
		return nil, nil, nil
	}
	cfg, err := t.options.Config()
	if t.on {
		cluster = cfg
	}
	if t.fromSource {
		source = cfg
	}
	return cluster, source, err
}
