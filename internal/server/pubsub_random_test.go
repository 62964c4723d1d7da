package server

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	luaengine "github.com/slotmesh/slotmesh/script"
)

// TestPubsubIsRedis has several clients, of RESP2 and RESP3, do random things with messages
// here and at a redis-server in cluster mode. After each step it takes what each client has
// got, replies and messages, and compares that byte for byte. Only what has no order in Redis
// either is sorted: messages of several patterns, the end of all subscriptions, lists of
// channels.
//
// SLOTMESH_DIFF sets the number of steps, SLOTMESH_DIFF_SEED the seed.
func TestPubsubIsRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("redis-server is not installed; CI must have it (apt-get install redis-server)")
		}
		t.Skip("redis-server is not installed: messages were not compared with it")
	}
	addr := startRedis(t, "cluster")
	theirs := func() net.Conn {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	first := resp.NewConn(theirs())
	defer first.Close()
	waitFor(t, "cluster_state:ok", func() bool {
		return strings.Contains(do(t, first, "CLUSTER INFO"), "cluster_state:ok")
	})
	srv := startServer(t, Config{Cluster: newFakeCluster(), Scripts: luaengine.New(luaengine.Config{})})
	steps, seed := numberFromEnv("SLOTMESH_DIFF", 600), numberFromEnv("SLOTMESH_DIFF_SEED", 1)
	if raceDetector {
		steps /= 4
	}
	// A socket keeps what a client has not read yet; a session with a pipe would wait for it.
	ours := listen(t, srv)
	here, there := newAudience(t, func() net.Conn { return dialTCP(t, ours) }), newAudience(t, theirs)
	script := &pubsubScript{rnd: rand.New(rand.NewPCG(uint64(seed), 16))}
	var history []string
	for range steps {
		client, lines := script.next()
		history = append(history, fmt.Sprintf("%d> %s", client, strings.Join(lines, " | ")))
		got, want := here.step(client, lines), there.step(client, lines)
		if got != want {
			t.Fatalf("seed %d: the last steps\n%s\ngot\n%s\nwant\n%s", seed,
				strings.Join(history[max(0, len(history)-40):], "\n"), got, want)
		}
	}
}

const audienceSize = 5

// audience is the clients of one server. The last one is never restricted by a user.
type audience struct {
	t       *testing.T
	dial    func() net.Conn
	clients [audienceSize]net.Conn
	fences  int
}

func newAudience(t *testing.T, dial func() net.Conn) *audience {
	a := &audience{t: t, dial: dial}
	for i := range a.clients {
		a.connect(i)
	}
	t.Cleanup(func() {
		for _, c := range a.clients {
			c.Close()
		}
	})
	return a
}

func (a *audience) connect(i int) {
	a.clients[i] = a.dial()
	a.clients[i].SetDeadline(time.Now().Add(10 * time.Minute))
	if i%2 == 1 {
		a.send(i, "HELLO 3")
	}
	a.collect(i)
}

func (a *audience) send(i int, line string) {
	args, ok := resp.SplitWords(nil, []byte(line))
	if !ok {
		a.t.Fatalf("unbalanced quotes: %s", line)
	}
	a.clients[i].Write(resp.AppendCommand(nil, args...)) // if the client is closed, collect finds out
}

// step sends the lines of a client at once, and returns what each client has got.
func (a *audience) step(client int, lines []string) string {
	for _, line := range lines {
		a.send(client, line)
	}
	var all strings.Builder
	order := []int{client} // first: what it has sent is carried out then
	for i := range a.clients {
		if i != client {
			order = append(order, i)
		}
	}
	for _, i := range order {
		collect := a.collect
		if i == client && lines[0] == "QUIT" {
			collect = a.last // a fence might cost what has not been read yet
		}
		got, closed := collect(i)
		fmt.Fprintf(&all, "%d got %s\n", i, normalized(got))
		if closed {
			all.WriteString("closed\n")
			a.clients[i].Close()
			a.connect(i)
		}
	}
	return all.String()
}

// collect returns all that a client has got: what comes before the answer to PING, and that.
func (a *audience) collect(i int) (got []byte, closed bool) {
	a.fences++
	fence := fmt.Sprintf("fence-%d", a.fences)
	a.send(i, "PING "+fence)
	buf := make([]byte, 4096)
	for !bytes.HasSuffix(got, []byte(fence+"\r\n")) {
		n, err := a.clients[i].Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			return got, true
		}
	}
	return got, false
}

// last returns all that a client gets until it is closed.
func (a *audience) last(i int) (got []byte, closed bool) {
	got, err := io.ReadAll(a.clients[i])
	return got, err == nil
}

var (
	idInHello  = regexp.MustCompile(`\$2\r\nid\r\n:\d+`)
	clientLine = regexp.MustCompile(`[$=]\d+\r\n(?:txt:)?id=.* (flags=\S+) .* (sub=\d+ psub=\d+ ssub=\d+ multi=-?\d+) .*user=(\S+) redir=-1 (resp=\d)[^\r]*\n`)
)

// normalized leaves out what differs between two servers, and sorts what has no order.
func normalized(got []byte) string {
	got = idInHello.ReplaceAll(got, []byte("id"))
	got = clientLine.ReplaceAll(got, []byte("+$1 $2 $3 $4"))
	tokens := tokensOf(got)
	for i := 0; i < len(tokens); {
		n := 1
		word := messageWord(tokens[i])
		for i+n < len(tokens) && messageWord(tokens[i+n]) == word {
			n++
		}
		switch run := tokens[i : i+n]; word {
		case "$": // a list of channels
			slices.Sort(run)
		case "pmessage":
			sortMessages(run)
		case "unsubscribe", "punsubscribe", "sunsubscribe":
			sortNames(run)
		}
		i += n
	}
	return fmt.Sprintf("%q", tokens)
}

var messageWords = regexp.MustCompile(`^[*>][34]\r\n\$\d+\r\n([ps]?(?:message|subscribe|unsubscribe))\r\n`)

// messageWord returns which message a token is; "$" for a string, "" for others.
func messageWord(token string) string {
	if token[0] == '$' {
		return "$"
	}
	if m := messageWords.FindStringSubmatch(token); m != nil {
		return m[1]
	}
	return ""
}

// tokensOf cuts a stream into messages, simple replies, and the heads of aggregates: in the
// reply of EXEC messages stand between the elements.
func tokensOf(b []byte) (tokens []string) {
	for len(b) > 0 {
		n := bytes.IndexByte(b, '\n') + 1
		if n == 0 {
			return append(tokens, string(b))
		}
		if messageWord(string(b)) != "" || strings.IndexByte("*%~>", b[0]) < 0 {
			n = replyLen(b)
		}
		tokens = append(tokens, string(b[:n]))
		b = b[n:]
	}
	return tokens
}

// sortMessages sorts the messages of patterns as far as they are about the same one.
func sortMessages(run []string) {
	about := func(token string) string {
		_, elems := splitReply([]byte(token))
		return string(bytes.Join(elems[2:], nil))
	}
	for len(run) > 0 {
		n := 1
		for n < len(run) && about(run[n]) == about(run[0]) {
			n++
		}
		slices.Sort(run[:n])
		run = run[n:]
	}
}

// sortNames sorts the names of confirmations; their numbers stay.
func sortNames(run []string) {
	names := make([]string, len(run))
	for i, token := range run {
		_, elems := splitReply([]byte(token))
		names[i] = string(elems[1])
		run[i] = strings.Replace(token, names[i], "NAME", 1)
	}
	slices.Sort(names)
	for i, name := range names {
		run[i] = strings.Replace(run[i], "NAME", name, 1)
	}
}

// pubsubScript makes steps.
type pubsubScript struct {
	rnd *rand.Rand
	n   int // messages
}

func (s *pubsubScript) next() (client int, lines []string) {
	client = s.rnd.IntN(audienceSize)
	switch s.rnd.IntN(20) {
	case 0:
		lines = append(lines, "MULTI")
		for range s.rnd.IntN(5) {
			lines = append(lines, s.line())
		}
		return client, append(lines, s.pick("EXEC", "EXEC", "EXEC", "DISCARD"))
	case 1:
		lines = append(lines, "CLIENT REPLY "+s.pick("OFF", "SKIP"))
		for range s.rnd.IntN(4) {
			lines = append(lines, s.line())
		}
		// A client of RESP2 that has subscriptions could not switch replies on.
		return client, append(lines, "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE", "CLIENT REPLY ON")
	case 2:
		for range 2 + s.rnd.IntN(6) {
			lines = append(lines, s.line())
		}
		return client, lines
	case 3:
		return client, []string{s.pick("RESET", "HELLO 2", "HELLO 3", "QUIT", "CLIENT INFO", "AUTH u p", "AUTH default p")}
	case 4:
		return audienceSize - 1, []string{"RESET", "ACL SETUSER u on >p ~* +@all " + s.rights()}
	}
	return client, []string{s.line()}
}

// rights takes none from a client that may be the one that sets them: at that redis-server
// 7.0.15 crashes.
func (s *pubsubScript) rights() string {
	return s.pick("allchannels", "resetchannels", "resetchannels &a*", "resetchannels &* &b", "resetchannels &a* &{x}*",
		"resetchannels &a &ab &?b", "clearselectors", "(+@all ~* &b*)", "resetchannels clearselectors", "&[ab]")
}

// line makes a command.
func (s *pubsubScript) line() string {
	switch s.rnd.IntN(26) {
	case 0, 1, 2:
		return "SUBSCRIBE" + s.some(1, s.channel)
	case 3, 4:
		return "PSUBSCRIBE" + s.some(1, s.pattern)
	case 5, 6:
		return "SSUBSCRIBE" + s.some(1, s.shardChannel)
	case 7:
		return "UNSUBSCRIBE" + s.some(0, s.channel)
	case 8:
		return "PUNSUBSCRIBE" + s.some(0, s.pattern)
	case 9:
		return "SUNSUBSCRIBE" + s.some(0, s.shardChannel)
	case 10:
		return "PUBSUB " + s.pick("CHANNELS", "SHARDCHANNELS") + s.pick("", " a*", " {x}?", " a b")
	case 11:
		return "PUBSUB " + s.pick("NUMSUB", "SHARDNUMSUB") + s.some(0, s.channel)
	case 12:
		return "PUBSUB " + s.pick("NUMPAT", "NUMPAT x", "NONSENSE")
	case 13:
		return s.pick("PING", "PING x", "GET k", "SET k v", "SUBSCRIBE", "PING a b", "CONFIG GET nothing", "HELLO",
			"INFO nothing")
	case 14:
		return fmt.Sprintf(`EVAL "redis.call('PUBLISH', ARGV[1], 1) return redis.call('PUBLISH', ARGV[1], 2)" 0 %s`, s.channel())
	case 15:
		return fmt.Sprintf(`EVAL "return redis.call('SPUBLISH', KEYS[1], 'of a script')" 1 %s`, s.shardChannel())
	case 16, 17, 18:
		return "SPUBLISH " + s.shardChannel() + " " + s.payload()
	}
	return "PUBLISH " + s.channel() + " " + s.payload()
}

func (s *pubsubScript) pick(list ...string) string { return list[s.rnd.IntN(len(list))] }

// some makes at least so many words.
func (s *pubsubScript) some(least int, word func() string) (words string) {
	for range least + s.rnd.IntN(3) {
		words += " " + word()
	}
	return words
}

func (s *pubsubScript) channel() string { return s.pick("a", "b", "ab", `""`, "a*", "{x}1") }

func (s *pubsubScript) pattern() string {
	return s.pick("a*", "*", "?b", "[ab]", `"a\\*"`, "a", "[^a]*", `""`)
}

func (s *pubsubScript) shardChannel() string { return s.pick("{x}1", "{x}2", "{x}1", "{x}2", "a", "b") }

func (s *pubsubScript) payload() string {
	s.n++
	return s.pick(fmt.Sprint(s.n), `""`, `"two words"`, `"\r\n\x00"`)
}
