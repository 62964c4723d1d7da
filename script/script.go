package script

import "github.com/slotmesh/slotmesh/client"

// Script is the source of a script, for [client.Router.Eval] and the Eval of a node: a
// [client.Script]. A client's program gets it there, without this package's interpreter.
type Script = client.Script

// NewScript returns a Script.
func NewScript(source string) Script { return client.NewScript(source) }
