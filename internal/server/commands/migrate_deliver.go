package commands

import (
	"fmt"
	"io"
	"strconv"

	"github.com/slotmesh/slotmesh/internal/dump"
	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/keyspace"
)

// delivery is an item that is to be sent.
type delivery struct {
	*engine.Item
	payload *dump.Payload // of a collection
	size    int           // bytes of the payload, or a few more
}

// deliveries prepares items; hashes of which all fields have expired are left out.
func (c *migrateConn) deliveries(items []engine.Item) []delivery {
	list := make([]delivery, 0, len(items))
	now := c.now().UnixMilli()
	for i := range items {
		item := &items[i]
		if item.Type == keyspace.String {
			list = append(list, delivery{item, nil, len(item.Value) + rdb.Overhead})
			continue
		}
		if p := dump.New(item.Parts, item.Encoding, dump.Options{Now: now}); p.Outline.Count() > 0 {
			list = append(list, delivery{item, p, p.Outline.Size()})
		}
	}
	return list
}

// deliver sends items with a command such as RESTORE and returns the keys that the other
// server has acknowledged. err is the first refusal, after which the others have still
// been sent, or errWriting or errReading: then the fate of the rest is not known.
func (c *migrateConn) deliver(items []engine.Item, command string, replace bool) (taken [][]byte, err error) {
	list := c.deliveries(items)
	for len(list) > 0 {
		n := 1
		var unsent error
		if list[0].size > migrateLoad {
			unsent = c.stream(&list[0], command, replace)
		} else {
			n = c.load(list, command, replace)
			unsent = c.conn.Flush()
		}
		if unsent != nil {
			return taken, errWriting
		}
		for _, s := range list[:n] {
			switch e := c.receive(); {
			case e == nil:
				taken = append(taken, s.Key)
			case e == errReading:
				return taken, e
			case err == nil:
				err = e
			}
		}
		list = list[n:]
	}
	return taken, err
}

// stream sends the command for a large value piece by piece, without a copy of it.
func (c *migrateConn) stream(s *delivery, command string, replace bool) error {
	var head, tail []byte
	size := s.size
	if s.payload == nil {
		head, tail = rdb.Frame(s.Value)
		size = len(head) + len(s.Value) + len(tail)
	}
	ttl := strconv.FormatInt(s.TTL(c.now()), 10)
	args := 4
	if tail = append(tail, "\r\n"...); replace {
		args, tail = 5, append(tail, "$7\r\nREPLACE\r\n"...)
	}
	b := fmt.Appendf(nil, "*%d\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n$%d\r\n%s", args, len(command), command,
		len(s.Key), s.Key, len(ttl), ttl, size, head)
	return c.conn.SendBy(func(w io.Writer) error {
		_, err := w.Write(b)
		switch {
		case err != nil:
		case s.payload != nil:
			err = s.payload.Encode(w)
		default:
			_, err = w.Write(s.Value)
		}
		if err == nil {
			_, err = w.Write(tail)
		}
		return err
	})
}

// load puts commands for the first items into the buffer, and returns for how many: up to
// the next large value.
func (c *migrateConn) load(list []delivery, command string, replace bool) (n int) {
	name, option := []byte(command), []byte("REPLACE")
	now := c.now()
	var ttl [20]byte
	for size := 0; n < len(list) && n < migrateBatch && size < migrateLoad; n++ {
		s := &list[n]
		if s.size > migrateLoad {
			break
		}
		if c.payload = c.payload[:0]; s.payload == nil {
			c.payload = rdb.AppendString(c.payload, s.Value)
		} else {
			s.payload.Encode((*payloadBuffer)(&c.payload)) // which fails never
		}
		size += len(c.payload)
		args := [5][]byte{name, s.Key, strconv.AppendInt(ttl[:0], s.TTL(now), 10), c.payload, option}
		if replace {
			c.conn.SendBytes(args[:5]...)
		} else {
			c.conn.SendBytes(args[:4]...)
		}
	}
	return n
}

// payloadBuffer is where a payload is gathered.
type payloadBuffer []byte

func (b *payloadBuffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}
