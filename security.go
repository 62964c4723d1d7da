package slotmesh

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/slotmesh/slotmesh/internal/bus"
	"github.com/slotmesh/slotmesh/internal/conf"
	"github.com/slotmesh/slotmesh/internal/tlsfiles"
	"github.com/slotmesh/slotmesh/slots"
)

// validateTLS also fills in ClientTLS.
func (c *Config) validateTLS() error {
	addr := c.Clients.TLSAddr
	switch {
	case addr != "" && c.TLS == nil:
		return fmt.Errorf("slotmesh: Config.Clients.TLSAddr is %q, but Config.TLS is nil: set the certificates that the "+
			"node presents", addr)
	case c.TLS == nil:
		return nil
	case !tlsfiles.HasCertificate(c.TLS):
		return errors.New("slotmesh: Config.TLS has no certificate: set Certificates, GetCertificate or " +
			"GetConfigForClient")
	}
	if addr != "" {
		if _, _, err := splitAddr("Clients.TLSAddr", addr); err != nil {
			return err
		}
	}
	if c.ClientTLS == nil {
		c.ClientTLS = tlsfiles.ForDialling(c.TLS)
	}
	if asks := c.TLS.ClientAuth >= tls.VerifyClientCertIfGiven; asks && c.TLS.ClientCAs == nil &&
		c.TLS.VerifyConnection == nil && c.TLS.VerifyPeerCertificate == nil {
		return errors.New("slotmesh: Config.TLS verifies the certificates of clients by those authorities that the system " +
			"trusts: set ClientCAs to your own")
	}
	return nil
}

// busSecurity returns what nodes have to show each other. The secret may be in a file,
// which is read anew each time.
func (c *Config) busSecurity() (bus.Security, error) {
	s := bus.Security{Secret: c.Secret, OldSecret: c.OldSecret, TLS: c.TLS, ClientTLS: c.ClientTLS}
	if s.TLS == nil && c.tls.enabled() && c.tls.files != nil { // since CONFIG SET
		s.TLS, s.ClientTLS = c.tls.files.Server(), c.tls.files.Client()
	}
	if c.secretFile != "" {
		secret, err := c.readSecret()
		if err != nil {
			return s, err
		}
		if s.Secret != "" && s.Secret != secret {
			return s, fmt.Errorf("Secret: %s has another secret: remove one of them", c.secretFile)
		}
		s.Secret = secret
	}
	switch {
	case c.BusTLS || c.tls.cluster:
		s.Certified = []bus.Kind{bus.Gossip, bus.Replication, bus.Migration, bus.Calls, bus.Messages,
			bus.Invalidations, bus.Forming}
	case c.tls.replication:
		s.Certified = []bus.Kind{bus.Replication, bus.Migration}
	}
	return s, nil
}

// readSecret reads the secret of the cluster from its file: all of it, but for spaces and
// line breaks around.
func (c *Config) readSecret() (string, error) {
	path := c.secretFile
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.Dir, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("Secret: cluster-secret-file: %w", err)
	}
	defer f.Close()
	const maxSecretFile = 4 << 10
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("Secret: cluster-secret-file: %w", err)
	case len(text) > maxSecretFile:
		return "", fmt.Errorf("Secret: cluster-secret-file: %s has more than %d bytes: it should have the secret only",
			path, maxSecretFile)
	}
	secret := strings.TrimSpace(string(text))
	if err := bus.CheckSecret(secret); err != nil {
		return "", fmt.Errorf("Secret: cluster-secret-file: %s: %w", path, err)
	}
	return secret, nil
}

// The checks of the directives.

func checkSecret(text string) error {
	if text == "" {
		return nil
	}
	return bus.CheckSecret(text)
}

func checkOldSecret(text string) error {
	if text == bus.None {
		return nil
	}
	return checkSecret(text)
}

// secureBus puts the security of a configuration in force.
func (n *Node) secureBus(c *Config) error {
	s, err := c.busSecurity()
	if err != nil {
		return err
	}
	if err := n.bus.Secure(s); err != nil {
		return err
	}
	if s.OldSecret == bus.None && (s.Secret != "" || s.Certified != nil) {
		n.log.Warn("connections of nodes that prove nothing are accepted still; when all nodes have the secret, set " +
			`cluster-secret-old to ""`)
	}
	return nil
}

// errBare refuses to take the last protection off a bus that other machines reach: it
// cannot move to the loopback address while the node runs.
var errBare = errors.New("other machines reach the bus, and nothing would protect it any more: restart the node " +
	"without, and with protected-mode no if nobody but the nodes reaches their network")

func (n *Node) applySecurity(v *values) error {
	if !v.protectsBus() && n.isBusExposed() && !n.cfg.OpenBus {
		return errBare
	}
	if err := n.secureBus(&v.Config); err != nil {
		return err
	}
	host, _, _ := net.SplitHostPort(n.cfg.BusAddr)
	if v.protectsBus() && !n.isBusExposed() && !n.cfg.Standalone && !conf.IsLoopback(host) {
		n.log.Warn("the bus listens on the loopback address still: restart the node with what protects it now, so that "+
			"other machines can join", "instead of", n.cfg.BusAddr)
	}
	return nil
}

// isBusExposed reports whether the bus listens for other machines: see listenBus.
func (n *Node) isBusExposed() bool {
	host, _, _ := net.SplitHostPort(n.cfg.BusAddr)
	return !n.cfg.Standalone && (n.cfg.protectsBus() || n.cfg.OpenBus) && !conf.IsLoopback(host)
}

// protectsBus reports whether strangers who reach the bus can do nothing there.
func (c *Config) protectsBus() bool {
	return c.Secret != "" || c.secretFile != "" || c.BusTLS || c.tls.cluster
}

// listenBus opens the port for other nodes, and sets n.addr. A machine that reaches a bus that
// nothing protects reads and writes everything: unless that is wanted in so many words,
// no other machine does.
func (n *Node) listenBus() error {
	addr := n.cfg.BusAddr
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("slotmesh: Config.BusAddr: %w", err)
	}
	confined := !n.isBusExposed() && !conf.IsLoopback(host)
	if confined {
		addr = net.JoinHostPort("127.0.0.1", port)
	}
	ln, err := n.bus.Listen(addr)
	if err != nil {
		return fmt.Errorf("slotmesh: Config.BusAddr: %w", err)
	}
	_, n.addr.BusPort = hostPort(ln)
	if confined {
		n.log.Warn("other machines cannot join this node: nothing protects the bus, on which nodes talk, so it listens "+
			"on the loopback address only; start with the same cluster-secret on all nodes (\"slotmesh secret\" makes one), "+
			"or with tls-cluster yes, or with protected-mode no if nobody but the nodes reaches their network", "bus", ln,
			"instead of", n.cfg.BusAddr)
	}
	return nil
}

// tlsSettings are the directives of TLS.
type tlsSettings struct {
	tlsfiles.Options
	port                 int  // 0: clients have no TLS
	replication, cluster bool // connections between nodes have it, of some kinds or of all
	busOnly              bool // Config.TLS is for these alone
	files                *tlsfiles.Files
}

// enabled reports whether anything uses TLS.
func (t *tlsSettings) enabled() bool { return t.port != 0 || t.replication || t.cluster }

func (t *tlsSettings) options() tlsfiles.Options {
	o := t.Options
	o.Peers = t.replication || t.cluster
	return o
}

func tlsAuth(a *tlsfiles.Auth) conf.Parsed {
	return conf.Parsed{Show: func() string { return tlsfiles.AuthNames[*a] }, Set: func(text string) {
		*a = tlsfiles.Auth(slices.Index(tlsfiles.AuthNames[:], text))
	}}
}

// finishTLS reads the files of TLS, if it is asked for.
func (v *values) finishTLS(s *conf.Settings, host string) error {
	t := &v.tls
	t.files = tlsfiles.Unread(v.Logger.Named("tls"))
	if !t.enabled() {
		return nil
	}
	var wrong *tlsfiles.Error
	if err := t.files.Set(t.options()); errors.As(err, &wrong) {
		at := cmp.Or(s.Where(wrong.Directive), s.Where("tls-port"), s.Where("tls-cluster"), s.Where("tls-replication"))
		return &conf.Error{At: at, Name: wrong.Directive, Value: wrong.Value, Err: wrong.Err}
	}
	v.TLS, v.ClientTLS = t.files.Server(), t.files.Client()
	addr := net.JoinHostPort(host, strconv.Itoa(t.port))
	switch {
	case t.port == 0:
		t.busOnly = true
	case s.Int("port") == 0:
		v.Addr = addr
	default:
		v.Clients.TLSAddr = addr
	}
	return nil
}

// credentials are the arguments of AUTH for other nodes' client ports: masteruser and
// masterauth or, without these, the password that this node asks for itself.
func (n *Node) credentials() []string {
	user, password := "", ""
	if n.settings != nil {
		user, password = n.settings.text.String("masteruser"), n.settings.text.String("masterauth")
	}
	if password == "" {
		user, password = "", n.values().Clients.Password
	}
	switch {
	case password == "":
		return nil
	case user == "":
		return []string{password}
	}
	return []string{user, password}
}

// migrateTLS says how MIGRATE reaches another server: with TLS if that is what a node of
// the cluster speaks at this port, or all that this node sends to others is encrypted.
func (n *Node) migrateTLS(target string) (addr string, cfg *tls.Config) {
	v := n.values()
	addr, byTLS := migrateAddr(n.Map(), target, v.BusTLS || v.tls.cluster)
	if byTLS {
		_, cfg = n.tlsConfigs()
	}
	return addr, cfg
}

// migrateAddr returns where and how MIGRATE reaches target, "host:port". always says that
// keys leave over TLS only (tls-cluster). A tool names a node by the port that is for the
// tool's own kind of connection, so either port of a node means this node.
func migrateAddr(m *slots.Map, target string, always bool) (addr string, byTLS bool) {
	if m == nil {
		return target, always
	}
	for _, node := range m.Nodes() {
		switch a := node.Addr; {
		case a.TLSPort == 0:
		case target == a.ClientTLS(), always && target == a.Client():
			return a.ClientTLS(), true
		case target == a.Client():
			return target, false
		}
	}
	return target, always
}

// Authorize checks whether somebody may look at the node by another way than the Redis
// protocol, such as a page of the host's: that password is the one of user, and that the
// user may run all of the commands, each a line such as "CLUSTER SHARDS". Without a user it
// is the default one's password (requirepass); without both it is nil if the node asks its
// clients for no password, and the default user may run the commands.
//
// The error is a [client.ReplyError] with the code NOAUTH, WRONGPASS or NOPERM, or says why
// the node serves nobody.
func (n *Node) Authorize(user, password string, commands ...string) error {
	if err := n.engine.Refused(); err != nil {
		return err
	}
	return replyErrorOf(n.server.Authorize(user, password, commands))
}
