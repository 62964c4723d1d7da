package server

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// An equality tells whether two replies, as they came over the wire, are equal. It is asked
// only if their bytes are not the same, and neither is an error.
type equality func(ours, theirs []byte) bool

// exact wants the same bytes.
func exact(_, _ []byte) bool { return false }

// unordered wants the same elements in any order.
func unordered(ours, theirs []byte) bool { return sameGroups(ours, theirs, 1) }

// pairs wants the same pairs in any order: of a map, an array, or an array of arrays.
func pairs(ours, theirs []byte) bool {
	if _, elems := splitReply(theirs); len(elems) > 0 && elems[0][0] == '*' {
		return sameGroups(ours, theirs, 1)
	}
	return sameGroups(ours, theirs, 2)
}

// sameGroups compares elements, n at a time, in any order.
func sameGroups(ours, theirs []byte, n int) bool {
	ourHead, our := splitReply(ours)
	theirHead, their := splitReply(theirs)
	if !bytes.Equal(ourHead, theirHead) || len(our)%n != 0 {
		return false
	}
	sorted := func(elems [][]byte) [][]byte {
		var groups [][]byte
		for group := range slices.Chunk(elems, n) {
			groups = append(groups, bytes.Join(group, nil))
		}
		slices.SortFunc(groups, bytes.Compare)
		return groups
	}
	return slices.EqualFunc(sorted(our), sorted(their), bytes.Equal)
}

// shape wants the same kinds of reply in the same number: what is random may differ.
func shape(ours, theirs []byte) bool {
	ourHead, our := splitReply(ours)
	theirHead, their := splitReply(theirs)
	if ourHead[0] == '$' && theirHead[0] == '$' {
		return (ourHead[1] == '-') == (theirHead[1] == '-')
	}
	if ourHead[0] == ',' && theirHead[0] == ',' { // the score of a random member
		return true
	}
	return bytes.Equal(ourHead, theirHead) && slices.EqualFunc(our, their, shape)
}

// similar wants integers that differ by less than a command may take: times to live.
func similar(ours, theirs []byte) bool {
	our, ok := resp.ParseInt(bytes.TrimSuffix(ours[1:], []byte("\r\n")))
	their, ok2 := resp.ParseInt(bytes.TrimSuffix(theirs[1:], []byte("\r\n")))
	return ok && ok2 && ours[0] == ':' && our > 0 && their > 0 && max(our, their)-min(our, their) < 30_000
}

// anything wants nothing but that neither reply is an error, or both are the same error.
func anything(_, _ []byte) bool { return true }

// splitReply splits a reply into its first line and its elements.
func splitReply(b []byte) (head []byte, elems [][]byte) {
	head, rest, _ := bytes.Cut(b, []byte("\n"))
	for len(rest) > 0 && strings.IndexByte("*%~>", head[0]) >= 0 {
		n := replyLen(rest)
		elems = append(elems, rest[:n])
		rest = rest[n:]
	}
	return head, elems
}

// replyLen returns the length of the complete reply at the beginning of b.
func replyLen(b []byte) int {
	at := bytes.IndexByte(b, '\n') + 1
	n, _ := strconv.Atoi(string(b[1 : at-2]))
	switch b[0] {
	case '$', '=', '!':
		if n < 0 {
			return at
		}
		return at + n + 2
	case '%':
		n *= 2
	case '*', '~', '>':
	default:
		return at
	}
	for range n {
		at += replyLen(b[at:])
	}
	return at
}

// rawConn is a connection whose replies are taken as they come.
type rawConn struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func newRawConn(t *testing.T, conn net.Conn) *rawConn {
	conn.SetDeadline(time.Now().Add(time.Hour))
	return &rawConn{t, conn, bufio.NewReaderSize(conn, 64<<10)}
}

func (c *rawConn) do(args ...string) []byte { return c.doBytes(byteWords(args...)...) }

func (c *rawConn) doBytes(args ...[]byte) []byte {
	go c.conn.Write(resp.AppendCommand(nil, args...)) // the pipe of a test holds no bytes
	return c.reply()
}

// reply reads one reply, nil once the connection is closed.
func (c *rawConn) reply() []byte {
	b, err := c.appendReply(nil)
	if err != nil {
		return nil
	}
	return b
}

func (c *rawConn) appendReply(b []byte) ([]byte, error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil || len(line) < 3 {
		return nil, fmt.Errorf("reply %q: %w", line, err)
	}
	b = append(b, line...)
	n, _ := strconv.Atoi(string(line[1 : len(line)-2]))
	switch line[0] {
	case '$', '=', '!':
		if line[1] == '-' {
			return b, nil
		}
		for n += 2; n > 0; { // which overwrites line
			part, err := c.r.Peek(min(n, c.r.Size()))
			if err != nil {
				return nil, err
			}
			b = append(b, part...)
			n -= len(part)
			c.r.Discard(len(part))
		}
		return b, nil
	case '%':
		n *= 2
	case '*', '~', '>':
	default:
		return b, nil
	}
	for range n {
		if b, err = c.appendReply(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func byteWords(words ...string) [][]byte {
	list := make([][]byte, len(words))
	for i, word := range words {
		list[i] = []byte(word)
	}
	return list
}

func splitLines(b []byte) []string { return strings.Split(string(b), "\r\n") }

// differ ends the test with what is known about a difference between two replies to a line.
func (r *randomRun) differ(args [][]byte, ours, theirs []byte) {
	r.t.Helper()
	var concerned [][][]byte
	for _, line := range slices.Backward(r.history) {
		if len(concerned) < historyShown && sharesKey(line, args) {
			concerned = append(concerned, line)
		}
	}
	var text strings.Builder
	for _, line := range slices.Backward(concerned) {
		fmt.Fprintf(&text, "\n    %s", showLine(line))
	}
	r.t.Fatalf("seed %d, by command %d:%s\n-> %s\n  here %s\n Redis %s", r.seed, r.sent, &text, showLine(args),
		showReply(ours), showReply(theirs))
}

// sharesKey reports whether two lines have a key in common.
func sharesKey(a, b [][]byte) bool {
	return slices.ContainsFunc(a[1:], func(arg []byte) bool {
		return bytes.HasPrefix(arg, []byte(keyPrefix)) && slices.ContainsFunc(b, func(other []byte) bool {
			return bytes.Equal(arg, other)
		})
	})
}

const shownLen = 1500 // bytes of a command or a reply in a report

func showLine(args [][]byte) string {
	var b strings.Builder
	for _, arg := range args {
		if b.Len() > shownLen {
			fmt.Fprintf(&b, "… (%d arguments)", len(args))
			break
		}
		text := string(arg)
		if len(arg) > 100 {
			text = fmt.Sprintf("%s… (%d bytes)", arg[:20], len(arg))
		}
		switch {
		case text == "" || strings.ContainsAny(text, " \r\n\x00\xff'\""):
			fmt.Fprintf(&b, "%q ", text)
		default:
			b.WriteString(text + " ")
		}
	}
	return b.String()
}

func showReply(b []byte) string {
	if b == nil {
		return "closed"
	}
	if len(b) > shownLen {
		return fmt.Sprintf("%q… (%d bytes)", b[:shownLen], len(b))
	}
	return fmt.Sprintf("%q", b)
}
