package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/slotmesh/slotmesh/internal/guard"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/slots"
)

// accepted is what the node that a call is meant for answers to its own id.
const accepted = 'y'

// acceptCalls serves a connection on which another node calls.
func (b *Bus) acceptCalls(conn net.Conn, from slots.NodeID) {
	b.answering.Go(func() {
		defer guard.Recover("calls", b.cfg.OnPanic)
		b.addCaller(conn, from)
		defer b.removeCaller(conn, from)
		err := peer.Handshake(b.life, conn, func() error { return b.acceptID(conn) })
		if err != nil {
			b.cfg.Logger.Debug("refused a connection for calls", "from", conn.RemoteAddr(), "error", err)
			return
		}
		peer.Serve(b.life, conn, b.cfg.Answer)
	})
}

// acceptID reads which node the caller wants, and accepts if it is this one.
func (b *Bus) acceptID(conn net.Conn) error {
	var wanted slots.NodeID
	conn.SetDeadline(time.Now().Add(openTimeout))
	if _, err := io.ReadFull(conn, wanted[:]); err != nil {
		return err
	}
	if wanted != b.cfg.ID() {
		return fmt.Errorf("it wants node %s", wanted)
	}
	if _, err := conn.Write([]byte{accepted}); err != nil {
		return err
	}
	conn.SetDeadline(time.Time{})
	return nil
}

// Call sends a request to another node and returns its reply. The connection is opened by
// the first call, and kept. Nothing has been done if the error matches peer.ErrNotSent.
func (b *Bus) Call(ctx context.Context, id slots.NodeID, addr slots.Addr, r *peer.Request) ([]byte, error) {
	conn, err := b.calls.Get(ctx, peer.Target{ID: id, Addr: addr})
	if err != nil {
		return nil, err
	}
	return conn.Call(ctx, r)
}

// dialCalls opens a connection for calls to another node.
func (b *Bus) dialCalls(ctx context.Context, to peer.Target) (*peer.Conn, error) {
	conn, err := b.Dial(ctx, to.Addr, Calls)
	if err != nil {
		return nil, err
	}
	if err := peer.Handshake(ctx, conn, func() error { return askForID(conn, to.ID) }); err != nil {
		return nil, err
	}
	return peer.NewConn(conn, b.cfg.Silence), nil
}

// askForID says which node is wanted, and fails unless that one accepts.
func askForID(conn net.Conn, id slots.NodeID) error {
	if _, err := conn.Write(id[:]); err != nil {
		return explainEnd(err)
	}
	var answer [1]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return explainEnd(err)
	}
	if answer[0] != accepted {
		return errors.New("it is another node")
	}
	return nil
}

// explainEnd says why the accepting end may have closed a connection for calls. It is seen
// at the first read, or at a write before it.
func explainEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("it closed the connection before it answered: it is another node, or does not take this one "+
			"for a member of its cluster (%w)", err)
	}
	return err
}
