package bus

import (
	"io"
	"net"
	"time"
)

// Kind is what a connection between nodes carries.
type Kind byte

// The kinds, by the byte that stands for them in the preamble.
const (
	Gossip      Kind = 'g'
	Replication Kind = 'r'
	Migration   Kind = 'm'
	Calls       Kind = 'q'
)

// magic begins the preamble: the letters of a slotmesh bus, and its version.
const magic = "SMB\x01"

// preambleTimeout is how long either end may take for it.
const preambleTimeout = 5 * time.Second

// preamble is the first thing on a connection: magic, then the kind.
type preamble [len(magic) + 1]byte

// kind returns what the connection carries; ok is false if the dialling end is no node,
// or one that speaks another version.
func (p *preamble) kind() (k Kind, ok bool) {
	return Kind(p[len(magic)]), string(p[:len(magic)]) == magic
}

// writePreamble is the dialling end's part: all that it says before the kind's own
// protocol begins.
func writePreamble(conn net.Conn, kind Kind) error {
	conn.SetWriteDeadline(time.Now().Add(preambleTimeout))
	if _, err := conn.Write(append([]byte(magic), byte(kind))); err != nil {
		return err
	}
	conn.SetWriteDeadline(time.Time{})
	return nil
}

// readPreamble is the accepting end's part: nothing of the connection has been decoded
// before it.
func readPreamble(conn net.Conn) (p preamble, err error) {
	conn.SetReadDeadline(time.Now().Add(preambleTimeout))
	_, err = io.ReadFull(conn, p[:])
	conn.SetReadDeadline(time.Time{})
	return p, err
}
