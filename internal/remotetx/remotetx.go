// Package remotetx carries a transaction to keys of another node. A function cannot
// travel, so it runs on a copy of the keys:
//
//	MESH.READ key …
//	  → node, its time, and of each key its version, expiry and value, all of one moment
//	fn runs on a Copy, a scratch store that holds them, and yields ops
//	MESH.COMMIT key … node versions ops
//	  → 1, or 0 and nothing done if a version is another one by now
//
// After a 0 it begins again. node is a number that the owner has drawn at its start:
// versions of one node say nothing at another, whose history may be a different one after
// a failover.
//
// Read and Commit are the two commands as the owner executes them; Copy is the other end.
package remotetx

import (
	"encoding/binary"
	"errors"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

// The names of the commands.
const (
	ReadName   = "MESH.READ"
	CommitName = "MESH.COMMIT"
)

// Read carries out MESH.READ at the node, in a transaction on the slot of the keys. args
// begins with the command's name.
func Read(tx *keyspace.Tx, node string, args [][]byte, out *resp.Writer) {
	keys := args[1:]
	out.Array(2 + 3*len(keys))
	out.BulkString(node)
	out.Int(tx.Now())
	for _, key := range keys {
		out.Int(int64(tx.Version(key)))
		e, ok := tx.Get(key)
		out.Int(e.ExpireAt)
		if ok {
			out.Bulk(e.Value)
		} else {
			out.Null()
		}
	}
}

var errMalformed = errors.New("ERR malformed MESH.COMMIT")

// Commit carries out MESH.COMMIT at the node. args begins with the command's name, and has
// at least one key.
func Commit(tx *keyspace.Tx, node string, args [][]byte, out *resp.Writer) error {
	keys := args[1 : len(args)-3]
	reader, versions, ops := args[len(args)-3], args[len(args)-2], args[len(args)-1]
	if len(versions) != 8*len(keys) {
		return errMalformed
	}
	same := string(reader) == node
	for i, key := range keys {
		same = same && tx.Version(key) == binary.LittleEndian.Uint64(versions[8*i:])
	}
	if !same {
		out.Int(0)
		return nil
	}
	named := make(map[string]struct{}, len(keys))
	for _, key := range keys {
		named[string(key)] = struct{}{}
	}
	for len(ops) > 0 {
		op, rest, err := keyspace.DecodeOp(ops)
		if err != nil {
			return errMalformed
		}
		if _, ok := named[string(op.Key)]; !ok {
			return errMalformed
		}
		ops = rest
		if err := apply(tx, &op); err != nil {
			return err
		}
	}
	out.Int(1)
	return nil
}

func apply(tx *keyspace.Tx, op *keyspace.Op) error {
	switch op.Kind {
	case keyspace.OpPut:
		return tx.Put(op.Key, op.Type, op.Value, op.ExpireAt)
	case keyspace.OpExpire:
		tx.Expire(op.Key, op.ExpireAt)
	case keyspace.OpDelete:
		tx.Delete(op.Key)
	default:
		return errMalformed
	}
	return nil
}
