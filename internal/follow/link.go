package follow

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// Config is what a replica says of itself.
type Config struct {
	User, Password string // for AUTH; no password: none is sent
	Port           int    // where clients reach the replica, for the master's INFO; 0 is not told
	Host           string // the same, if not where the connection comes from
	Limits         resp.Limits
}

// RefusedError is a master's refusal.
type RefusedError struct {
	Step string // "AUTH", "PSYNC" …
	Text string // the error reply
}

// Error returns the step and the master's text.
func (e *RefusedError) Error() string { return e.Step + " was refused: " + e.Text }

// Temporary reports whether the same may be granted a little later.
func (e *RefusedError) Temporary() bool {
	code, _, _ := strings.Cut(e.Text, " ")
	switch code {
	case "LOADING", "NOMASTERLINK", "MASTERDOWN", "BUSY", "TRYAGAIN":
		return true
	}
	// One that has too many clients, or still saves for others, says so by ERR.
	return strings.Contains(e.Text, "max number of clients") || strings.Contains(e.Text, "Can't SYNC while")
}

// ErrProtocol says that what came is not the protocol of a master.
var ErrProtocol = errors.New("follow: the master does not speak the replication protocol")

func protocolError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrProtocol, fmt.Sprintf(format, args...))
}

const (
	bufferSize = 64 << 10
	maxLine    = 4 << 10 // of what a master says before the stream
	markSize   = 40      // of a snapshot whose size is not known before
	idSize     = 40
	maxHead    = 1 << 10 // of a snapshot, in which the fields about replication stand
)

// Link is the replica's end of one connection. The zero value is of no use; it is not safe
// for concurrent use.
type Link struct {
	cfg Config
	at  Position
	out []byte

	steps []step // of the shake of hands that are still to be answered; the first was sent
	phase phase

	buf  []byte // what has arrived and is not parsed, until the stream begins
	r, w int

	left int64  // bytes of the snapshot still to come, if their number is known
	mark []byte // what ends it, if not
	head []byte // how it begins

	parser *resp.Parser
	begin  int64 // the offset where the parser began
	fed    int64 // bytes given to it since
	// counted is the end of the last command outside of transactions; empty lines behind it
	// count with the next.
	counted int64
	db      int // the database selected; that of at is the one at the beginning of a transaction
	tx      []Command
	inTx    bool
	err     error
}

type phase uint8

const (
	shaking phase = iota
	awaitingPayload
	inPayload
	streaming
)

// step is one command of the shake of hands.
type step struct {
	name string
	args []string
	may  bool // the master may refuse it: it is older
}

// NewLink begins the shake of hands of a new connection, to go on from a position.
func NewLink(cfg Config, from Position) *Link {
	l := &Link{cfg: cfg, at: from, buf: make([]byte, bufferSize)}
	l.steps = []step{{name: "PING", args: []string{"PING"}}}
	if cfg.Password != "" {
		auth := []string{"AUTH", cfg.Password}
		if cfg.User != "" {
			auth = []string{"AUTH", cfg.User, cfg.Password}
		}
		l.steps = append(l.steps, step{name: "AUTH", args: auth})
	}
	if cfg.Port != 0 {
		l.conf("listening-port", strconv.Itoa(cfg.Port))
	}
	if cfg.Host != "" {
		l.conf("ip-address", cfg.Host)
	}
	l.conf("capa", "eof", "capa", "psync2")
	psync := []string{"PSYNC", "?", "-1"}
	if from.ID != "" {
		psync = []string{"PSYNC", from.ID, strconv.FormatInt(from.Offset+1, 10)}
	}
	l.steps = append(l.steps, step{name: "PSYNC", args: psync})
	l.send()
	return l
}

func (l *Link) conf(args ...string) {
	l.steps = append(l.steps, step{name: "REPLCONF", args: append([]string{"REPLCONF"}, args...), may: true})
}

func (l *Link) send() { l.out = resp.AppendCommand(l.out, l.steps[0].args...) }

// Output returns what is to be sent to the master, which the Link forgets then.
func (l *Link) Output() []byte {
	out := l.out
	l.out = nil
	return out
}

// AppendAck appends what tells a master up to which offset everything is here. It is sent
// in the stream only: before, a replica sends empty lines to show that it is there.
func AppendAck(dst []byte, offset int64) []byte {
	return resp.AppendCommand(dst, "REPLCONF", "ACK", strconv.FormatInt(offset, 10))
}

// Position returns the place in the stream behind the last event that Next has returned.
func (l *Link) Position() Position { return l.at }

// Fill makes one Read. err is the reader's, or that a command exceeds Config.Limits; it is
// nil if there are any bytes.
func (l *Link) Fill(r io.Reader) (n int, err error) {
	if l.phase == streaming {
		n, err = l.parser.Fill(r)
		l.fed += int64(n)
		return n, err
	}
	if l.r > 0 {
		l.w = copy(l.buf, l.buf[l.r:l.w])
		l.r = 0
	}
	if l.w == len(l.buf) {
		return 0, protocolError("a line of more than %d bytes", len(l.buf))
	}
	n, err = r.Read(l.buf[l.w:])
	l.w += n
	if n > 0 {
		return n, nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return 0, err
}

// Next returns what has arrived. After an error, which is a *RefusedError or ErrProtocol,
// the connection is of no more use.
func (l *Link) Next() (Event, error) {
	if l.err != nil {
		return Event{}, l.err
	}
	var e Event
	switch l.phase {
	case shaking:
		e, l.err = l.shake()
	case awaitingPayload:
		e, l.err = l.header()
	case inPayload:
		e, l.err = l.payload()
	case streaming:
		e, l.err = l.command()
	}
	if l.err != nil {
		return Event{}, l.err
	}
	return e, nil
}

// line returns the next line that is not empty; a master sends empty ones to keep the
// connection alive.
func (l *Link) line() (line string, ok bool, err error) {
	for l.r < l.w && (l.buf[l.r] == '\n' || l.buf[l.r] == '\r') {
		l.r++
	}
	end := bytes.IndexByte(l.buf[l.r:l.w], '\n')
	if end < 0 {
		if l.w-l.r > maxLine {
			return "", false, protocolError("a line of more than %d bytes", maxLine)
		}
		return "", false, nil
	}
	line = strings.TrimSuffix(string(l.buf[l.r:l.r+end]), "\r")
	l.r += end + 1
	return line, true, nil
}

func (l *Link) shake() (Event, error) {
	for {
		line, ok, err := l.line()
		if !ok || err != nil {
			return Event{}, err
		}
		s := l.steps[0]
		switch refusal, refused := strings.CutPrefix(line, "-"); {
		case s.name == "PSYNC":
			return l.answer(line)
		case !refused && line[0] != '+':
			return Event{}, protocolError("%q in answer to %s", line, s.name)
		case refused && s.name == "PING":
			// It wants a password first; if there is none, or it does not serve now, it says so.
			if !strings.HasPrefix(refusal, "NOAUTH") && !strings.HasPrefix(refusal, "NOPERM") || l.cfg.Password == "" {
				return Event{}, &RefusedError{s.name, refusal}
			}
		case refused && !s.may:
			return Event{}, &RefusedError{s.name, refusal}
		}
		l.steps = l.steps[1:]
		l.send()
	}
}

// answer is the master's answer to PSYNC.
func (l *Link) answer(line string) (Event, error) {
	words := strings.Fields(line)
	if line[0] == '-' {
		return Event{}, &RefusedError{"PSYNC", line[1:]}
	}
	if len(words) == 0 {
		return Event{}, protocolError("%q in answer to PSYNC", line)
	}
	switch words[0] {
	case "+CONTINUE":
		if l.at.ID == "" || len(words) > 2 || len(words) == 2 && len(words[1]) != idSize {
			return Event{}, protocolError("%q in answer to PSYNC", line)
		}
		if len(words) == 2 {
			l.at.ID = words[1]
		}
		l.stream()
		return Event{Kind: Resumed}, nil
	case "+FULLRESYNC":
		if len(words) == 3 && len(words[1]) == idSize {
			if offset, ok := resp.ParseInt([]byte(words[2])); ok && offset >= 0 {
				l.at = Position{ID: words[1], Offset: offset}
				l.phase = awaitingPayload
				return l.header()
			}
		}
	}
	return Event{}, protocolError("%q in answer to PSYNC", line)
}

// header is the line before the snapshot.
func (l *Link) header() (Event, error) {
	line, ok, err := l.line()
	if !ok || err != nil {
		return Event{}, err
	}
	if line[0] == '-' {
		return Event{}, &RefusedError{"PSYNC", line[1:]}
	}
	if mark, ok := strings.CutPrefix(line, "$EOF:"); ok && len(mark) == markSize {
		l.mark, l.left = []byte(mark), -1
	} else if l.left, ok = size(line); !ok {
		return Event{}, protocolError("%q before a snapshot", line)
	}
	l.phase = inPayload
	return Event{Kind: FullSync, Size: l.left}, nil
}

func size(line string) (n int64, ok bool) {
	if line[0] != '$' {
		return 0, false
	}
	n, ok = resp.ParseInt([]byte(line[1:]))
	return n, ok && n >= 0
}

// payload is what has arrived of the snapshot.
func (l *Link) payload() (Event, error) {
	have := l.buf[l.r:l.w]
	if l.mark == nil {
		if l.left == 0 {
			l.stream()
			return Event{Kind: PayloadEnd}, nil
		}
		have = have[:min(int64(len(have)), l.left)]
		l.left -= int64(len(have))
	} else if at := bytes.Index(have, l.mark); at == 0 {
		l.r += markSize
		l.stream()
		return Event{Kind: PayloadEnd}, nil
	} else if at > 0 {
		have = have[:at]
	} else { // the end may be the beginning of the mark
		have = have[:max(0, len(have)-(markSize-1))]
	}
	if len(have) == 0 {
		return Event{}, nil
	}
	l.r += len(have)
	l.head = append(l.head, have[:min(len(have), maxHead-len(l.head))]...)
	return Event{Kind: Payload, Data: have}, nil
}

// stream begins the stream of commands, some of which may have arrived.
func (l *Link) stream() {
	l.phase = streaming
	l.parser = resp.NewParser(l.cfg.Limits)
	if l.head != nil {
		l.at.DB = streamDB(l.head)
		l.head = nil
	}
	l.begin, l.counted, l.db = l.at.Offset, l.at.Offset, l.at.DB
	for rest := bytes.NewReader(l.buf[l.r:l.w]); rest.Len() > 0; {
		n, err := l.parser.Fill(rest)
		l.fed += int64(n)
		if err != nil {
			l.err = err
			return
		}
	}
	l.buf = nil
}

// streamDB finds the database that the stream has selected at a snapshot. A master selects
// one anew behind it, but a replica that passes its master's stream on does not.
func streamDB(head []byte) int {
	const field = "\xfa\x0erepl-stream-db" // an auxiliary field with a name of 14 bytes
	_, value, ok := bytes.Cut(head, []byte(field))
	switch {
	case !ok || len(value) < 3:
	case value[0] == 0xc0: // a number of 1 byte
		return int(value[1] & 0x7f)
	case value[0] == 0xc1: // of 2 bytes
		return int(value[1]) | int(value[2]&0x7f)<<8
	}
	return 0
}
