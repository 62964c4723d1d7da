package bus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/slots"
)

// openTimeout is how long either end may take until the preamble has been said.
const openTimeout = 5 * time.Second

// declineTimeout is how long a refused connection has to hear so.
const declineTimeout = time.Second

// tlsHandshake is the first byte of a connection with TLS (RFC 8446 §5.1). One without
// begins with the preamble.
const tlsHandshake = 22

// Reasons why a connection is refused that no administrator has to know.
var (
	errTalkative = errors.New("it says too much before it has proved anything")
	errNoNode    = errors.New("it does not begin as the connection of a node")
)

// Dial opens a connection of the given kind to another node.
func (b *Bus) Dial(ctx context.Context, addr slots.Addr, kind Kind) (net.Conn, error) {
	raw, err := b.cfg.Network.Dial(ctx, addr.Bus())
	if err != nil {
		return nil, err
	}
	l := &link{bus: b, Conn: raw, raw: raw, kind: kind, dialled: true}
	err = peer.Handshake(ctx, raw, func() error { return l.begin(b.policy.Load(), b.cfg.ID()) })
	if isRefusal(err) {
		err = fmt.Errorf("%w (%w)", errRefused, err)
	}
	if err != nil {
		if errors.Is(err, errRefused) || errors.Is(err, errFalseProof) || isUntrusted(err) {
			b.warnDialled(addr.Bus(), kind, err)
		}
		return nil, err
	}
	if err := b.hand(l); err != nil {
		raw.Close()
		return nil, err
	}
	return l, nil
}

// begin is the dialling end's part: all that it says before the kind's own protocol.
func (l *link) begin(p *policy, self slots.NodeID) error {
	l.raw.SetDeadline(time.Now().Add(openTimeout))
	if p.wanted(l.kind).encrypted {
		if err := l.secure(p); err != nil {
			return err
		}
	}
	preamble := newPreamble(l.kind, self)
	if _, err := l.Conn.Write(preamble[:]); err != nil {
		return err
	}
	return l.raw.SetDeadline(time.Time{})
}

// secure shows the accepting end what the policy asks for, and asks it for the same.
func (l *link) secure(p *policy) error {
	config := p.proven
	if p.certifies(l.kind) {
		config = p.client
	}
	conn := tls.Client(l.raw, config)
	if err := conn.Handshake(); err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	state := conn.ConnectionState()
	if state.NegotiatedProtocol != protocol {
		return errNoNode
	}
	if p.secret != nil {
		if err := p.secret.prove(conn, &state); err != nil {
			return err
		}
	}
	l.Conn, l.evidence = conn, p.wanted(l.kind)
	return nil
}

// greet is the accepting end's part, for one connection: it finds out who dialled and what
// for, and passes the connection on.
func (b *Bus) greet(raw net.Conn) {
	l := &link{bus: b, raw: raw}
	from, err := l.receive(b.policy.Load())
	if !b.arrivals.remove(raw) {
		return // StopListening has closed it, or it had to make room
	}
	accept := b.accept[l.kind]
	if err == nil && accept == nil {
		err = errNoNode
	}
	if err == nil {
		if err = b.admit(l.kind, from); err != nil {
			b.warnAccepted(raw.RemoteAddr(), fmt.Errorf("for %s: %w", l.kind, err))
		}
	}
	if err == nil {
		err = b.hand(l)
	}
	if err != nil {
		b.refuse(l, from, err)
		return
	}
	accept(l, from)
}

// refuse closes a connection, and tells those that have to know.
func (b *Bus) refuse(l *link, from slots.NodeID, err error) {
	var unproven *reason
	if errors.As(err, &unproven) || isUntrusted(err) {
		b.warnAccepted(l.raw.RemoteAddr(), err)
	} else {
		b.cfg.Logger.Debug("refused a bus connection", "from", l.raw.RemoteAddr(), "kind", l.kind, "node", from,
			"error", err)
	}
	l.raw.Close()
}

// receive reads a connection until it knows which node has dialled.
func (l *link) receive(p *policy) (from slots.NodeID, err error) {
	l.raw.SetDeadline(time.Now().Add(openTimeout))
	g := &greeting{Conn: l.raw, left: maxGreeting}
	l.Conn = g
	first, err := readByte(l.Conn)
	if err == nil && first == tlsHandshake {
		g.first = []byte{first}
		first, err = l.receiveProof(p, g)
	}
	if err != nil {
		return from, err
	}
	if from, err = l.takePreamble(p, first); err != nil {
		return from, l.decline(err)
	}
	g.left = -1
	if !l.encrypted {
		l.Conn = l.raw
	}
	return from, l.raw.SetDeadline(time.Time{})
}

// takePreamble reads the preamble, whose first byte is first, as far as it is one, and as
// far as the evidence allows. It sets the kind of the connection.
func (l *link) takePreamble(p *policy, first byte) (from slots.NodeID, err error) {
	head := preamble{first}
	if head[0] != magic[0] {
		return from, errNoNode
	}
	if _, err := io.ReadFull(l.Conn, head[1:len(magic)]); err != nil {
		return from, err
	}
	if string(head[:len(magic)-1]) != magic[:len(magic)-1] {
		return from, errNoNode
	}
	if err := p.refuse(&l.evidence); err != nil {
		return from, err
	}
	if head[len(magic)-1] != magic[len(magic)-1] {
		return from, errOtherVersion
	}
	if _, err := io.ReadFull(l.Conn, head[len(magic):]); err != nil {
		return from, err
	}
	kind, from, ok := head.decode()
	if !ok {
		return from, errNoNode
	}
	if err := p.refuseKind(kind, &l.evidence); err != nil {
		return from, err
	}
	l.kind = kind
	return from, nil
}

// receiveProof reads what the dialling end shows over TLS, and the byte after it.
func (l *link) receiveProof(p *policy, g *greeting) (next byte, err error) {
	if p.server == nil {
		return 0, l.decline(errNoTLS)
	}
	conn := tls.Server(g, p.server)
	if err := conn.Handshake(); err != nil {
		return 0, fmt.Errorf("TLS: %w", err)
	}
	state := conn.ConnectionState()
	if state.NegotiatedProtocol != protocol {
		return 0, errNoNode
	}
	l.Conn = conn
	l.evidence = evidence{encrypted: true, certificate: len(state.PeerCertificates) > 0}
	return l.takeProof(p, &state)
}

// takeProof takes in the proof of the dialling end, if there is one, and the byte after it.
func (l *link) takeProof(p *policy, state *tls.ConnectionState) (next byte, err error) {
	first, err := readByte(l.Conn)
	if err != nil || first != sayProof {
		return first, err
	}
	if l.key, err = checkProof(l.Conn, state, p.secret, p.old); err != nil {
		return 0, l.decline(err)
	}
	return readByte(l.Conn)
}

// decline tells the dialling end that it is refused, if that is why it ends, and returns
// err. It takes in what that end has said meanwhile: with bytes that nobody has read, the
// system would break the connection, and the refusal could be lost.
func (l *link) decline(err error) error {
	var r *reason
	if !errors.As(err, &r) {
		return err
	}
	if _, failed := l.Conn.Write(refusal); failed == nil {
		l.raw.SetReadDeadline(time.Now().Add(declineTimeout))
		io.CopyN(io.Discard, l.raw, maxGreeting)
	}
	return err
}

// isUntrusted reports whether the certificate of the other end is the reason.
func isUntrusted(err error) bool {
	var untrusted *tls.CertificateVerificationError
	return errors.As(err, &untrusted)
}

func readByte(conn net.Conn) (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(conn, b[:])
	return b[0], err
}
