package main

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slotmesh/slotmesh/admin"
)

// addresses make clusters whose nodes are called in all ways.
var addresses = map[string]func(i int) string{
	"ipv4":     func(i int) string { return fmt.Sprintf("192.168.200.%d:65%03d", 100+i, i) },
	"ipv6":     func(i int) string { return fmt.Sprintf("[2001:db8:85a3:1111:2222:8a2e:370:7%03d]:65535", i) },
	"hostname": func(i int) string { return fmt.Sprintf("redis-%d.redis-headless.production.svc.cluster.local:6379", i) },
}

// busySample is a cluster of n nodes, a replica for each master, with large figures.
func busySample(n int, address func(int) string) *admin.Sample {
	s := &admin.Sample{Time: time.Unix(0, 0).UTC(), Cluster: true, State: "ok"}
	for i := range n {
		node := admin.NodeSample{ID: strings.Repeat("a", 40), Address: address(i), Shard: i / 2, Role: admin.RoleMaster,
			Health: admin.HealthOK, Slots: 16384, Keys: 123456789, Ops: 987654, Memory: 1 << 40, In: 123456789, Out: 99999,
			Clients: 10000, Lag: admin.Unknown, LinkDown: admin.Unknown, CPU: 1234.5, Blocked: 12, Hits: 99.99, Evicted: 123456,
			Expired: 1, Uptime: 1e8, Version: "255.255.255-rc1"}
		if i%2 == 1 {
			node.Role, node.Slots, node.Lag = admin.RoleReplica, admin.Unknown, 123456789
		}
		s.Nodes = append(s.Nodes, node)
	}
	s.Nodes[n-1].Health, s.Nodes[n-1].Err = admin.HealthSilent, errors.New("no answer")
	for i := range 5 {
		s.Moves = append(s.Moves, admin.MoveSample{From: address(i), To: address(i + 1), Slots: 100 + i, Keys: 5, Bytes: 6})
		s.Slots = append(s.Slots, admin.SlotSample{Slot: 16383, Address: address(i), Keys: 1e9, CPU: 99, In: 1e9, Out: 1e9,
			Memory: 1e9})
	}
	return s
}

var sequences = regexp.MustCompile("\x1b\\[[0-9;?]*[a-zA-Z]")

// No line is wider than the terminal, and there are not more of them than it has; at 80 columns
// all that is promised is there.
func TestTopFitsTerminal(t *testing.T) {
	for name, address := range addresses {
		for _, nodes := range []int{3, 6, 100} {
			for _, width := range []int{20, 40, 79, 80, 81, 100, 132, 200, 300} {
				for _, height := range []int{12, 24, 50} {
					for _, slots := range []bool{false, true} {
						f := frame{sample: busySample(nodes, address), sortBy: sortAddress, width: width, height: height, colors: true,
							slots: slots}
						checkFrame(t, &f, fmt.Sprintf("%d nodes by %s, %d x %d, slots %v", nodes, name, width, height, slots))
					}
				}
			}
		}
	}
}

func checkFrame(t *testing.T, f *frame, what string) {
	t.Helper()
	lines := f.lines()
	text := sequences.ReplaceAllString(strings.Join(lines, "\n"), "")
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > f.width {
			t.Fatalf("%s: %d columns:\n%s", what, n, text)
		}
	}
	if len(lines) > f.height {
		t.Fatalf("%s: %d lines:\n%s", what, len(lines), text)
	}
	if f.width < usualWidth {
		return
	}
	wants := []string{"M/R NODE", "STATE", "SLOTS", "KEYS", "OPS/s", "MEM", "IN/s", "OUT", "CONN", "LAG", "CPU%", "total"}
	if shown := strings.Count(text, "\nM ") + strings.Count(text, "\nR "); shown < len(f.sample.Nodes) {
		wants = append(wants, fmt.Sprintf("… %d more\n", len(f.sample.Nodes)-shown))
	}
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Fatalf("%s: no %q:\n%s", what, want, text)
		}
	}
}

// A frame as one sees it.
func TestTopFrame(t *testing.T) {
	s := busySample(4, addresses["ipv4"])
	s.Moves = s.Moves[:1]
	s.Nodes[1].LinkDown = 75
	s.Nodes[2].Address = "evil\x1b[2J\n:1"
	f := frame{sample: s, sortBy: sortAddress, width: 80}
	got := strings.Join(f.lines(), "\n")
	want := strings.TrimPrefix(`
slotmesh top  00:00:00, cluster ok, 2 shards, 4 nodes, 1 without an answer
moving 100 slots 192.168.200.100:65000 -> 192.168.200.101:65001, 5 keys so far
M/R NODE                 STATE SLOTS  KEYS OPS/s   MEM IN/s  OUT CONN   LAG CPU%
M 192.168.200.100:65000     ok 16384  123M  988k 1.00T 123M 100k  10k       1234
R 192.168.200.101:65001     ok     -  123M  988k 1.00T 123M 100k  10k    1m 1234
M evil?[2J?:1               ok 16384  123M  988k 1.00T 123M 100k  10k       1234
R 192.168.200.103:65003 silent     -  123M  988k 1.00T 123M 100k  10k  118M 1234
total                          32768  247M 3.95M 4.00T 494M 400k  40k  118M 4938`, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	f.sample.Nodes = f.sample.Nodes[:1]
	f.sample.Cluster, f.sample.NoSlots, f.slots, f.sample.Unanswered = false, "they do not", true, errors.New("gone")
	got = strings.Join(f.lines(), "\n")
	for _, want := range []string{"not in cluster mode, 1 node\nno node tells which nodes there are: gone\n",
		"\nno busiest slots: they do not"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestTopOrder(t *testing.T) {
	s := busySample(6, addresses["ipv4"])
	for i := range s.Nodes {
		s.Nodes[i].Ops = admin.Figure(i)
	}
	for by, want := range map[string][]int{sortAddress: {0, 1, 2, 3, 4, 5}, "ops": {4, 5, 2, 3, 0, 1}} {
		f := frame{sample: s, sortBy: by}
		var got []int
		for _, n := range f.sorted() {
			got = append(got, slices.IndexFunc(s.Nodes, func(o admin.NodeSample) bool { return o.Address == n.Address }))
		}
		if !slices.Equal(got, want) {
			t.Errorf("by %s: %v, want %v", by, got, want)
		}
	}
}

func TestTopFigures(t *testing.T) {
	for _, c := range []struct {
		f                            admin.Figure
		short, shorter, bytes, cents string
	}{
		{admin.Unknown, "-", "-", "-", "-"}, {0, "0", "0", "0", "0.0"}, {9.96, "10", "10", "10", "10"},
		{999, "999", "999", "999", "999"}, {1000, "1000", "1000", "0.98k", "1000"}, {9999, "9999", "9999", "9.76k", "9999"},
		{10000, "10000", "10k", "9.77k", "10k"}, {99999, "99999", "100k", "97.7k", "100k"},
		{999600, "1.00M", "1.0M", "976k", "1.0M"}, {1e9, "1.00G", "1.0G", "954M", "1.0G"},
		{1e18, "1.00E", "1.0E", "888P", "1.0E"},
	} {
		got := []string{short(c.f), shorter(c.f), bytesText(c.f), percent(c.f)}
		if want := []string{c.short, c.shorter, c.bytes, c.cents}; !slices.Equal(got, want) {
			t.Errorf("%v: got %q, want %q", float64(c.f), got, want)
		}
	}
	for seconds, want := range map[admin.Figure]string{admin.Unknown: "-", 0: "0s", 59: "59s", 60: "1m", 3599: "59m",
		3600: "1h", 86400: "1d", 1e8: "1157d"} {
		if got := age(seconds); got != want {
			t.Errorf("%v seconds: %s, want %s", float64(seconds), got, want)
		}
	}
}

func TestShortAddress(t *testing.T) {
	for _, c := range []struct {
		addr  string
		width int
		want  string
	}{
		{"10.0.0.1:7000", 13, "10.0.0.1:7000"}, {"10.0.0.1:7000", 12, "10.0.0…:7000"},
		{"redis-0.redis.local:6379", 15, "redis-0.r…:6379"}, {"[2001:db8:1:2:3:4:5:6]:6379", 21, "[2001…2:3:4:5:6]:6379"},
		{"10.0.0.1:7000", 4, "10.…"}, {"name", 3, "na…"},
	} {
		got := shortAddress(c.addr, c.width)
		if got != c.want || utf8.RuneCountInString(got) > c.width {
			t.Errorf("%s in %d columns: %q, want %q", c.addr, c.width, got, c.want)
		}
	}
}

// Elsewhere than on a terminal there are no sequences, and frames follow each other.
func TestScreen(t *testing.T) {
	var out bytes.Buffer
	s := newScreen(&out, false)
	s.draw([]string{"a", "b"})
	s.draw([]string{"c"})
	s.close()
	if got := out.String(); got != "a\nb\n\nc\n" {
		t.Errorf("got %q", got)
	}
	out.Reset()
	s = &screen{w: &out, terminal: true}
	s.draw([]string{"a"})
	s.draw([]string{"b"})
	s.close()
	want := hideCursor + wrapOff + goHome + clearAll + goHome + clearLine + "a\n" + clearBelow + goHome + clearLine +
		"b\n" + clearBelow + plainText + wrapOn + showCursor
	if got := out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	t.Setenv("COLUMNS", "70")
	if width, height := newScreen(&out, false).size(); width != 70 || height != 0 {
		t.Errorf("size %d x %d", width, height)
	}
}

func TestParseInterval(t *testing.T) {
	for text, want := range map[string]time.Duration{"2": 2 * time.Second, "0.5": time.Second / 2,
		"250ms": 250 * time.Millisecond,
		"1m":    time.Minute, "0": 0, "10ms": 0, "x": 0, "-1": 0} {
		got, err := parseInterval(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}
