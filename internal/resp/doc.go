// Package resp speaks the Redis protocol, versions 2 and 3, in both roles.
//
// The server's half is built for speed and for hostile peers. [Parser] cuts commands out
// of a reused read buffer, in place: a command's arguments alias the buffer and live
// until the next call. It never allocates what a length field merely claims; memory grows
// with the bytes that arrive. [Writer] appends replies to a reused buffer.
//
// The client's half, [Conn], is for administration, tests and moving keys: it sends
// commands, also many before it reads the first reply, and decodes replies of either
// version under the same rule.
//
// # Vocabulary
//
//   - A bulk is a string with its length before it, "$3\r\nfoo\r\n".
//   - An inline command is a line of words, as a human types it into telnet.
//   - A push is a RESP3 message that answers no command.
//
// # Example
//
//	p := resp.NewParser(resp.Limits{})
//	for {
//		args, err := p.Next()
//		switch {
//		case err != nil:
//			return err // a *ProtocolError: send its text, then hang up
//		case args == nil:
//			if _, err := p.Fill(conn); err != nil {
//				return err
//			}
//		default:
//			handle(args)
//		}
//	}
//
// The package imports nothing else of slotmesh.
package resp
