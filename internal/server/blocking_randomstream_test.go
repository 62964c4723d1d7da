package server

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace"
)

// TestBlockingStreamsIsRedis is TestBlockingIsRedis for readers of streams and of groups,
// with the events of their keys.
func TestBlockingStreamsIsRedis(t *testing.T) {
	events, err := keyspace.ParseEventClass("EA")
	if err != nil {
		t.Fatal(err)
	}
	script := &streamScript{rnd: blockingSeed()}
	playBlocking(t, script.next, events)
}

// streamScript invents steps.
type streamScript struct {
	rnd   *rand.Rand
	lines []string // the next ones of the writer: what is left of a transaction
	id    int      // of the last entry
}

func (s *streamScript) next(c *crowd) (client int, line string) {
	const writer = crowdSize - 1
	if len(s.lines) > 0 {
		line, s.lines = s.lines[0], s.lines[1:]
		return writer, line
	}
	client = s.rnd.IntN(crowdSize)
	switch {
	case client != writer && !c.clients[client].waits:
		if s.rnd.IntN(4) == 0 {
			return client, s.add()
		}
		return client, s.wait()
	case s.rnd.IntN(5) > 0:
		return writer, s.write()
	}
	lines := []string{"MULTI"}
	for len(lines) < 1+s.rnd.IntN(6) {
		line := s.write()
		if s.rnd.IntN(5) == 0 {
			line = s.wait()
		}
		// Those about no key of the slot would end its transaction.
		if !strings.HasPrefix(line, "CLIENT") && !strings.HasPrefix(line, "FLUSHALL") {
			lines = append(lines, line)
		}
	}
	s.lines = append(lines[1:], "EXEC")
	return writer, lines[0]
}

// key returns one of few keys of one slot.
func (s *streamScript) key() string { return fmt.Sprintf("{k}%d", s.rnd.IntN(3)) }

func (s *streamScript) group() string { return s.one("g", "g", "h") }

func (s *streamScript) consumer() string { return s.one("a", "b", "c") }

func (s *streamScript) one(list ...string) string { return list[s.rnd.IntN(len(list))] }

// anID returns one at or near the end.
func (s *streamScript) anID() string {
	return fmt.Sprintf("%d-%d", max(1, s.id-s.rnd.IntN(6)+2), s.rnd.IntN(3))
}

func (s *streamScript) wait() string {
	n := 1 + s.rnd.IntN(3)
	keys, ids := make([]string, n), make([]string, n)
	ofGroup := s.rnd.IntN(2) == 0
	for i := range keys {
		keys[i] = s.key()
		switch {
		case s.rnd.IntN(12) == 0:
			ids[i] = s.one("0", s.anID())
		case ofGroup:
			ids[i] = ">"
		default:
			ids[i] = s.one("$", "$", s.anID())
		}
	}
	options := s.one("", "", "COUNT 1 ", "COUNT 2 ") + s.one("BLOCK 0 ", "BLOCK 1000000 ", "")
	streams := "STREAMS " + strings.Join(keys, " ") + " " + strings.Join(ids, " ")
	if ofGroup {
		return "XREADGROUP GROUP " + s.group() + " " + s.consumer() + " " + options + s.one("", "", "NOACK ") + streams
	}
	return "XREAD " + options + streams
}

func (s *streamScript) add() string {
	s.id++
	option := s.one("", "", "", "NOMKSTREAM ", "MAXLEN 2 ", "MAXLEN 0 ")
	return fmt.Sprintf("XADD %s %s%d-1 f v%d", s.key(), option, s.id, s.id)
}

func (s *streamScript) write() string {
	switch s.rnd.IntN(24) {
	case 0:
		return s.one("DEL ", "UNLINK ") + s.key()
	case 1:
		return "RENAME " + s.key() + " " + s.key()
	case 2:
		return "COPY " + s.key() + " " + s.key() + s.one("", " REPLACE")
	case 3:
		return s.one("SET "+s.key()+" v", "RPUSH "+s.key()+" v", "ZUNIONSTORE "+s.key()+" 1 "+s.key(),
			"SUNIONSTORE "+s.key()+" {k}none", "PEXPIRE "+s.key()+" -1", "PERSIST "+s.key(), "FLUSHALL")
	case 4, 5, 6, 7:
		return "XGROUP CREATE " + s.key() + " " + s.group() + " " + s.one("$", "0", s.anID()) + s.one("", " MKSTREAM")
	case 8:
		return "XGROUP DESTROY " + s.key() + " " + s.group()
	case 9:
		return "XGROUP SETID " + s.key() + " " + s.group() + " " + s.one("$", "0", s.anID())
	case 10:
		return "XGROUP " + s.one("DELCONSUMER ", "CREATECONSUMER ") + s.key() + " " + s.group() + " " + s.consumer()
	case 11:
		return "XDEL " + s.key() + " " + s.anID() + fmt.Sprintf(" %d-1", s.id)
	case 12:
		return "XTRIM " + s.key() + " MAXLEN " + s.one("0", "1", "3")
	case 13:
		return "XSETID " + s.key() + " " + s.anID()
	case 14:
		return fmt.Sprintf("CLIENT UNBLOCK client%d %s", s.rnd.IntN(crowdSize-1), s.one("", "TIMEOUT", "ERROR"))
	case 15:
		return s.one("XPENDING "+s.key()+" "+s.group(), "XRANGE "+s.key()+" - +", "XLEN "+s.key(),
			"XACK "+s.key()+" "+s.group()+" "+s.anID()+fmt.Sprintf(" %d-1", s.id))
	case 16:
		s.id++
		k := s.key()
		again := fmt.Sprintf("redis.call('del', KEYS[1]) return redis.call('xadd', KEYS[1], '%d-0', 'f', 'v')", s.id)
		return s.one("EVAL \""+again+"\" 1 "+k,
			"EVAL \"return redis.call('del', KEYS[1])\" 1 "+k,
			"EVAL \"return redis.call('xread', 'BLOCK', 0, 'STREAMS', KEYS[1], 0)\" 1 "+k)
	}
	return s.add()
}
