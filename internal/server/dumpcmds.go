package server

import (
	"time"

	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

var dumpCommands = []command{
	{name: "dump", arity: 2, flags: flagReadOnly, keys: oneKey, group: "generic", since: "2.6.0", access: "RO access",
		tips: "nondeterministic_output", summary: "Returns a key's value in serialised form.", tx: cmdDump},
	{name: "restore", arity: -4, flags: flagWrite | flagDenyOOM | flagDangerous, keys: oneKey, group: "generic",
		since: "2.6.0", access: "OW update",
		summary: "Creates a key from what DUMP returned.", ahead: readPayload, tx: cmdRestore},
	// What MIGRATE sends: the slot is still importing at the target, so it acts as if after
	// ASKING.
	{name: "restore-asking", arity: -4, flags: flagWrite | flagDenyOOM | flagDangerous | flagAsking, keys: oneKey,
		group: "server", since: "3.0.0", access: "OW update",
		summary: "Creates a key in a slot that is being imported.", ahead: readPayload, tx: cmdRestore},
}

func cmdDump(s *session, tx *keyspace.Tx) error {
	e, ok := tx.Peek(s.args[1])
	if !ok {
		s.out.Null()
		return nil
	}
	s.out.Bulk(rdb.AppendString(make([]byte, 0, len(e.Value)+rdb.Overhead), e.Value))
	return nil
}

// restored is the value in a payload, or why there is none. A great one is the store's to
// keep.
type restored struct {
	read  bool
	value []byte
	err   error
}

// readPayload reads the payload of RESTORE: a great one takes so long that nobody should
// wait for it at the slot's lock.
func readPayload(s *session) {
	value, err := rdb.ParseString(s.args[3])
	if len(value) > keyspace.LargeValue {
		value = keyspace.Own(value) // it is in the buffer for what comes next
	}
	s.restored = restored{true, value, err}
}

// startAhead runs RESTORE outside of EXEC.
func (s *session) startAhead(cmd *command) error {
	cmd.ahead(s)
	defer s.forgetRestored()
	return s.srv.engine.Update(&s.access, s.inSlot)
}

func (s *session) forgetRestored() { s.restored = restored{} }

// restoreOptions are what may follow the payload of RESTORE.
type restoreOptions struct {
	replace, absolute bool
	idle, freq        int64 // -1: not given
}

func (s *session) restoreOptions() (o restoreOptions, err error) {
	o.idle, o.freq = -1, -1
	for i := 4; i < len(s.args); i++ {
		more := i+1 < len(s.args)
		switch {
		case s.word(i, "REPLACE"):
			o.replace = true
		case s.word(i, "ABSTTL"):
			o.absolute = true
		case s.word(i, "IDLETIME") && more && o.freq < 0:
			i++
			if o.idle, err = s.atLeastZero(i, "ERR Invalid IDLETIME value, must be >= 0"); err != nil {
				return o, err
			}
		case s.word(i, "FREQ") && more && o.idle < 0:
			i++
			const text = "ERR Invalid FREQ value, must be >= 0 and <= 255"
			if o.freq, err = s.atLeastZero(i, text); err != nil {
				return o, err
			}
			if o.freq > 255 {
				return o, replyError(text)
			}
		default:
			return o, errSyntax
		}
	}
	return o, nil
}

// atLeastZero reads a number that must not be negative.
func (s *session) atLeastZero(i int, orElse replyError) (int64, error) {
	n, err := s.number(i)
	if err == nil && n < 0 {
		err = orElse
	}
	return n, err
}

// cmdRestore is RESTORE and RESTORE-ASKING. It checks in the order of Redis.
func cmdRestore(s *session, tx *keyspace.Tx) error {
	key := s.args[1]
	opt, err := s.restoreOptions()
	if err != nil {
		return err
	}
	if _, taken := tx.Peek(key); taken && !opt.replace {
		return errBusyKey
	}
	ttl, ok := resp.ParseInt(s.args[2])
	if !ok {
		return errNotInt
	}
	if ttl < 0 {
		return replyError("ERR Invalid TTL value, must be >= 0")
	}
	if !s.restored.read { // in EXEC
		readPayload(s)
		defer s.forgetRestored()
	}
	value, err := s.restored.value, s.restored.err
	if err != nil {
		return err
	}
	if ttl != 0 && !opt.absolute {
		if ttl > maxTime-tx.Now() {
			return errExpireTime("restore")
		}
		ttl += tx.Now()
	}
	s.out.OK()
	if ttl != 0 && ttl <= tx.Now() { // an absolute time that is over
		tx.Delete(key)
		return nil
	}
	if err := tx.PutOwned(key, keyspace.String, value, ttl); err != nil {
		return err
	}
	s.restoreAccess(tx, opt)
	return nil
}

// restoreAccess sets when or how often the key was used, if that was given in the form
// that the eviction policy counts in.
func (s *session) restoreAccess(tx *keyspace.Tx, opt restoreOptions) {
	switch s.srv.store.Policy() {
	case keyspace.AllKeysLFU, keyspace.VolatileLFU:
		if opt.freq >= 0 {
			tx.SetAccess(s.args[1], 0, uint8(opt.freq))
		}
	default:
		if opt.idle >= 0 {
			idle := min(opt.idle, int64(maxIdle/time.Second))
			tx.SetAccess(s.args[1], time.Duration(idle)*time.Second, 0)
		}
	}
}

// maxIdle is as far as the store can look back: 2^24 seconds.
const maxIdle = (1<<24 - 61) * time.Second
