package server

import (
	"context"
	"net"
	"time"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

var migrateCommands = []command{
	{name: "migrate", arity: -6, flags: flagWrite | flagMovableKeys | flagDangerous, keys: keySpec{3, 3, 1},
		keyRange: migrateKeys, group: "generic", since: "2.6.0",
		access: "RW access delete,RW access delete incomplete", tips: "nondeterministic_output",
		summary: "Moves keys to another server.", run: cmdMigrate},
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
		case isWord(args[i], "AUTH"):
			i++
		case isWord(args[i], "AUTH2"):
			i += 2
		case isWord(args[i], "KEYS") && len(args[3]) > 0:
			return 3, 0
		case isWord(args[i], "KEYS"):
			return i + 1, len(args) - i - 1
		}
	}
	return 3, 1
}

func (s *session) migration() (m migration, err error) {
	keys, n := migrateKeys(s.args)
	m.keys = s.args[keys : keys+n]
options:
	for i := 6; i < len(s.args); i++ {
		rest := len(s.args) - i - 1
		switch {
		case s.word(i, "COPY"):
			m.copy = true
		case s.word(i, "REPLACE"):
			m.replace = true
		case s.word(i, "AUTH") && rest >= 1:
			m.to.auth, m.to.user, m.to.password = true, "", string(s.args[i+1])
			i++
		case s.word(i, "AUTH2") && rest >= 2:
			m.to.auth, m.to.user, m.to.password = true, string(s.args[i+1]), string(s.args[i+2])
			i += 2
		case s.word(i, "KEYS") && len(s.args[3]) > 0:
			return m, replyError("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string")
		case s.word(i, "KEYS"):
			break options
		default:
			return m, errSyntax
		}
	}
	timeout, err := s.number(5)
	if err != nil {
		return m, err
	}
	if m.db, err = s.number(4); err != nil {
		return m, err
	}
	m.timeout = defaultMigrateTimeout
	if timeout > 0 {
		m.timeout = time.Duration(min(timeout, int64(24*time.Hour/time.Millisecond))) * time.Millisecond
	}
	m.to.target = net.JoinHostPort(string(s.args[1]), string(s.args[2]))
	return m, nil
}

// cmdMigrate is MIGRATE. While keys are on their way they can be read; a write to one of
// them waits for its end. A key is deleted here once the target has acknowledged it.
func cmdMigrate(s *session) error {
	if err := s.routeMigrate(); err != nil {
		return err
	}
	m, err := s.migration()
	if err != nil {
		return err
	}
	if len(m.keys) == 0 {
		s.out.Simple("NOKEY")
		return nil
	}
	export, err := s.srv.engine.Export(&s.access)
	if err != nil {
		return err
	}
	var taken [][]byte
	// Also after a panic: nobody else can let the writes go on that wait.
	defer func() { s.commitExport(export, taken) }()
	if len(export.Items) == 0 {
		s.out.Simple("NOKEY")
		return nil
	}
	m.slot = s.access.Slot
	if taken, err = s.srv.send(&m, export.Items); m.copy {
		taken = nil
	}
	if err != nil {
		return err
	}
	s.out.OK()
	return nil
}

func (s *session) commitExport(export *engine.Export, taken [][]byte) {
	if err := export.Commit(taken); err != nil {
		s.srv.cfg.Logger.Error("keys that were migrated could not be deleted here: they exist twice", "keys", len(taken),
			"error", err)
	}
	if len(taken) > 0 {
		s.noteWrite() // also if another key was refused
	}
}

// routeMigrate sets access to the keys and refuses to move them where another node serves
// the slot. What an open slot holds here may be moved whoever the owner is: that is how
// it is emptied.
func (s *session) routeMigrate() error {
	first, n := migrateKeys(s.args)
	s.setAccess()
	s.addKeysAt(keySpec{first, first + n - 1, 1}, s.args)
	m := s.srv.engine.Map()
	if m == nil || len(s.access.Keys) == 0 {
		return nil
	}
	if m.Open().Has(s.access.Slot) && m.Self().IsMaster() {
		if s.access.CrossSlot {
			return slots.ErrCrossSlot
		}
		return nil
	}
	return s.srv.engine.Update(&s.access, func(*keyspace.Tx) error { return nil })
}

// send brings items to the target and returns the keys that it has acknowledged. A
// connection kept from an earlier MIGRATE may be dead by now; then a new one is tried,
// unless something was acknowledged.
func (s *Server) send(m *migration, items []engine.Item) (taken [][]byte, err error) {
	for fresh := false; ; fresh = true {
		c, err := s.migrateConnTo(m.to, m.timeout, fresh)
		if err != nil {
			return nil, err
		}
		taken, err := s.sendBy(c, m, items)
		if err == nil || fresh || !c.used || len(taken) > 0 || err != errWriting && err != errReading {
			return taken, err
		}
	}
}

func (s *Server) sendBy(c *migrateConn, m *migration, items []engine.Item) (taken [][]byte, err error) {
	stop := context.AfterFunc(s.life, func() { c.conn.Close() })
	defer stop()
	command := "RESTORE-ASKING"
	if s.standalone() {
		command = "RESTORE"
	}
	if err = c.selectDB(m.db); err == nil {
		err = s.askFirst(c, m)
	}
	if err == nil {
		taken, err = c.deliver(items, command, m.replace)
	}
	if len(taken) > 0 && !m.copy {
		taken, err = s.awaitReplicas(c, m, taken, err)
	}
	if err == errWriting || err == errReading {
		c.conn.Close()
	} else {
		s.migrateConns.put(c)
	}
	return taken, err
}
