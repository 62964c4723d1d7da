package listen

import "fmt"

// Reserved is how many of the process's descriptors clients never get, as in Redis: they
// are for listeners, the disk, replication, migration and calls between nodes.
const Reserved = 32

// linksPerPeer is how many connections gossip has with each other node, one in each
// direction.
const linksPerPeer = 2

// ReservedWith returns how many descriptors clients do not get in a cluster of so many
// nodes while gossip has so many connections open: those that it has not opened yet will
// need one each.
func ReservedWith(nodes, links int) int { return Reserved + max(0, linksPerPeer*(nodes-1)-links) }

// MaxClients returns how many clients there is room for if the process may have files
// descriptors open (0: no bound), want at most.
func MaxClients(files, want int) int {
	if files > 0 {
		return min(want, files-Reserved)
	}
	return want
}

// FitClients is MaxClients for the start of a node: warnings, in the words of Redis, say
// that there is less room than wanted. It fails if there is none.
func FitClients(files, want int) (room int, warnings []string, err error) {
	switch room = MaxClients(files, want); {
	case room == want:
		return room, nil, nil
	case room <= 0:
		return 0, nil, fmt.Errorf("this process may open %d files, which is not enough for a node: raise the limit "+
			"(ulimit -n) to at least %d", files, Reserved+want)
	}
	return room, []string{
		fmt.Sprintf("You requested maxclients of %d requiring at least %d max file descriptors.", want, want+Reserved),
		fmt.Sprintf("Current maximum open files is %d. maxclients has been reduced to %d to compensate for low ulimit. "+
			"If you need higher maxclients increase 'ulimit -n'.", files, room),
	}, nil
}
