package commands

import (
	"context"
	"net"
	"time"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// MigrateGroup is MIGRATE.
var MigrateGroup = []Command{
	{Name: "migrate", Arity: -6, Flags: Write | MovableKeys | Dangerous, Keys: KeySpec{3, 3, 1},
		KeyRange: migrateKeys, Group: "generic", Since: "2.6.0",
		KeyFlags: "RW access delete,RW access delete incomplete", Tips: "nondeterministic_output",
		Summary: "Moves keys to another server.", Run: cmdMigrate},
}

// migration is what a MIGRATE asks for (docs/spec.md §8.3).
type migration struct {
	to            address
	keys          [][]byte
	db            int64
	timeout       time.Duration
	copy, replace bool
	slot          slots.Slot
}

const defaultMigrateTimeout = time.Second

// migrateKeys finds the keys of a MIGRATE: the third argument, or what follows KEYS if
// that is empty. Both at once is a mistake and names none.
func migrateKeys(args [][]byte) (first, n int) {
	for i := 6; i < len(args); i++ {
		switch {
		case IsWord(args[i], "AUTH"):
			i++
		case IsWord(args[i], "AUTH2"):
			i += 2
		case IsWord(args[i], "KEYS") && len(args[3]) > 0:
			return 3, 0
		case IsWord(args[i], "KEYS"):
			return i + 1, len(args) - i - 1
		}
	}
	return 3, 1
}

func (c *Call) migration() (m migration, err error) {
	keys, n := migrateKeys(c.Args)
	m.keys = c.Args[keys : keys+n]
options:
	for i := 6; i < len(c.Args); i++ {
		rest := len(c.Args) - i - 1
		switch {
		case c.Word(i, "COPY"):
			m.copy = true
		case c.Word(i, "REPLACE"):
			m.replace = true
		case c.Word(i, "AUTH") && rest >= 1:
			m.to.auth, m.to.user, m.to.password = true, "", string(c.Args[i+1])
			i++
		case c.Word(i, "AUTH2") && rest >= 2:
			m.to.auth, m.to.user, m.to.password = true, string(c.Args[i+1]), string(c.Args[i+2])
			i += 2
		case c.Word(i, "KEYS") && len(c.Args[3]) > 0:
			return m, ReplyError("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string")
		case c.Word(i, "KEYS"):
			break options
		default:
			return m, ErrSyntax
		}
	}
	timeout, err := c.Number(5)
	if err != nil {
		return m, err
	}
	if m.db, err = c.Number(4); err != nil {
		return m, err
	}
	m.timeout = defaultMigrateTimeout
	if timeout > 0 {
		m.timeout = time.Duration(min(timeout, int64(24*time.Hour/time.Millisecond))) * time.Millisecond
	}
	m.to.target, m.to.tls = c.Node.MigrateTLS(net.JoinHostPort(string(c.Args[1]), string(c.Args[2])))
	return m, nil
}

// cmdMigrate is MIGRATE. While keys are on their way they can be read; a write to one of
// them waits for its end. A key is deleted here once the target has acknowledged it.
func cmdMigrate(c *Call) error {
	if err := c.routeMigrate(); err != nil {
		return err
	}
	m, err := c.migration()
	if err != nil {
		return err
	}
	if len(m.keys) == 0 {
		c.Out.Simple("NOKEY")
		return nil
	}
	export, err := c.Node.Engine.Export(&c.Access)
	if err != nil {
		return err
	}
	var taken [][]byte
	// Also after a panic: otherwise the writes that wait would wait for ever.
	defer func() { c.commitExport(export, taken) }()
	if len(export.Items) == 0 {
		c.Out.Simple("NOKEY")
		return nil
	}
	m.slot = c.Access.Slot
	if taken, err = c.Node.send(&m, export.Items); m.copy {
		taken = nil
	}
	if err != nil {
		return err
	}
	c.Out.OK()
	return nil
}

func (c *Call) commitExport(export *engine.Export, taken [][]byte) {
	if err := export.Commit(taken); err != nil {
		c.Node.Logger.Error("keys that were migrated could not be deleted here: they exist twice", "keys", len(taken),
			"error", err)
	}
	if len(taken) > 0 {
		c.Wrote = true // also if another key was refused
	}
}

// routeMigrate refuses to move the keys where another node serves the slot. What an open
// slot holds here may be moved even if another node owns it: that is how it is emptied.
func (c *Call) routeMigrate() error {
	m := c.Node.Engine.Map()
	if m == nil || len(c.Access.Keys) == 0 {
		return nil
	}
	if m.Open().Has(c.Access.Slot) && m.Self().IsMaster() {
		if c.Access.CrossSlot {
			return slots.ErrCrossSlot
		}
		return nil
	}
	return c.Node.Engine.Update(&c.Access, func(*keyspace.Tx) error { return nil })
}

// send brings items to the target and returns the keys that it has acknowledged. A
// connection kept from an earlier MIGRATE may be dead by now; then a new one is tried,
// unless something was acknowledged.
func (n *Node) send(m *migration, items []engine.Item) (taken [][]byte, err error) {
	for fresh := false; ; fresh = true {
		c, err := n.migrateConnTo(m.to, m.timeout, fresh)
		if err != nil {
			return nil, err
		}
		taken, err := n.sendBy(c, m, items)
		if err == nil || fresh || !c.used || len(taken) > 0 || err != errWriting && err != errReading {
			return taken, err
		}
	}
}

func (n *Node) sendBy(c *migrateConn, m *migration, items []engine.Item) (taken [][]byte, err error) {
	stop := context.AfterFunc(n.Life, func() { c.conn.Close() })
	defer stop()
	command := "RESTORE-ASKING"
	if n.Standalone() {
		command = "RESTORE"
	}
	if err = c.selectDB(m.db); err == nil {
		err = n.askFirst(c, m)
	}
	if err == nil {
		taken, err = c.deliver(items, command, m.replace)
	}
	if len(taken) > 0 && !m.copy {
		taken, err = n.awaitReplicas(c, m, taken, err)
	}
	if err == errWriting || err == errReading {
		c.conn.Close()
	} else {
		n.migrateConns.put(c)
	}
	return taken, err
}
