package join

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/clusterproto"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/tlsdial"
	"github.com/slotmesh/slotmesh/network"
	"github.com/slotmesh/slotmesh/slots"
)

// Asker says how seeds are asked.
type Asker struct {
	Network network.Network
	Auth    []string // the arguments of AUTH, none to leave it out
	// TLS is tried first, if it is set.
	TLS *tls.Config
	// OnlyTLS says that the password must not travel in plain text: a seed that does not
	// speak TLS is asked without it.
	OnlyTLS bool
}

// BusPort asks the node at a client address, "host:port", for its id and the port of its
// bus, within peer.DialTimeout. HidesBus tells an error that says nothing about the bus;
// gossip.ErrNoBus is matched by that of a node whose answer does not have the port.
func (a *Asker) BusPort(ctx context.Context, addr string) (id slots.NodeID, port uint16, err error) {
	ctx, cancel := context.WithTimeout(ctx, peer.DialTimeout)
	defer cancel()
	text, err := a.ask(ctx, addr, a.TLS, a.Auth)
	var plain tls.RecordHeaderError
	if errors.As(err, &plain) {
		auth := a.Auth
		if a.OnlyTLS {
			auth = nil
		}
		text, err = a.ask(ctx, addr, nil, auth)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return id, 0, fmt.Errorf("asking it for the port of its bus: %w", err)
	}
	members, err := clusterproto.ParseNodes(text)
	if err != nil {
		return id, 0, err
	}
	for i := range members {
		if m := &members[i]; m.Has("myself") && m.Addr.BusPort > 0 {
			return m.ID, m.Addr.BusPort, nil
		}
	}
	return id, 0, fmt.Errorf("%w: its CLUSTER NODES does not tell the port of its bus", gossip.ErrNoBus)
}

// ask returns what the node at addr answers to CLUSTER NODES.
func (a *Asker) ask(ctx context.Context, addr string, cfg *tls.Config, auth []string) (text string, err error) {
	conn, err := tlsdial.Dial(ctx, a.Network.Dial, addr, cfg)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	err = peer.Handshake(ctx, conn, func() (err error) {
		text, err = nodesText(conn, auth)
		return err
	})
	if cfg == nil {
		err = tlsdial.Plain(err)
	}
	return text, err
}

// nodesText returns the answer to CLUSTER NODES; a refusal is a client.ReplyError, the type
// that callers of Node.Join know.
func nodesText(conn net.Conn, auth []string) (text string, err error) {
	defer func() {
		var refused resp.Error
		if errors.As(err, &refused) {
			err = client.ReplyError(refused)
		}
	}()
	c := resp.NewConn(conn)
	if len(auth) > 0 {
		if _, err := c.Do(append([]string{"AUTH"}, auth...)...); err != nil {
			return "", err
		}
	}
	reply, err := c.Do("CLUSTER", "NODES")
	if err != nil {
		return "", err
	}
	return reply.Text(), nil
}

// HidesBus reports whether an error of BusPort says that the node refuses this one as a
// client, and with which code. Its bus may be open all the same.
func HidesBus(err error) (code string, hidden bool) {
	var denied client.ReplyError
	if !errors.As(err, &denied) {
		return "", false
	}
	switch code = denied.Code(); code {
	case "DENIED", "NOAUTH", "WRONGPASS", "NOPERM":
		return code, true
	}
	return "", false
}
