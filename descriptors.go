package slotmesh

import (
	"fmt"
	"strconv"

	"github.com/slotmesh/slotmesh/internal/conf"
)

// reservedFiles is how many of the process's descriptors clients never get, as in Redis:
// they are for listeners, the disk, replication, migration and calls between nodes.
const reservedFiles = 32

// linksPerPeer is how many connections gossip has with each other node, one in each
// direction.
const linksPerPeer = 2

// openFiles returns how many descriptors the node's process may have open, 0 if there is no
// bound or the node's connections do not use them.
func (n *Node) openFiles() int {
	switch n.cfg.Network.(type) {
	case TCP, *conf.Bind:
		return openFileLimit()
	}
	return 0
}

// maxClients returns how many clients there is room for beside what is reserved.
func (n *Node) maxClients(want int) int {
	if files := n.openFiles(); files > 0 {
		return min(want, files-reservedFiles)
	}
	return want
}

// fitMaxClients lowers maxclients to what the system allows; the texts are those of Redis.
func (n *Node) fitMaxClients() error {
	want := n.settings.Int("maxclients")
	room := n.maxClients(want)
	switch {
	case room == want:
		return nil
	case room <= 0:
		return fmt.Errorf("slotmesh: this process may open %d files, which is not enough for a node: raise the limit "+
			"(ulimit -n) to at least %d",
			n.openFiles(), reservedFiles+want)
	}
	n.log.Warn(fmt.Sprintf("You requested maxclients of %d requiring at least %d max file descriptors.", want, want+
		reservedFiles))
	n.log.Warn(fmt.Sprintf("Current maximum open files is %d. maxclients has been reduced to %d to compensate for "+
		"low ulimit. "+
		"If you need higher maxclients increase 'ulimit -n'.", n.openFiles(), room))
	return n.settings.Override([]string{"--maxclients", strconv.Itoa(room)})
}

// checkMaxClients refuses what CONFIG SET asks for beyond that.
func (n *Node) checkMaxClients() error {
	want := n.settings.Int("maxclients")
	if room := n.maxClients(want); room < want {
		//nolint:staticcheck // Redis' text
		return fmt.Errorf("The operating system is not able to handle the specified number of clients, try with %d", room)
	}
	return nil
}

// reservedNow is how many descriptors clients do not get at the moment: links that gossip
// has not made yet will need theirs.
func (n *Node) reservedNow() int {
	m := n.engine.Map()
	if m == nil || n.server.Loading() { // n.gossip is not there yet
		return reservedFiles
	}
	return reservedFiles + max(0, linksPerPeer*(len(m.Nodes())-1)-n.gossip.Links())
}
