package slotmesh

import (
	"fmt"
	"net"
	"strconv"

	"github.com/slotmesh/slotmesh/internal/conf"
	"github.com/slotmesh/slotmesh/internal/listen"
	"github.com/slotmesh/slotmesh/internal/nodedir"
)

// openFiles takes the node's disk until unlockDisk, and makes sure that what is on it is
// the node's own.
func (n *Node) openFiles() error {
	files := nodedir.Files{Disk: n.cfg.Disk}
	if !n.cfg.Standalone {
		files.State = n.cfg.StateFile
	}
	if !n.cfg.Snapshot.Off {
		files.Snapshot = n.cfg.Snapshot.File
	}
	unlock, err := files.Lock(n.log)
	if err != nil {
		return fmt.Errorf("slotmesh: %w", err)
	}
	n.unlockDisk = unlock
	if err := files.CheckRedis(n.log); err != nil {
		return fmt.Errorf("slotmesh: %w", err)
	}
	return nil
}

// listenClients opens the ports that clients connect to, and sets n.addr.
func (n *Node) listenClients() (list []net.Listener, err error) {
	if n.cfg.Clients.SocketOnly {
		n.addr.Host, _, _ = net.SplitHostPort(n.cfg.Addr)
	} else {
		ln, err := n.cfg.Network.Listen(n.cfg.Addr)
		if err != nil {
			return nil, fmt.Errorf("slotmesh: Config.Addr: %w", err)
		}
		n.addr.Host, n.addr.Port = hostPort(ln.Addr())
		list = append(list, ln)
	}
	if path := n.cfg.Clients.Socket; path != "" {
		ln, err := listen.Unix(path, n.cfg.Clients.SocketMode)
		if err != nil {
			closeListeners(list)
			return nil, fmt.Errorf("slotmesh: Config.Clients.Socket: %w", err)
		}
		list = append(list, ln)
	}
	return list, nil
}

func closeListeners(list []net.Listener) {
	for _, ln := range list {
		ln.Close()
	}
}

// maxDescriptors returns how many descriptors the node's process may have open, 0 if there
// is no bound or the node's connections do not use them.
func (n *Node) maxDescriptors() int {
	switch n.cfg.Network.(type) {
	case TCP, *conf.Bind:
		return listen.OpenFiles()
	}
	return 0
}

// fitMaxClients lowers maxclients to what the system allows.
func (n *Node) fitMaxClients() error {
	want := n.values().Clients.Max
	room, warnings, err := listen.FitClients(n.maxDescriptors(), want)
	switch {
	case err != nil:
		return fmt.Errorf("slotmesh: %w", err)
	case room == want:
		return nil
	}
	for _, w := range warnings {
		n.log.Warn(w)
	}
	if err := n.settings.text.Override([]conf.Pair{{Name: "maxclients", Value: strconv.Itoa(room)}}); err != nil {
		return err
	}
	n.settings.read()
	return nil
}

// reservedNow is how many descriptors clients do not get at the moment.
func (n *Node) reservedNow() int {
	m := n.engine.Map()
	if m == nil || n.server.Loading() { // n.gossip is not there yet
		return listen.Reserved
	}
	return listen.ReservedWith(len(m.Nodes()), n.gossip.Links())
}
