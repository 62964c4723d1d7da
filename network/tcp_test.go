package network

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"testing"
	"time"
)

func TestTCP(t *testing.T) {
	for name, n := range map[string]TCP{"plain": {}, "TLS": {TLS: selfSigned(t)}} {
		t.Run(name, func(t *testing.T) {
			ln, err := n.Listen("127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			seen := make(chan []byte, 1)
			go func() {
				conn, err := ln.Accept()
				if err != nil {
					close(seen)
					return
				}
				defer conn.Close()
				text, _ := io.ReadAll(conn)
				seen <- text
			}()
			conn, err := n.Dial(t.Context(), ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			if _, isTLS := conn.(*tls.Conn); isTLS != (n.TLS != nil) {
				t.Errorf("dialled a %T", conn)
			}
			if _, err := io.WriteString(conn, "hello"); err != nil {
				t.Fatal(err)
			}
			conn.Close()
			if text := <-seen; !bytes.Equal(text, []byte("hello")) {
				t.Errorf("the other end read %q", text)
			}
		})
	}
}

func TestDialEndsWithContext(t *testing.T) {
	for name, n := range map[string]TCP{"plain": {}, "TLS": {TLS: &tls.Config{}}} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := n.Dial(ctx, "127.0.0.1:1"); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// selfSigned returns a configuration that serves both sides.
func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, RootCAs: roots}
}
