package resp

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// parseAll feeds a stream in the pieces that r returns, and collects the commands.
func parseAll(p *Parser, r io.Reader) (list [][]string, err error) {
	for {
		args, err := p.Next()
		if err != nil {
			return list, err
		}
		if args == nil {
			if _, err := p.Fill(r); err != nil {
				return list, err
			}
			continue
		}
		var command []string
		for _, a := range args {
			command = append(command, string(a))
		}
		list = append(list, command)
	}
}

func TestParserCutsCommands(t *testing.T) {
	big := strings.Repeat("x", 300_000)
	many := make([]string, 5000)
	for i := range many {
		many[i] = strings.Repeat("a", i%7)
	}
	commands := [][]string{{"PING"}, {"SET", "k", "v"}, {"", "empty", ""}, {"SET", "k", big}, many, {"GET", "\r\n*1"},
		{"SET", "k", big}, {"END"}}
	var stream []byte
	for i, c := range commands {
		stream = AppendCommand(stream, c...)
		if i%2 == 0 {
			stream = append(stream, "\r\n*0\r\n*-1\r\n"...) // all of these mean nothing
		}
	}
	for name, r := range map[string]io.Reader{
		"at once":     bytes.NewReader(stream),
		"byte a byte": iotest.OneByteReader(bytes.NewReader(stream)),
		"halves":      iotest.HalfReader(bytes.NewReader(stream)),
	} {
		got, err := parseAll(NewParser(Limits{}), r)
		if err != io.EOF {
			t.Errorf("%s: ended with %v, want EOF", name, err)
		}
		if !slices.EqualFunc(got, commands, slices.Equal) {
			t.Errorf("%s: %d commands, want %d, or their arguments differ", name, len(got), len(commands))
		}
	}
}

func TestParserReadsInlineCommands(t *testing.T) {
	for line, want := range map[string][]string{
		"PING":                         {"PING"},
		"  set \t k   v  ":             {"set", "k", "v"},
		`set k "a b"`:                  {"set", "k", "a b"},
		`set k "\x41\n\r\t\b\a\\\"\q"`: {"set", "k", "A\n\r\t\b\a\\\"q"},
		`set k "\xZZ\x4"`:              {"set", "k", "xZZx4"},
		`set k 'a\'b\n"'`:              {"set", "k", `a'b\n"`},
		`set k ""`:                     {"set", "k", ""},
		`pre"fix"`:                     {"prefix"},
	} {
		got, err := parseAll(NewParser(Limits{}), strings.NewReader(line+"\r\n"))
		if err != io.EOF || len(got) != 1 || !slices.Equal(got[0], want) {
			t.Errorf("%s: %q, %v; want %q", line, got, err, want)
		}
	}
	for _, line := range []string{`set "a`, `set 'a`, `set "a"b`, `set 'a'b`, `set "a\`} {
		if _, err := parseAll(NewParser(Limits{}), strings.NewReader(line+"\r\n")); err != errQuotes {
			t.Errorf("%s: %v, want %v", line, err, errQuotes)
		}
	}
}

func TestParserKeepsItsLimits(t *testing.T) {
	limits := Limits{MaxBulk: 100, MaxArgs: 5, MaxQuery: 20_000}
	long := strings.Repeat("1", maxLine+10)
	for name, c := range map[string]struct {
		stream   string
		stranger bool
		want     error
	}{
		"bulk too long":       {"*1\r\n$101\r\n", false, errBulkLen},
		"bulk fits":           {"*1\r\n$100\r\n", false, io.EOF},
		"too many arguments":  {"*6\r\n", false, errCount},
		"count is no number":  {"*x\r\n", false, errCount},
		"count too long":      {"*" + long, false, errCountTooLong},
		"length too long":     {"*1\r\n$" + long, false, errBulkLenTooLong},
		"inline too long":     {long, false, errInlineTooBig},
		"stranger's bulk":     {"*1\r\n$16385\r\n", true, errStrangerBulkSize},
		"stranger's count":    {"*11\r\n", true, errStrangerCount},
		"stranger's fits":     {"*10\r\n$16384\r\n", true, io.EOF},
		"TLS":                 {"\x16\x03\x01\x02", false, errTLS},
		"no dollar":           {"*1\r\n:1\r\n", false, &ProtocolError{"expected '$', got ':'"}},
		"plus sign in length": {"*1\r\n$+1\r\n", false, errBulkLen},
	} {
		l := limits
		if c.stranger {
			l = Limits{}
		}
		l.MaxQuery = 1 << 20
		p := NewParser(l)
		p.SetStranger(c.stranger)
		_, err := parseAll(p, strings.NewReader(c.stream))
		var protocol *ProtocolError
		if errors.As(err, &protocol) {
			if want, ok := c.want.(*ProtocolError); ok && protocol.Error() == want.Error() {
				continue
			}
		}
		if err != c.want {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	query := NewParser(Limits{MaxQuery: 20_000})
	unfinished := "*1\r\n$1000000\r\n" + strings.Repeat("x", 50_000)
	if _, err := parseAll(query, iotest.HalfReader(strings.NewReader(unfinished))); err != ErrQueryTooLarge {
		t.Errorf("a query over the limit: %v, want %v", err, ErrQueryTooLarge)
	}
	stranger := NewParser(Limits{})
	stranger.SetStranger(true)
	unfinished = "*10\r\n" + strings.Repeat("$16384\r\n"+strings.Repeat("x", 16384)+"\r\n", 5)
	if _, err := parseAll(stranger, strings.NewReader(unfinished)); err != ErrQueryTooLarge {
		t.Errorf("a stranger's command of 80 KiB: %v, want %v", err, ErrQueryTooLarge)
	}
	if n := stranger.Size(); n > 100<<10 {
		t.Errorf("a stranger's command takes %d bytes of memory", n)
	}
}

func TestParserAllocatesOnlyWhatArrives(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, stream := range []string{
		"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nhalf",
		"*1048576\r\n$1\r\na\r\n",
	} {
		if _, err := parseAll(NewParser(Limits{}), strings.NewReader(stream)); err != io.EOF {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Fatalf("claims of 512 MB and a million arguments made the parser allocate %d bytes", got)
	}
}

func TestParserGivesLargeBuffersBack(t *testing.T) {
	p := NewParser(Limits{})
	stream := AppendCommand(nil, "SET", "k", strings.Repeat("x", 10<<20))
	if _, err := parseAll(p, bytes.NewReader(stream)); err != io.EOF {
		t.Fatal(err)
	}
	if p.Size() > keepBuffer {
		t.Fatalf("an idle parser holds %d bytes", p.Size())
	}
}

// A client whose batches are a little longer than the first buffer is soon read once a
// batch.
func TestParserReadsABatchAtOnce(t *testing.T) {
	batch := []byte(strings.Repeat("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$256\r\n"+strings.Repeat("v", 256)+"\r\n", 16))
	p := NewParser(Limits{})
	for round := range 10 {
		r, reads := bytes.NewReader(batch), 0
		for r.Len() > 0 {
			if _, err := p.Fill(r); err != nil {
				t.Fatal(err)
			}
			reads++
			for args, err := p.Next(); args != nil || err != nil; args, err = p.Next() {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		if round > 2 && reads > 1 {
			t.Errorf("%d reads for batch %d of %d bytes", reads, round, len(batch))
		}
	}
	if p.Size() > 16<<10 {
		t.Errorf("a buffer of %d bytes for batches of %d", p.Size(), len(batch))
	}
}

func TestParseInt(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "7": 7, "-1": -1, "10": 10, "9223372036854775807": 1<<63 - 1,
		"-9223372036854775808": -1 << 63} {
		if n, ok := ParseInt([]byte(text)); !ok || n != want {
			t.Errorf("ParseInt(%q) = %d, %v", text, n, ok)
		}
	}
	for _, text := range []string{"", "-", "+1", "01", "-0", " 1", "1 ", "1.0", "9223372036854775808",
		"-9223372036854775809", "99999999999999999999", "x"} {
		if n, ok := ParseInt([]byte(text)); ok {
			t.Errorf("ParseInt(%q) = %d, want a refusal", text, n)
		}
	}
}

// FuzzParser cuts the same stream in two ways and compares.
func FuzzParser(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"))
	f.Add([]byte("PING\r\n*0\r\nset k \"a\\x41\"\r\n"))
	f.Add([]byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1073741824\r\n"))
	f.Add([]byte("*1000000000\r\n$-1\r\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		limits := Limits{MaxBulk: 1 << 16, MaxArgs: 1 << 10, MaxQuery: 1 << 18}
		whole, wholeErr := parseAll(NewParser(limits), bytes.NewReader(stream))
		bytewise, bytewiseErr := parseAll(NewParser(limits), iotest.OneByteReader(bytes.NewReader(stream)))
		if !slices.EqualFunc(whole, bytewise, slices.Equal) {
			t.Fatalf("at once %q, byte by byte %q", whole, bytewise)
		}
		if wholeErr.Error() != bytewiseErr.Error() {
			t.Fatalf("at once %v, byte by byte %v", wholeErr, bytewiseErr)
		}
	})
}

func BenchmarkParser(b *testing.B) {
	b.ReportAllocs()
	one := AppendCommand(nil, "SET", "key:0000000001", strings.Repeat("x", 100))
	batch := bytes.Repeat(one, 16)
	p := NewParser(Limits{})
	r := bytes.NewReader(nil)
	for i := 0; i < b.N; i += 16 {
		r.Reset(batch)
		p.Fill(r)
		for {
			args, err := p.Next()
			if err != nil {
				b.Fatal(err)
			}
			if args == nil {
				break
			}
		}
	}
}
