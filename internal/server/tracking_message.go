package server

import "github.com/slotmesh/slotmesh/internal/resp"

// invalidation is what clients are told of keys that have changed. It is encoded once for
// each version of the protocol, however many clients get it.
type invalidation struct {
	keys  [][]byte
	all   bool   // all keys may have changed
	resp2 []byte // a message of a channel, for clients that cannot be pushed anything else
	resp3 []byte
}

// invalidateChannel is where clients that speak RESP2 hear of changed keys.
const invalidateChannel = "__redis__:invalidate"

func (m *invalidation) forRESP3() []byte {
	if m.resp3 == nil {
		out := resp.Writer{RESP3: true}
		out.Push(2)
		out.BulkString("invalidate")
		m.encode(&out)
		m.resp3 = out.B
	}
	return m.resp3
}

func (m *invalidation) forRESP2() []byte {
	if m.resp2 == nil {
		var out resp.Writer
		out.Array(3)
		out.BulkString("message")
		out.BulkString(invalidateChannel)
		m.encode(&out)
		m.resp2 = out.B
	}
	return m.resp2
}

func (m *invalidation) encode(out *resp.Writer) {
	if m.all {
		out.Null()
		return
	}
	out.Array(len(m.keys))
	for _, key := range m.keys {
		out.Bulk(key)
	}
}

// encodeBroken returns what a client is told whose REDIRECT leads nowhere any more.
func encodeBroken(id int64) []byte {
	out := resp.Writer{RESP3: true}
	out.Push(2)
	out.BulkString("tracking-redir-broken")
	out.Int(id)
	return out.B
}
