package commands

import "github.com/slotmesh/slotmesh/internal/resp"

// ConnectionGroup is the commands on a connection that change nothing about it.
var ConnectionGroup = []Command{
	{Name: "ping", Arity: -1, Flags: Fast | Plain | Callable, Group: "connection", Since: "1.0.0",
		Tips:    "request_policy:all_shards response_policy:all_succeeded",
		Summary: "Answers PONG, or the given message.", Run: cmdPing},
	{Name: "echo", Arity: 2, Flags: Loading | Stale | Fast | Plain | Callable, Group: "connection",
		Since: "1.0.0", Summary: "Returns the given message.", Run: cmdEcho},
	{Name: "select", Arity: 2, Flags: Loading | Stale | Fast | Plain, Group: "connection", Since: "1.0.0",
		Summary: "Chooses database 0, the only one.", Run: cmdSelect},
}

func cmdPing(c *Call) error {
	switch {
	case len(c.Args) > 2:
		return ErrArity(c.Cmd)
	case c.Subscribed:
		c.pongMessage()
	case len(c.Args) == 1:
		c.Out.Raw("+PONG\r\n")
	default:
		c.Out.Bulk(c.Args[1])
	}
	return nil
}

// pongMessage answers in a form that clients of RESP2 can tell from messages.
func (c *Call) pongMessage() {
	c.Out.Array(2)
	c.Out.BulkString("pong")
	if len(c.Args) > 1 {
		c.Out.Bulk(c.Args[1])
	} else {
		c.Out.BulkString("")
	}
}

func cmdEcho(c *Call) error {
	c.Out.Bulk(c.Args[1])
	return nil
}

func cmdSelect(c *Call) error {
	db, ok := resp.ParseInt(c.Args[1])
	switch {
	case !ok:
		return ReplyError("ERR value is not an integer or out of range")
	case db == 0:
		c.Out.OK()
		return nil
	case !c.Node.Standalone():
		return ReplyError("ERR SELECT is not allowed in cluster mode")
	}
	return ReplyError("ERR DB index is out of range")
}
