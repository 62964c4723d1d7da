package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/network"
	"github.com/slotmesh/slotmesh/slots"
)

// DialConfig says which cluster to be a client of.
type DialConfig struct {
	// Addrs are the client addresses, "host:port", of some nodes; these name the others.
	Addrs []string
	// User and Password are what the nodes ask of clients. A password without a user is that
	// of the user "default". Default: none.
	User, Password string
	// TLS makes every connection one of TLS, if it is set; Addrs then have the nodes' TLS
	// ports, and the nodes tell those of the others. Each node's certificate must be valid
	// for the host that it is dialled at, or for TLS.ServerName if that is set. Client
	// certificates go into TLS.Certificates, or GetClientCertificate if they are replaced
	// while the client is open.
	TLS *tls.Config
	// Network is how the nodes are reached. Default: network.TCP{}.
	Network network.Network
	// Silence is how long a node that owes a reply may send nothing before its connection is
	// closed. Default 15 s.
	Silence time.Duration
}

// Client is a Router of a program that is no node. It speaks the Redis protocol to the
// nodes' client ports, and learns the map from them. It cannot call functions
// ([Router.Call]).
type Client struct {
	Router
	transport *respTransport
}

// Dial returns a client once a node has sent the map. The client keeps one connection to
// each node, which all callers share.
func Dial(ctx context.Context, cfg DialConfig) (*Client, error) {
	if len(cfg.Addrs) == 0 {
		return nil, errors.New("slotmesh: DialConfig.Addrs is empty: name at least one node")
	}
	if cfg.User != "" && cfg.Password == "" {
		return nil, fmt.Errorf("slotmesh: DialConfig.User is %q without a DialConfig.Password: give both, or only the "+
			"password", cfg.User)
	}
	if cfg.Network == nil {
		cfg.Network = network.TCP{}
	}
	if cfg.Silence <= 0 {
		cfg.Silence = defaultSilence
	}
	t := newRESPTransport(cfg)
	for _, addr := range cfg.Addrs {
		seed, err := parseAddr(addr)
		if err != nil {
			return nil, err
		}
		t.seeds = append(t.seeds, seed)
	}
	if err := t.load(ctx); err != nil {
		t.close()
		return nil, err
	}
	return &Client{Router: *NewRouter(t, nil), transport: t}, nil
}

const defaultSilence = 15 * time.Second

// Close ends the client's connections. Calls under way and later ones return ErrClosed.
func (c *Client) Close() error {
	c.transport.close()
	return nil
}

// parseAddr reads "host:port".
func parseAddr(addr string) (Endpoint, error) {
	host, text, err := net.SplitHostPort(addr)
	port, portErr := strconv.ParseUint(text, 10, 16)
	if err != nil || portErr != nil {
		return Endpoint{}, fmt.Errorf(`slotmesh: DialConfig.Addrs has %q: use "host:port"`, addr)
	}
	return Endpoint{Addr: slots.Addr{Host: host, Port: uint16(port)}}, nil
}
