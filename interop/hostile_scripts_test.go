package interop

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// inReply says that the error stands somewhere in the reply.
const inReply = "in the reply"

// hostile are scripts that would bring a server down if nothing bounded them, and a part of
// the error that each gets. Those with "" run until they are killed.
var hostile = []struct{ name, script, want string }{
	{"loops", "while true do end", ""},
	{"loops through pcall", "while true do pcall(function() while true do end end) end", ""},
	{"matches for ever", "return string.find(string.rep('a', 60), string.rep('a-', 30) .. 'b')", ""},
	{"fills memory by strings", "local t = {} while true do t[#t + 1] = string.rep('x', 1000) end", "not enough memory"},
	{"fills memory by tables", "local t = {} while true do t[#t + 1] = {} end", "not enough memory"},
	{"repeats a string", "return string.rep('x', 1e9)", "not enough memory"},
	{"joins strings", "local s = 'x' while true do s = s .. s end", "not enough memory"},
	{"replies with nested tables", "local t = {} for i = 1, 10000 do t = {t} end return t", inReply},
	{"encodes nested tables", "local t = {} for i = 1, 10000 do t = {t} end return cjson.encode(t)", "nesting"},
	{"decodes nested arrays", "return cjson.decode(string.rep('[', 10000))", "nested"},
	{"calls itself", "local function f() return 1 + f() end return f()", "stack overflow"},
}

// TestHostileScripts runs them in a slot of a real node while a client reads in another. It
// reports how long that client waited, how long it takes until a killed script has ended,
// and how much memory the node has ever had.
func TestHostileScripts(t *testing.T) {
	t.Parallel()
	p := serve(t, "--busy-reply-threshold", "100", "--save", "")
	p.ask("cluster", "addslotsrange", 0, 16383)
	p.eventually("serves all slots", time.Minute, func() bool { return p.ask("set", "{b}1", "x") == "OK" })
	c := p.client()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for _, s := range hostile {
		stop := startReader(ctx, p.client(), "{b}1")
		err, killed := runHostile(ctx, p, c, s.script, s.want == "")
		slowest := stop()
		switch {
		case s.want == "" && (err == nil || !strings.Contains(err.Error(), "killed by user")):
			t.Errorf("a script that %s: %v", s.name, err)
		case s.want != "" && s.want != inReply && (err == nil || !strings.Contains(err.Error(), s.want)):
			t.Errorf("a script that %s: %v", s.name, err)
		case killed > 10*time.Second:
			t.Errorf("a script that %s ended %v after the kill", s.name, killed)
		}
		t.Logf("%-28s others' GET: p99 %v; ended %v after the kill", s.name, slowest, killed)
	}
	if got := p.ask("get", "{a}1"); got != redis.Nil.Error() {
		t.Errorf("a key of the slot: %s", got)
	}
	most := peakMemory(t, p)
	t.Logf("the node has had at most %d MB", most>>20)
	if most > 1<<30 {
		t.Errorf("the node has had %d bytes: a script may hold 64 MiB", most)
	}

	wrote := make(chan error, 1)
	go func() {
		wrote <- c.Eval(ctx, "redis.call('set', KEYS[1], 1) while true do end", []string{"{a}1"}).Err()
	}()
	p.eventually("is busy", time.Minute, func() bool { return strings.Contains(busy(ctx, c), "BUSY") })
	if err := c.Do(ctx, "script", "kill").Err(); err == nil || !strings.HasPrefix(err.Error(), "UNKILLABLE") {
		t.Errorf("kill of a script that has written: %v", err)
	}
	c.Do(ctx, "shutdown", "nosave")
	<-wrote
	p.eventually("ends", time.Minute, func() bool { return ended(p) })
}

// runHostile returns the error of a script. One that would not end is killed once its slot
// is busy; killed is how long it took from then on.
func runHostile(ctx context.Context, p *process, c *redis.Client, script string, kill bool) (err error, killed time.Duration) {
	done := make(chan error, 1)
	go func() { done <- c.Eval(ctx, script, []string{"{a}1"}).Err() }()
	if !kill {
		return <-done, 0
	}
	p.eventually("is busy", time.Minute, func() bool { return strings.HasPrefix(busy(ctx, c), "BUSY") })
	began := time.Now()
	if err := c.Do(ctx, "script", "kill").Err(); err != nil {
		return fmt.Errorf("SCRIPT KILL: %w", err), 0
	}
	return <-done, time.Since(began)
}

func busy(ctx context.Context, c *redis.Client) string {
	if err := c.Get(ctx, "{a}1").Err(); err != nil {
		return err.Error()
	}
	return ""
}

// startReader gets a key again and again. stop returns within which time 99 % of that was
// answered.
func startReader(ctx context.Context, c *redis.Client, key string) (stop func() (p99 time.Duration)) {
	ctx, cancel := context.WithCancel(ctx)
	result := make(chan []time.Duration)
	go func() {
		var took []time.Duration
		for ctx.Err() == nil {
			began := time.Now()
			if err := c.Get(ctx, key).Err(); err != nil {
				break
			}
			took = append(took, time.Since(began))
		}
		result <- took
	}()
	return func() time.Duration {
		cancel()
		took := <-result
		if len(took) == 0 {
			return 0
		}
		slices.Sort(took)
		return took[len(took)*99/100]
	}
}

// peakMemory returns the most bytes of memory that a process has had.
func peakMemory(t *testing.T, p *process) (bytes int64) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Skip("only Linux tells: ", err)
	}
	for line := range strings.Lines(string(text)) {
		if n, err := fmt.Sscanf(line, "VmHWM: %d kB", &bytes); n == 1 && err == nil {
			return bytes << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}
