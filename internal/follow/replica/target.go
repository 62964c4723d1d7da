package replica

import (
	"context"
	"errors"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/dump"
	"github.com/slotmesh/slotmesh/internal/follow"
	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// table is where a node outside of clusters has all its keys.
const table = slots.Slot(0)

// target carries out what a master sends.
type target struct {
	cfg     *Config
	log     hclog.Logger
	ignored bool // commands on other databases were
}

// Load implements follower.Target. Clients read what was before until all has come.
func (t *target) Load(_ context.Context, file io.Reader, _ int64, _ follow.Position) error {
	staged := t.cfg.Store.Stage()
	r := rdb.NewFileReader(file)
	r.SkipDatabases, r.PieceSize = true, math.MaxInt
	var libraries [][]byte
	for {
		item, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		switch item.Kind {
		case rdb.FileFunction:
			libraries = append(libraries, append([]byte(nil), item.Text...))
		case rdb.FileKey:
			if err := t.put(staged, item); err != nil {
				return err
			}
		}
	}
	if n := r.Skipped().OtherDatabases; n > 0 {
		t.log.Warn("keys of databases other than 0 were left out", "keys", n)
	}
	t.cfg.Store.Adopt(staged)
	t.cfg.Renew()
	t.do([][]byte{[]byte("FUNCTION"), []byte("FLUSH")})
	for _, source := range libraries {
		t.do([][]byte{[]byte("FUNCTION"), []byte("LOAD"), []byte("REPLACE"), source})
	}
	return nil
}

func (t *target) put(staged *keyspace.Store, item *rdb.FileItem) error {
	if item.Err != nil {
		t.log.Error("a key of the master was left out", "key", string(item.Name), "error", item.Err)
		return nil
	}
	if item.Value.Type == rdb.String {
		value, err := item.Value.Bytes()
		if err != nil {
			return err
		}
		return staged.Update(table, func(tx *keyspace.Tx) error {
			return tx.Put(item.Name, keyspace.String, value, item.ExpireAt)
		})
	}
	c, err := dump.Collect(item.Value, t.cfg.Store.Encodings().StreamNodes)
	if err != nil {
		return err
	}
	return staged.Update(table, func(tx *keyspace.Tx) error { return tx.PutCollection(item.Name, c, item.ExpireAt) })
}

var errFromOther = errors.New("the master has brought a key from another database, which this node does not have")

var errSwapped = errors.New("the master has swapped databases (SWAPDB)")

// Apply implements follower.Target.
func (t *target) Apply(_ context.Context, groups []follow.Group) error {
	for i := range groups {
		for _, cmd := range groups[i].Commands {
			if err := t.apply(cmd); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *target) apply(cmd follow.Command) error {
	other, between := follow.OtherDatabase(cmd.Args)
	switch scope := follow.Analyze(cmd.Args).Scope; {
	case between && cmd.DB == 0 && other != 0:
		if len(cmd.Args) == 3 { // MOVE
			t.do([][]byte{[]byte("DEL"), cmd.Args[1]})
		}
	case between && cmd.DB != 0 && other == 0:
		return errFromOther
	case scope == follow.ScopeSwap:
		return errSwapped
	case scope == follow.ScopeServer, scope == follow.ScopeAll && cmd.DB == 0:
		t.cfg.Store.Drop(table)
	case cmd.DB == 0, scope == follow.ScopeFunctions, scope == follow.ScopeMessage:
		t.do(cmd.Args)
		t.correctExpiry(cmd.Args)
	case !t.ignored:
		t.ignored = true
		t.log.Warn("the master writes to a database other than 0: that is left out", "database", cmd.DB)
	}
	return nil
}

// correctExpiry sets the time to live that a command has counted from when it is carried
// out, as masters before Redis 7 send some: commands of a master run at a time of their own.
func (t *target) correctExpiry(args [][]byte) {
	now := time.Now().UnixMilli()
	l, at, _ := follow.Expiry(args, now)
	if _, other, _ := follow.Expiry(args, 0); l == follow.SetsExpiry && other != at {
		t.do([][]byte{[]byte("PEXPIREAT"), args[1], strconv.AppendInt(nil, at, 10)})
	}
}

// do runs a command of the master. What was carried out there and is refused here is a
// difference that nobody sees but in the log.
func (t *target) do(args [][]byte) {
	if err := t.cfg.Do(args); err != nil {
		t.log.Error("a command of the master failed here: the data may differ from now on", "command", string(args[0]),
			"error", err)
	}
}
