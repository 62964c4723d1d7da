package server

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/testcert"
)

// toldConn tells of each write before it makes it.
type toldConn struct {
	net.Conn
	writing chan struct{}
}

func (c *toldConn) Write(b []byte) (int, error) {
	select {
	case c.writing <- struct{}{}:
	default:
	}
	return c.Conn.Write(b)
}

// TestCloseDoesNotWaitForAnswersOfTLS: a client that asks for new keys (RFC 8446, 4.6.3)
// and does not take the answer keeps the server from saying goodbye, not from closing. It
// is in real time: with testing/synctest none passes while a mutex of package tls is waited
// for.
func TestCloseDoesNotWaitForAnswersOfTLS(t *testing.T) {
	srv := startServer(t, Config{})
	near, far := net.Pipe()
	server := testcert.Default().Server("10.0.0.1")
	server.SessionTicketsDisabled = true
	told := &toldConn{far, make(chan struct{}, 1)}
	go srv.ServeConn(tls.Server(told, server))
	var keys bytes.Buffer
	client := tls.Client(near, &tls.Config{InsecureSkipVerify: true, KeyLogWriter: &keys})
	if got := ping(client); got != "+PONG\r\n" {
		t.Fatal(got)
	}
	if suite := client.ConnectionState().CipherSuite; suite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skipf("this machine prefers %s", tls.CipherSuiteName(suite))
	}
	<-told.writing // of the handshake, or PONG
	if _, err := near.Write(keyUpdateRequest(t, keys.String())); err != nil {
		t.Fatal(err)
	}
	<-told.writing // the answer, which nobody takes
	closed := make(chan struct{})
	go func() {
		srv.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(20 * time.Second):
		near.Close()
		t.Fatal("Close waits for the client")
	}
}

// keyUpdateRequest returns the second record that a client sends after the handshake: a
// KeyUpdate that asks for one in return.
func keyUpdateRequest(t *testing.T, keyLog string) []byte {
	_, after, ok := strings.Cut(keyLog, "CLIENT_TRAFFIC_SECRET_0 ")
	words := strings.Fields(after)
	if !ok || len(words) < 2 {
		t.Fatalf("key log %q", keyLog)
	}
	secret, err := hex.DecodeString(words[1])
	if err != nil {
		t.Fatal(err)
	}
	expand := func(label string, n int) []byte {
		info := "\x00" + string(rune(n)) + string(rune(len("tls13 "+label))) + "tls13 " + label + "\x00"
		b, err := hkdf.Expand(sha256.New, secret, info, n)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	block, err := aes.NewCipher(expand("key", 16))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	message := []byte{24, 0, 0, 1, 1, 22} // key_update, its length, update_requested; a handshake record
	header := []byte{23, 3, 3, 0, byte(len(message) + aead.Overhead())}
	nonce := expand("iv", 12)
	nonce[11] ^= 1 // the number of the record
	return aead.Seal(header, nonce, message, header)
}
