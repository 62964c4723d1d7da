package main

import (
	"fmt"
	"strings"
	"sync"

	"github.com/tidwall/redcon"
)

// serveRedcon is the example server of redcon: a map behind a lock.
func serveRedcon(port int) {
	var mu sync.RWMutex // guards items
	items := make(map[string][]byte)
	must(redcon.ListenAndServe(fmt.Sprintf("127.0.0.1:%d", port),
		func(conn redcon.Conn, cmd redcon.Command) {
			switch name := strings.ToLower(string(cmd.Args[0])); {
			case name == "set" && len(cmd.Args) == 3:
				value := append([]byte(nil), cmd.Args[2]...)
				mu.Lock()
				items[string(cmd.Args[1])] = value
				mu.Unlock()
				conn.WriteString("OK")
			case name == "get" && len(cmd.Args) == 2:
				mu.RLock()
				value, ok := items[string(cmd.Args[1])]
				mu.RUnlock()
				if ok {
					conn.WriteBulk(value)
				} else {
					conn.WriteNull()
				}
			default:
				conn.WriteError("ERR unknown command")
			}
		}, nil, nil))
}
