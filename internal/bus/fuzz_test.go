package bus

import (
	"bytes"
	"crypto/tls"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// script is a connection whose other end says what is written down, whatever it hears.
type script struct {
	net.Conn
	says  *bytes.Reader
	heard bytes.Buffer
}

func (s *script) Read(b []byte) (int, error)     { return s.says.Read(b) }
func (s *script) Write(b []byte) (int, error)    { return s.heard.Write(b) }
func (*script) Close() error                     { return nil }
func (*script) SetDeadline(time.Time) error      { return nil }
func (*script) SetReadDeadline(time.Time) error  { return nil }
func (*script) SetWriteDeadline(time.Time) error { return nil }
func (*script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *script) consumed(data []byte) (n int)   { return len(data) - s.says.Len() }
func newScript(data []byte) (s *script)          { return &script{says: bytes.NewReader(data)} }
func (s *script) link() (l *link)                { return &link{raw: s, Conn: s} }
func policyOf(f *testing.F, s Security) (p *policy) {
	p, err := newPolicy(s, &policy{}, newCertificate)
	if err != nil {
		f.Fatal(err)
	}
	return p
}

// FuzzReceive gives the accepting end any bytes. It takes no more of them than the preamble
// of a node, and only if no evidence is asked for.
func FuzzReceive(f *testing.F) {
	open, secret, changing := policyOf(f, Security{}), policyOf(f, Security{Secret: secretA}),
		policyOf(f, Security{Secret: secretA, OldSecret: None})
	hello := newScript(nil)
	tls.Client(hello, secret.proven).Handshake()
	for _, seed := range [][]byte{
		nil, first(Gossip, 1), first(Calls, 2)[:20], first('?', 1), first(Gossip, 0), []byte("SMB\x01g"), refusal,
		hello.heard.Bytes(), hello.heard.Bytes()[:100], append(first(Migration, 3), "a frame"...),
		{tlsHandshake, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff}, {tlsHandshake, 3, 3, 0, 0}, {21, 3, 3, 0, 2, 2, 49},
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, p := range []*policy{open, changing, secret} {
			s := newScript(data)
			l := s.link()
			from, err := l.receive(p)
			if err != nil {
				if n := len(data) - maxGreeting - 1; n > 0 && s.says.Len() < n-maxGreeting {
					t.Errorf("%d of %d bytes were read", s.consumed(data), len(data))
				}
				continue
			}
			if p == secret {
				t.Error("a connection is accepted that proves nothing")
			}
			want := newPreamble(l.kind, from)
			if !bytes.HasPrefix(data, want[:]) || from.IsZero() {
				t.Errorf("%q is taken for %q", data, want)
			}
			if n := s.consumed(data); n != len(want) {
				t.Errorf("%d bytes were read, %d are the preamble", n, len(want))
			}
			if s.heard.Len() > 0 {
				t.Errorf("it answers with %q", s.heard.Bytes())
			}
		}
	})
}

// FuzzProof gives the accepting end any bytes after the TLS handshake. Only a proof of this
// very connection is answered, and followed by a preamble.
func FuzzProof(f *testing.F) {
	p := policyOf(f, Security{Secret: secretA, OldSecret: secretB})
	near, far := net.Pipe()
	server, client := tls.Server(near, p.server), tls.Client(far, p.proven)
	go client.Handshake()
	if err := server.Handshake(); err != nil {
		f.Fatal(err)
	}
	state := server.ConnectionState()
	for _, k := range []key{p.secret, p.old, make(key, 32)} {
		for _, side := range []string{dialling, accepting} {
			proof, err := k.proof(side, &state)
			if err != nil {
				f.Fatal(err)
			}
			seed := slices.Concat([]byte{sayProof}, proof, first(Gossip, 1))
			f.Add(seed)
			f.Add(seed[:30])
			f.Add(append(seed[:proofSize:proofSize], seed...))
		}
	}
	f.Add(first(Gossip, 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := newScript(data)
		l := s.link()
		l.encrypted = true
		next, err := l.takeProof(p, &state)
		if err == nil {
			var from slots.NodeID
			if from, err = l.takePreamble(p, next); err == nil && from.IsZero() {
				t.Error("a node without an id is accepted")
			}
		}
		proven := false
		for _, k := range []key{p.secret, p.old} {
			proof, _ := k.proof(dialling, &state)
			proven = proven || bytes.HasPrefix(data, append([]byte{sayProof}, proof...))
		}
		if err == nil && !proven {
			t.Errorf("accepted without a proof: %q", data)
		}
		if answer := s.heard.Bytes(); !proven && len(answer) > 0 && !bytes.Equal(answer, refusal) {
			t.Errorf("it answers %q with %q", data, answer)
		}
	})
}
