package admin

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"
)

// Config says how to reach nodes and whom to tell what happens. The zero value is
// plain TCP without a password.
type Config struct {
	// Dial connects to a node at "host:port", without TLS. Default: TCP.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// TLS makes every connection one of TLS, if it is set. Each node's certificate must be
	// valid for the host that it is dialled at, or for TLS.ServerName if that is set. Nodes
	// that move keys to each other by MIGRATE do so as they are configured themselves
	// (tls-cluster), whatever is set here.
	TLS *tls.Config
	// User and Password are sent to every node that is dialled. A password without a
	// user is that of the default user.
	User, Password string
	// Timeout bounds the connecting to a node and its answer to a command. Commands that
	// move keys have a limit of their own. Default 15 s.
	Timeout time.Duration
	// OnEvent is told what is being done, one event at a time; it must not call back
	// into the Client. Default: nobody.
	OnEvent func(Event)
	// Journal keeps what an interrupted Reshard or DelNode needs to be finished by calling
	// it again, from another process too. Default: memory, which outlives the call but not
	// the process.
	Journal Journal
}

// defaultTimeout is generous: a node may be busy with a big value.
const defaultTimeout = 15 * time.Second

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Timeout < 0:
		return c, fmt.Errorf("admin: Config.Timeout is %v: use 0 for %v, or more", c.Timeout, defaultTimeout)
	case c.User != "" && c.Password == "":
		return c, fmt.Errorf("admin: Config.User is %q without a Config.Password: give both, or only the password", c.User)
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Dial == nil {
		c.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		}
	}
	if c.OnEvent == nil {
		c.OnEvent = func(Event) {}
	}
	if c.Journal == nil {
		c.Journal = &memoryJournal{}
	}
	return c, nil
}
