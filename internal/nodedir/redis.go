package nodedir

import (
	"bytes"
	"fmt"
	"io"
	"regexp"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/storage"
)

// nodesFile matches the start of a nodes.conf that Redis or Valkey wrote: a line for
// a node, or the one with the epochs.
var nodesFile = regexp.MustCompile(`^([0-9a-f]{40} \S*:\d+\S* [a-z?,]+ |vars currentEpoch \d)`)

// nodesHead is enough of such a file for nodesFile, in bytes.
const nodesHead = 512

// rdbHead begins every RDB file.
var rdbHead = []byte("REDIS")

// CheckRedis looks for what Redis has left in the folder. A file that has the name of one
// of the node's own is an error, and stays as it is; of a file beside them, log is told.
func (f *Files) CheckRedis(log hclog.Logger) error {
	if f.State != "" && nodesFile.Match(head(f.Disk, f.State, nodesHead)) {
		return fmt.Errorf("%s is the cluster state of a Redis node, which this node cannot take over; it was "+
			"left as it is: "+
			"give this node an empty folder of its own; to bring over the keys, let the Redis cluster run and use "+
			`"slotmesh backup" with one of its nodes, then "slotmesh restore" with one of the new cluster`, f.State)
	}
	if f.Snapshot != "" {
		own := head(f.Disk, f.Snapshot, len(rdbHead))
		if bytes.HasPrefix(own, rdbHead) {
			return fmt.Errorf("%s is a snapshot (RDB) of Redis, which this node cannot read; it was left as it is: give this "+
				"node an empty folder of its own, or another dbfilename; to bring over the keys, %s", f.Snapshot, bringOver)
		}
		if own != nil {
			return nil // the node has keys of its own: an earlier start has told of the others
		}
	}
	if f.Logged {
		return nil
	}
	for _, name := range []string{"dump.rdb", "appendonlydir", "appendonly.aof"} {
		switch {
		case !exists(f.Disk, name):
		case f.Log && name != "dump.rdb": // whoever asks for a log expects these keys
			return fmt.Errorf("%s is the append-only file of a Redis server, which this node does not go on with; it was "+
				"left as it is: give this node an empty folder of its own; to bring over the keys, %s", name, bringOver)
		case f.Snapshot != "":
			log.Warn("the folder holds keys of a Redis server, which this node does not read: to bring them over, "+bringOver,
				"found", name)
		}
	}
	return nil
}

// bringOver says how the keys of a Redis server get into a node.
const bringOver = `start redis-server on them and use "slotmesh import NODE --cluster-from REDIS"`

func exists(disk storage.Disk, name string) bool {
	f, err := disk.Open(name)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// head returns the first bytes of a file, size at most; nil if there is no such file or it
// cannot be read, which is reported when the node reads it for its content.
func head(disk storage.Disk, name string, size int) []byte {
	f, err := disk.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	b := make([]byte, size)
	got, _ := io.ReadFull(f, b)
	return b[:got]
}
