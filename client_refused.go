package slotmesh

import (
	"fmt"
	"strings"
)

// ofConnection are the commands that change the connection they come on, or keep it busy
// until something happens. A Client's connections are shared by all of its callers.
var ofConnection = func() map[string]bool {
	m := make(map[string]bool)
	for _, name := range strings.Fields(`
		MULTI EXEC DISCARD WATCH UNWATCH
		SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE SSUBSCRIBE SUNSUBSCRIBE MONITOR
		HELLO AUTH RESET QUIT SELECT CLIENT READONLY READWRITE ASKING MESH.READONLY SYNC PSYNC REPLCONF
		BLPOP BRPOP BLMOVE BLMPOP BRPOPLPUSH BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF`) {
		m[name] = true
	}
	return m
}()

// refuse returns the error of a command that cannot be had from a Client.
func refuse(name []byte) error {
	if !ofConnection[strings.ToUpper(string(name))] {
		return nil
	}
	return fmt.Errorf("slotmesh: %s is about a connection, and a Client's are shared: use Update for a transaction, "+
		"WithSync to wait for "+
		"replicas, or a client library", strings.ToUpper(string(name)))
}
