package slotmesh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/slotmesh/slotmesh/internal/guard"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/slots"
)

// Calls between nodes have connections of their own on the bus. Whoever dials says, after
// the preamble, which node he wants; only that one says yes. So a request never reaches a
// stranger that has taken over an address.

// callAccepted is what the node that was wanted answers.
const callAccepted = 'y'

// acceptCalls serves a connection on which another node calls.
func (n *Node) acceptCalls(conn net.Conn) {
	n.wg.Go(func() {
		defer guard.Recover("calls", n.fail)
		err := peer.Handshake(n.life, conn, func() error {
			var wanted slots.NodeID
			conn.SetDeadline(time.Now().Add(preambleTimeout))
			if _, err := io.ReadFull(conn, wanted[:]); err != nil {
				return err
			}
			if wanted != n.ID() {
				return fmt.Errorf("it wants node %s", wanted)
			}
			_, err := conn.Write([]byte{callAccepted})
			return err
		})
		if err != nil {
			n.log.Debug("refused a connection for calls", "from", conn.RemoteAddr(), "error", err)
			return
		}
		conn.SetDeadline(time.Time{})
		peer.Serve(n.life, conn, n.answerPeer)
	})
}

// newCalls returns the connections to other nodes.
func (n *Node) newCalls() *peer.Pool[*peer.Conn] {
	quiet := max(n.cfg.NodeTimeout/2, time.Second) // how long a node may be silent while it owes an answer
	return peer.NewPool(n.life, func(ctx context.Context, to peer.Target) (*peer.Conn, error) {
		conn, err := dialBus(ctx, n.cfg.Network, to.Addr, busCalls)
		if err != nil {
			return nil, err
		}
		err = peer.Handshake(ctx, conn, func() error {
			var answer [1]byte
			if _, err := conn.Write(to.ID[:]); err != nil {
				return err
			}
			if _, err := io.ReadFull(conn, answer[:]); err != nil {
				return err
			}
			if answer[0] != callAccepted {
				return errors.New("it is another node")
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		return peer.NewConn(conn, quiet), nil
	})
}

// callPeer sends a request to another node. Nothing has been done if the error matches
// peer.ErrNotSent.
func (n *Node) callPeer(ctx context.Context, to endpoint, r *peer.Request) ([]byte, error) {
	conn, err := n.calls.Get(ctx, peer.Target{ID: to.id, Addr: to.addr})
	if err != nil {
		return nil, err
	}
	return conn.Call(ctx, r)
}
