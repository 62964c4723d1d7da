// Package remotetx carries a transaction to keys of another node. A function cannot
// travel, so it runs on a copy of the keys:
//
//	MESH.READ key …
//	  → node, its time, and of each key its version and the ops that make it what it is
//	    (keyspace.AppendOp), null if it is not there; all of one moment
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
	"fmt"

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
func Read(tx *keyspace.Tx, node string, args [][]byte, out *resp.Writer) error {
	keys := args[1:]
	var buf []byte
	out.Array(2 + 2*len(keys))
	out.BulkString(node)
	out.Int(tx.Now())
	for _, key := range keys {
		out.Int(int64(tx.Version(key)))
		op, ok := tx.Export(key)
		if !ok {
			out.Null()
			continue
		}
		if op.Type != keyspace.String && op.WireExceeds(maxCollection) {
			return fmt.Errorf("ERR key '%.128s' is too large for a transaction from another node: "+
				"change it by commands, or by a function at its owner", key)
		}
		buf = keyspace.AppendOp(buf[:0], &op)
		out.Bulk(buf)
	}
	return nil
}

// maxCollection bounds the bytes of a collection that travels whole, because it is read
// under its slot's lock.
const maxCollection = 1 << 20

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
		if _, ok := named[string(op.Key)]; !ok || op.Kind == keyspace.OpCopy || op.Kind == keyspace.OpMove {
			return errMalformed
		}
		ops = rest
		if err := tx.Carry(&op); err != nil {
			return err
		}
	}
	out.Int(1)
	return nil
}
