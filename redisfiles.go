package slotmesh

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
)

// redisNodesFile matches the start of a nodes.conf that Redis or Valkey wrote: a line for
// a node, or the one with the epochs.
var redisNodesFile = regexp.MustCompile(`^([0-9a-f]{40} \S*:\d+\S* [a-z?,]+ |vars currentEpoch \d)`)

// redisNodesHead is enough of such a file for redisNodesFile, in bytes.
const redisNodesHead = 512

// redisSnapshot is how an RDB file begins.
var redisSnapshot = []byte("REDIS")

// checkRedisFiles looks for what Redis has left in the node's folder. A file under the
// name of one of the node's own stops the start, and is left as it is; one beside them is
// told.
func (n *Node) checkRedisFiles() error {
	snapshot := n.cfg.Snapshot.File
	if !n.cfg.Standalone && redisNodesFile.Match(n.head(n.cfg.StateFile, redisNodesHead)) {
		return fmt.Errorf("slotmesh: %s is the cluster state of a Redis node, which this node cannot take over; it was "+
			"left as it is: "+
			"give this node an empty folder of its own; to bring over the keys, let the Redis cluster run and use "+
			`"slotmesh backup" with one of its nodes, then "slotmesh restore" with one of the new cluster`, n.cfg.StateFile)
	}
	if n.cfg.Snapshot.Off {
		return nil
	}
	head := n.head(snapshot, len(redisSnapshot))
	if bytes.HasPrefix(head, redisSnapshot) {
		return fmt.Errorf("slotmesh: %s is a snapshot (RDB) of Redis, which this node cannot read; it was left as it is: "+
			"give this node an empty folder of its own, or another dbfilename; to bring over the keys, start redis-server "+
			"on that "+
			`file and use "slotmesh import NODE --cluster-from REDIS"`, snapshot)
	}
	if head != nil {
		return nil // it has keys of its own: what Redis left was seen to
	}
	for _, name := range []string{"dump.rdb", "appendonlydir", "appendonly.aof"} {
		if f, err := n.cfg.Disk.Open(name); err == nil {
			f.Close()
			n.log.Warn("the folder holds keys of a Redis server, which this node does not read: to bring them over, start "+
				"redis-server "+
				`on them and use "slotmesh import NODE --cluster-from REDIS"`, "found", name)
		}
	}
	return nil
}

// head returns how a file begins, size bytes at most, nil if there is none or it cannot
// be read: who needs it will say so.
func (n *Node) head(name string, size int) []byte {
	f, err := n.cfg.Disk.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	head := make([]byte, size)
	got, _ := io.ReadFull(f, head)
	return head[:got]
}
