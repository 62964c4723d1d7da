package follow

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
)

const (
	testID  = "0123456789abcdef0123456789abcdef01234567"
	otherID = "89abcdef0123456789abcdef0123456789abcdef"
)

// told is what a Link makes of what a master says, in one line per event.
func told(t testing.TB, l *Link, r io.Reader) (lines []string, sent string, err error) {
	t.Helper()
	var payload, out []byte
	for {
		e, err := l.Next()
		out = append(out, l.Output()...)
		if err != nil {
			return lines, string(out), err
		}
		switch e.Kind {
		case Wait:
			if _, err := l.Fill(r); err != nil {
				return lines, string(out), err
			}
		case Resumed:
			lines = append(lines, fmt.Sprintf("resumed %s %d", l.Position().ID, l.Position().Offset))
		case FullSync:
			lines = append(lines, fmt.Sprintf("full %d %s %d", e.Size, l.Position().ID, l.Position().Offset))
		case Payload:
			payload = append(payload, e.Data...)
		case PayloadEnd:
			lines = append(lines, fmt.Sprintf("payload %d db %d", len(payload), l.Position().DB))
		case GetAck:
			lines = append(lines, fmt.Sprint("getack ", l.Position().Offset))
		case Commands:
			text := ""
			for _, c := range e.Group.Commands {
				text += fmt.Sprintf(" %d:%s", c.DB, bytes.Join(c.Args, []byte(",")))
			}
			lines = append(lines, fmt.Sprintf("%d+%d tx=%v%s", e.Group.End, e.Group.Size, e.Group.Tx, text))
		}
	}
}

func words(lines ...string) string {
	var b []byte
	for _, line := range lines {
		b = resp.AppendCommand(b, strings.Fields(line)...)
	}
	return string(b)
}

// master is a whole conversation: the snapshot in both forms.
func master(mark string) string {
	const file = "REDIS0010\xfa\x0erepl-stream-db\xc0\x03and so on"
	head := "+PONG\r\n+OK\r\n-ERR Unrecognized REPLCONF option\r\n\n\n+FULLRESYNC " + testID + " 100\r\n\n\n"
	if mark != "" {
		return head + "$EOF:" + mark + "\r\n" + file + mark
	}
	return head + fmt.Sprintf("$%d\r\n%s", len(file), file)
}

// TestLink: the same bytes mean the same, however they are cut.
func TestLink(t *testing.T) {
	stream := words("set a 1", "SELECT 0", "PING", "multi", "incr b", "select 2", "incr c", "exec", "multi", "exec",
		"REPLCONF GETACK *", "del a b")
	want := []string{"payload 36 db 3", "127+27 tx=false 3:set,a,1", "258+94 tx=true 0:incr,b 2:incr,c"}
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		mark, size := "", "36"
		if seed%2 == 1 {
			mark, size = otherID, "-1"
		}
		l := NewLink(Config{User: "u", Password: "p", Port: 7}, Position{})
		says := "+PONG\r\n+OK\r\n" + master(mark)[len("+PONG\r\n"):] + stream
		lines, sent, err := told(t, l, &cutReader{strings.NewReader(says), rnd})
		if err != io.EOF {
			t.Fatalf("seed %d: %v", seed, err)
		}
		all := append([]string{"full " + size + " " + testID + " 100"}, want...)
		if got := lines[:len(all)]; !reflect.DeepEqual(got, all) {
			t.Fatalf("seed %d:\n%q\nwant\n%q", seed, got, all)
		}
		if end := l.Position(); end.Offset != 100+int64(len(stream)) || end.DB != 2 {
			t.Fatalf("seed %d: it ends at %+v", seed, end)
		}
		hello := words("PING", "AUTH u p", "REPLCONF listening-port 7", "REPLCONF capa eof capa psync2", "PSYNC ? -1")
		if sent != hello {
			t.Fatalf("seed %d: it sent %q, want %q", seed, sent, hello)
		}
	}
}

// A link goes on where another one ended, before a transaction of which it had a part.
func TestLinkResumes(t *testing.T) {
	whole := words("SELECT 4", "set a 1", "multi", "select 5", "incr b", "exec", "set c 1")
	for cut := range len(whole) {
		hello := strings.Replace(master(""), "-ERR Unrecognized REPLCONF option\r\n", "+OK\r\n", 1)
		l := NewLink(Config{Password: "p"}, Position{})
		first, _, _ := told(t, l, strings.NewReader(hello+whole[:cut]))
		at := l.Position()
		l = NewLink(Config{Password: "p"}, at)
		says := "+PONG\r\n+OK\r\n+OK\r\n+CONTINUE " + otherID + "\r\n" + whole[at.Offset-100:]
		second, sent, _ := told(t, l, strings.NewReader(says))
		if !strings.HasSuffix(sent, words(fmt.Sprint("PSYNC ", testID, " ", at.Offset+1))) {
			t.Fatalf("cut at %d: it sent %q", cut, sent)
		}
		all := append(first[2:], second[1:]...)
		if len(all) != 3 || !strings.HasSuffix(all[0], " 4:set,a,1") || !strings.HasSuffix(all[1], "tx=true 5:incr,b") ||
			!strings.HasSuffix(all[2], " 5:set,c,1") || l.Position().ID != otherID {
			t.Fatalf("cut at %d: %q, then %q", cut, first, second)
		}
	}
}

func TestLinkRefused(t *testing.T) {
	for says, want := range map[string]struct {
		text      string
		temporary bool
	}{
		"-NOAUTH Authentication required.\r\n":                         {"PING was refused: NOAUTH", false},
		"-LOADING Redis is loading the dataset in memory\r\n":          {"LOADING", true},
		"-ERR max number of clients reached\r\n":                       {"max number", true},
		"+PONG\r\n+OK\r\n-NOMASTERLINK Can't SYNC while not …\r\n":     {"PSYNC was refused: NOMASTERLINK", true},
		"+PONG\r\n+OK\r\n-ERR unknown command 'PSYNC'\r\n":             {"unknown command", false},
		"+PONG\r\n+OK\r\n+FULLRESYNC x 1\r\n":                          {"does not speak", false},
		"+PONG\r\n+OK\r\n+CONTINUE\r\n":                                {"does not speak", false},
		"+PONG\r\n+OK\r\n+FULLRESYNC " + testID + " 1\r\n$-5\r\n":      {"does not speak", false},
		"+PONG\r\n+OK\r\n+FULLRESYNC " + testID + " 1\r\n$0\r\n*x\r\n": {"does not speak", false},
		"HTTP/1.1 400 Bad Request\r\n":                                 {"does not speak", false},
	} {
		_, _, err := told(t, NewLink(Config{}, Position{}), strings.NewReader(says))
		var refused *RefusedError
		if err == nil || !strings.Contains(err.Error(), want.text) ||
			want.temporary != (errors.As(err, &refused) && refused.Temporary()) {
			t.Errorf("after %q: %v", says, err)
		}
	}
	wrong := strings.NewReader("-NOAUTH\r\n-WRONGPASS no\r\n")
	_, _, err := told(t, NewLink(Config{Password: "p"}, Position{}), wrong)
	if err == nil || !strings.Contains(err.Error(), "AUTH was refused: WRONGPASS") {
		t.Error(err)
	}
}

// cutReader gives a few bytes at a time.
type cutReader struct {
	r   io.Reader
	rnd *rand.Rand
}

func (c *cutReader) Read(b []byte) (int, error) { return c.r.Read(b[:min(len(b), 1+c.rnd.IntN(60))]) }

// FuzzLink: nothing that a master says does more than end the link, and offsets count what
// was said.
func FuzzLink(f *testing.F) {
	f.Add([]byte(master("") + words("set a 1", "multi", "incr b", "exec")))
	f.Add([]byte(master(otherID) + words("REPLCONF GETACK *")))
	f.Add([]byte("+PONG\n+OK\n+OK\n+FULLRESYNC " + testID + " 0\n$1\r\nx1\n\n\n2\n"))
	f.Add([]byte("+PONG\r\n+OK\r\n+OK\r\n+CONTINUE\r\n*1\r\n$4\r\nPING\r\n"))
	f.Fuzz(func(t *testing.T, says []byte) {
		from := Position{ID: testID, Offset: 5}
		whole := NewLink(Config{Port: 1}, from)
		lines, _, err := told(t, whole, bytes.NewReader(says))
		cut := NewLink(Config{Port: 1}, from)
		again, _, _ := told(t, cut, &cutReader{bytes.NewReader(says), rand.New(rand.NewPCG(1, 1))})
		if !reflect.DeepEqual(lines, again) || err == io.EOF && whole.Position() != cut.Position() {
			t.Errorf("%q\ncut otherwise\n%q", lines, again)
		}
	})
}
