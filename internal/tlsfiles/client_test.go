package tlsfiles_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/testcert"
	"github.com/slotmesh/slotmesh/internal/tlsfiles"
)

// files writes a certificate for 10.0.0.1 that a fresh authority has signed.
func files(t *testing.T) (*testcert.Authority, testcert.Files) {
	t.Helper()
	ca := testcert.New("authority")
	return ca, ca.Write(t.TempDir(), "node", ca.Issue("10.0.0.1"))
}

func TestClientOptions(t *testing.T) {
	ca, f := files(t)
	dir := t.TempDir()
	if err := os.Symlink(f.CA, filepath.Join(dir, "authority.crt")); err != nil {
		t.Fatal(err)
	}
	server := ca.Server("10.0.0.1")
	server.ClientAuth = tls.RequireAndVerifyClientCert
	for name, c := range map[string]struct {
		options tlsfiles.ClientOptions
		host    string
		good    bool
	}{
		"file":   {tlsfiles.ClientOptions{CACert: f.CA, Cert: f.Cert, Key: f.Key}, "10.0.0.1", true},
		"folder": {tlsfiles.ClientOptions{CACertDir: dir, Cert: f.Cert, Key: f.Key}, "10.0.0.1", true},
		"ciphers": {tlsfiles.ClientOptions{CACert: f.CA, Cert: f.Cert, Key: f.Key, Ciphers: "DEFAULT"}, "10.0.0.1",
			true},
		"insecure":     {tlsfiles.ClientOptions{Insecure: true, Cert: f.Cert, Key: f.Key}, "10.0.0.2", true},
		"name":         {tlsfiles.ClientOptions{CACert: f.CA, Cert: f.Cert, Key: f.Key, SNI: "10.0.0.1"}, "10.0.0.2", true},
		"other host":   {tlsfiles.ClientOptions{CACert: f.CA, Cert: f.Cert, Key: f.Key}, "10.0.0.2", false},
		"the system's": {tlsfiles.ClientOptions{Cert: f.Cert, Key: f.Key}, "10.0.0.1", false},
		"nothing":      {tlsfiles.ClientOptions{CACert: f.CA}, "10.0.0.1", false},
	} {
		cfg, err := c.options.Config()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if cfg.ServerName == "" {
			cfg.ServerName = c.host
		}
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			io.WriteString(tls.Server(far, server), "hello")
		}()
		conn := tls.Client(near, cfg)
		_, err = io.ReadFull(conn, make([]byte, 5))
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
		near.Close()
	}
}

// An error names the flag, the file and what is wrong with it.
func TestClientOptionsErrors(t *testing.T) {
	ca, f := files(t)
	other := ca.Write(t.TempDir(), "other", ca.Issue("10.0.0.2"))
	empty := t.TempDir()
	for name, c := range map[string]struct {
		options tlsfiles.ClientOptions
		says    []string
	}{
		"no such authority": {tlsfiles.ClientOptions{CACert: "none.crt"}, []string{"--cacert ", "none.crt", "no such file"}},
		"no authority":      {tlsfiles.ClientOptions{CACert: f.Key}, []string{"--cacert ", f.Key, "no certificate"}},
		"empty folder":      {tlsfiles.ClientOptions{CACertDir: empty}, []string{"--cacertdir ", empty, "no certificates"}},
		"only a key":        {tlsfiles.ClientOptions{Key: f.Key}, []string{"--cert: ", "--key"}},
		"only a cert":       {tlsfiles.ClientOptions{Cert: f.Cert}, []string{"--key: ", "--cert"}},
		"not its key":       {tlsfiles.ClientOptions{Cert: f.Cert, Key: other.Key}, []string{"--cert ", f.Cert, other.Key}},
		"no key":            {tlsfiles.ClientOptions{Cert: f.Cert, Key: f.CA}, []string{"--key ", f.CA, "private key"}},
		"encrypted": {tlsfiles.ClientOptions{Cert: f.Cert, Key: encrypted(t, f.Key)},
			[]string{"--key ", "encrypted", "openssl"}},
		"cipher": {tlsfiles.ClientOptions{Ciphers: "ROT13"}, []string{"--tls-ciphers ", "ROT13"}},
	} {
		_, err := c.options.Config()
		var of *tlsfiles.Error
		if !errors.As(err, &of) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, text := range c.says {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %q does not say %q", name, err, text)
			}
		}
	}
}

// encrypted returns a copy of a key file with a password.
func encrypted(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := pem.Decode(text)
	//nolint:staticcheck // the old form of OpenSSL, for which there is a function
	block, err := x509.EncryptPEMBlock(rand.Reader, "EC PRIVATE KEY", key.Bytes, []byte("secret"), x509.PEMCipherAES128)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "encrypted.key")
	if err := os.WriteFile(copied, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return copied
}
