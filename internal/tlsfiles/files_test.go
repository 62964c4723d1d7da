package tlsfiles

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/testcert"
)

// write writes a certificate for a host, signed by a, into a folder.
func write(a *testcert.Authority, dir, host string) testcert.Files {
	return a.Write(dir, "node", a.Sign(nil, host))
}

func options(f testcert.Files) Options { return Options{Cert: f.Cert, Key: f.Key, CAFile: f.CA} }

// handshake connects a client to a server, and returns what each says of it.
func handshake(t *testing.T, server, client *tls.Config) (state tls.ConnectionState, serverErr, clientErr error) {
	t.Helper()
	host := memnet.New().Host("10.0.0.1")
	ln, err := host.Listen(":1")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	near, err := host.Dial(t.Context(), "10.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	defer far.Close()
	say := func(conn *tls.Conn) error {
		_, err := conn.Write([]byte("x"))
		if err == nil {
			_, err = conn.Read(make([]byte, 1)) // whatever the other side has against this one comes before
		}
		if err != nil {
			conn.Close() // otherwise only when both have heard each other
		}
		return err
	}
	done := make(chan error)
	go func() { done <- say(tls.Server(far, server)) }()
	c := tls.Client(near, client)
	clientErr = say(c)
	return c.ConnectionState(), <-done, clientErr
}

// presented returns the host that a server's certificate names.
func presented(t *testing.T, f *Files) string {
	t.Helper()
	state, serverErr, err := handshake(t, f.Server(), f.Client())
	if err != nil || serverErr != nil {
		t.Fatalf("handshake: %v, %v", err, serverErr)
	}
	return state.PeerCertificates[0].Subject.CommonName
}

// TestFilesAreReadAnew: nobody has to tell the node that its certificate was renewed.
func TestFilesAreReadAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, a := t.TempDir(), testcert.Default()
		files := write(a, dir, "first")
		var log bytes.Buffer
		f, err := New(options(files), hclog.New(&hclog.LoggerOptions{Output: &log}))
		if err != nil {
			t.Fatal(err)
		}
		if got := presented(t, f); got != "first" {
			t.Errorf("it presents the certificate of %q", got)
		}
		write(a, dir, "second")
		if got := presented(t, f); got != "first" {
			t.Errorf("within a second of the last look it presents the certificate of %q", got)
		}
		time.Sleep(lookEvery)
		if got := presented(t, f); got != "second" {
			t.Errorf("after the files have changed it presents the certificate of %q", got)
		}

		whole, err := os.ReadFile(files.Key)
		if err != nil {
			t.Fatal(err)
		}
		for _, broken := range []string{"", string(whole[:len(whole)/2])} {
			os.WriteFile(files.Key, []byte(broken), 0o600)
			log.Reset()
			for range 3 {
				time.Sleep(lookEvery)
				if got := presented(t, f); got != "second" {
					t.Errorf("with a broken key it presents the certificate of %q", got)
				}
			}
			if n := strings.Count(log.String(), "[WARN]"); n != 1 || !strings.Contains(log.String(), files.Key) {
				t.Errorf("%d warnings about one broken file:\n%s", n, log.String())
			}
		}
		if os.Remove(files.Key); f.Set(options(files)) == nil {
			t.Error("a key that is not there was accepted")
		}
		write(a, dir, "third")
		time.Sleep(lookEvery)
		if got := presented(t, f); got != "third" {
			t.Errorf("after the files are whole again it presents the certificate of %q", got)
		}
	})
}

// TestTrustIsReadAnew: an authority that is trusted no longer lets nobody in, not even to
// resume a session from before.
func TestTrustIsReadAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, ours, theirs := t.TempDir(), testcert.Default(), testcert.New("theirs")
		authorities := filepath.Join(dir, "authorities")
		if err := os.Mkdir(authorities, 0o700); err != nil {
			t.Fatal(err)
		}
		bundle := func(name string, a *testcert.Authority) {
			os.Rename(write(a, t.TempDir(), "x").CA, filepath.Join(authorities, name))
		}
		bundle("ours.pem", ours)
		bundle("0123abcd.0", theirs)
		os.WriteFile(filepath.Join(authorities, "README"), []byte("not one"), 0o600)
		o := options(write(ours, dir, "node"))
		o.CAFile, o.CADir = "", authorities
		f, err := New(o, hclog.NewNullLogger())
		if err != nil {
			t.Fatal(err)
		}
		client := ours.Client(theirs.Issue("client"))
		client.ServerName, client.ClientSessionCache = "node", tls.NewLRUClientSessionCache(1)
		for _, resumed := range []bool{false, true} {
			state, serverErr, err := handshake(t, f.Server(), client)
			if err != nil || serverErr != nil || state.DidResume != resumed {
				t.Fatalf("handshake: %v, %v, resumed %v", err, serverErr, state.DidResume)
			}
		}
		os.Remove(filepath.Join(authorities, "0123abcd.0"))
		time.Sleep(lookEvery)
		if _, serverErr, _ := handshake(t, f.Server(), client); serverErr == nil {
			t.Error("a client was let in by an authority that is trusted no longer")
		}
	})
}

func TestWhatIsAskedOfClients(t *testing.T) {
	a, stranger := testcert.Default(), testcert.New("stranger")
	files := write(a, t.TempDir(), "node")
	for _, c := range []struct {
		auth                  Auth
		none, known, stranger bool // which clients are let in
	}{
		{AuthYes, false, true, false}, {AuthOptional, true, true, false}, {AuthNo, true, true, true},
	} {
		o := options(files)
		o.Auth = c.auth
		f, err := New(o, hclog.NewNullLogger())
		if err != nil {
			t.Fatal(err)
		}
		for client, want := range map[*tls.Config]bool{
			a.Client(): c.none, a.Client(a.Issue("client")): c.known, a.Client(stranger.Issue("client")): c.stranger,
		} {
			client.ServerName = "node"
			if len(client.Certificates) > 0 { // it is presented whatever authorities the server names
				client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					return &client.Certificates[0], nil
				}
			}
			if _, err, _ := handshake(t, f.Server(), client); (err == nil) != want {
				t.Errorf("%s: %d certificates: %v, want %v", AuthNames[c.auth], len(client.Certificates), err, want)
			}
		}
	}
}

func TestDialling(t *testing.T) {
	a, stranger := testcert.Default(), testcert.New("stranger")
	dir := t.TempDir()
	o := options(write(a, dir, "node"))
	client := a.Write(dir, "client", a.Sign(func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}, "the-client"))
	o.ClientCert, o.ClientKey = client.Cert, client.Key
	f, err := New(o, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	var shown string
	server := a.Server("any.name.at.all")
	server.ClientAuth = tls.RequireAndVerifyClientCert
	server.VerifyConnection = func(s tls.ConnectionState) error {
		shown = s.PeerCertificates[0].Subject.CommonName
		return nil
	}
	if _, serverErr, err := handshake(t, server, f.Client()); err != nil || serverErr != nil || shown != "the-client" {
		t.Errorf("dialling: %v, %v, as %q", err, serverErr, shown)
	}
	expired := stranger.Server("node")
	expired.Certificates[0] = a.Sign(func(c *x509.Certificate) { c.NotAfter = c.NotBefore.AddDate(0, 0, 1) }, "node")
	old := a.Server("node")
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	o.Protocols = "TLSv1.3"
	for name, server := range map[string]*tls.Config{
		"a stranger": stranger.Server("node"), "expired": expired, "old": old,
	} {
		f, err := New(o, hclog.NewNullLogger())
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = handshake(t, server, f.Client())
		if err == nil {
			t.Errorf("%s: the server was accepted", name)
		}
		var untrusted *tls.CertificateVerificationError // what the bus logs
		if errors.As(err, &untrusted) != (name != "old") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

func TestErrorsNameTheDirective(t *testing.T) {
	a := testcert.Default()
	dir := t.TempDir()
	files, other := write(a, dir, "node"), a.Write(t.TempDir(), "other", a.Sign(nil, "other"))
	empty := filepath.Join(dir, "empty")
	os.Mkdir(empty, 0o700)
	for _, c := range []struct {
		change          func(o *Options)
		directive, text string
	}{
		{func(o *Options) { o.Cert = "" }, "tls-cert-file", "no certificate"},
		{func(o *Options) { o.Key = "" }, "tls-key-file", "no private key"},
		{func(o *Options) { o.CAFile = "" }, "tls-ca-cert-file", "tls-auth-clients"},
		{func(o *Options) { o.CAFile, o.Auth, o.Peers = "", AuthNo, true }, "tls-ca-cert-file", "tls-cluster"},
		{func(o *Options) { o.Cert = "/none" }, "tls-cert-file", "no such file"},
		{func(o *Options) { o.Cert = dir }, "tls-cert-file", "is a directory"},
		{func(o *Options) { o.Cert = o.Key }, "tls-cert-file", "certificate"},
		{func(o *Options) { o.Key = o.Cert }, "tls-key-file", "no private key"},
		{func(o *Options) { o.Key = other.Key }, "tls-cert-file", "does not match"},
		{func(o *Options) { o.CAFile = o.Key }, "tls-ca-cert-file", "no certificate"},
		{func(o *Options) { o.CADir = empty }, "tls-ca-cert-dir", "no certificates"},
		{func(o *Options) { o.CADir = "/none" }, "tls-ca-cert-dir", "no such file"},
		{func(o *Options) { o.ClientCert = o.Cert }, "tls-client-key-file", "needs"},
		{func(o *Options) { o.ClientKey = o.Key }, "tls-client-cert-file", "needs"},
		{func(o *Options) { o.ClientCert, o.ClientKey = o.Cert, other.Key }, "tls-client-cert-file", "does not match"},
		{func(o *Options) { o.Protocols = "TLSv1.4" }, "tls-protocols", "TLSv1.4"},
		{func(o *Options) { o.Protocols = "TLSv1.1 TLSv1.3" }, "tls-protocols", "TLSv1.2 is left out"},
		{func(o *Options) { o.Protocols = " " }, "tls-protocols", "no protocol"},
		{func(o *Options) { o.Ciphers = "RC4-MD5" }, "tls-ciphers", "RC4-MD5"},
		{func(o *Options) { o.Ciphers = "!MEDIUM" }, "tls-ciphers", "no cipher"},
	} {
		o := options(files)
		c.change(&o)
		_, err := New(o, hclog.NewNullLogger())
		var e *Error
		if !errors.As(err, &e) || e.Directive != c.directive || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%+v:\n got %v\nwant %s … %s", o, err, c.directive, c.text)
		}
	}
	f := Unread(hclog.NewNullLogger())
	if _, err, _ := handshake(t, f.Server(), &tls.Config{ServerName: "node"}); !errors.Is(err, errUnread) {
		t.Errorf("without files: %v", err)
	}
}

func TestProtocolsAndCiphers(t *testing.T) {
	for text, want := range map[string][2]uint16{
		"": {tls.VersionTLS12, tls.VersionTLS13}, "TLSv1.3": {tls.VersionTLS13, tls.VersionTLS13},
		"tlsv1.3 TLSV1.2":               {tls.VersionTLS12, tls.VersionTLS13},
		"TLSv1 TLSv1.1 TLSv1.2 TLSv1.3": {tls.VersionTLS10, tls.VersionTLS13},
	} {
		if low, high, err := parseProtocols(text); err != nil || [2]uint16{low, high} != want {
			t.Errorf("%q: %x, %x, %v", text, low, high, err)
		}
	}
	for text, want := range map[string]int{
		"": 0, "DEFAULT:!MEDIUM": 10, "HIGH:!aNULL:!MD5:@STRENGTH": 10,
		"ECDHE-RSA-AES128-GCM-SHA256": 1, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,ECDHE-RSA-AES128-GCM-SHA256": 1,
		"DEFAULT:!ECDHE-RSA-AES128-SHA:-ECDHE-RSA-AES256-SHA": 8,
	} {
		if suites, err := parseCiphers(text); err != nil || len(suites) != want {
			t.Errorf("%q: %d ciphers, %v; want %d", text, len(suites), err, want)
		}
	}
	o := options(write(testcert.Default(), t.TempDir(), "node"))
	o.Protocols, o.Ciphers = "TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384"
	f, err := New(o, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	state, _, err := handshake(t, f.Server(), f.Client())
	if err != nil || state.Version != tls.VersionTLS12 ||
		state.CipherSuite != tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 {
		t.Errorf("negotiated %s, %s, %v", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite), err)
	}
}
