package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/status"
)

// browser starts a headless Chromium for a test, which it skips for want of one, or fails in
// CI.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil && path == "" {
			path = p
		}
	}
	switch {
	case path != "":
	case os.Getenv("CI") != "":
		t.Fatal("Chromium is not installed; CI needs it")
	default:
		t.Skip("Chromium is not installed (Debian: apt-get install chromium)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.WSURLReadTimeout(time.Minute), chromedp.UserDataDir(t.TempDir()))
	ctx, end := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(end)
	ctx, end = chromedp.NewContext(ctx)
	t.Cleanup(func() { chromedp.Cancel(ctx) })
	t.Cleanup(end)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1280, 800)); err != nil { // starts it, without a bound: see Run
		t.Fatal(err)
	}
	return ctx
}

// run does something in the browser, within a minute.
func run(t *testing.T, ctx context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

// get returns what an action yields.
func get[T any](t *testing.T, ctx context.Context, action chromedp.Action[T]) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// do runs a script in the page.
func do(script string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](script)
}

// until waits until an expression of the page is true, and returns how long that took.
func until(t *testing.T, ctx context.Context, limit time.Duration, expression string) time.Duration {
	t.Helper()
	start := time.Now()
	err := chromedp.Do(ctx, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingInterval(20*time.Millisecond),
		chromedp.WithPollingTimeout(limit)))
	if err != nil {
		text, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
		t.Fatalf("not within %v: %s: %v\n%s", limit, expression, err, text)
	}
	return time.Since(start)
}

// lookedAt are the windows in which the page must be well.
var lookedAt = []struct {
	name          string
	width, height int64
	dark          bool
}{{"wide", 1280, 800, false}, {"dark", 1280, 800, true}, {"phone", 360, 740, false}, {"narrow", 320, 640, true}}

// faults is a script that returns what is wrong with how the page looks: text that sticks out
// of the window or its box, or that has too little contrast.
const faults = `(() => {
	const list = [];
	const wide = document.documentElement;
	if (wide.scrollWidth > innerWidth) list.push('the page is ' + wide.scrollWidth + ' wide, the window ' + innerWidth);
	const parse = c => (c.match(/[\d.]+/g) || []).map(Number);
	const lum = c => c.slice(0, 3).map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
		.reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n; n = walk.nextNode();) {
		const el = n.parentElement;
		if (!n.data.trim() || !el.checkVisibility() || el.closest('script, noscript')) continue;
		const name = JSON.stringify(n.data.trim().slice(0, 40));
		const range = document.createRange();
		range.selectNodeContents(n);
		const r = range.getBoundingClientRect();
		if (r.right > innerWidth + 1 || r.left < -1) list.push(name + ' sticks out of the window');
		const box = el.getBoundingClientRect();
		const style = getComputedStyle(el);
		if (r.right > box.right + 2 && style.display !== 'inline') list.push(name + ' sticks out of its box');
		const behind = e => parse(getComputedStyle(e).backgroundColor);
		let back = el;
		while (back && (behind(back)[3] ?? 1) === 0) back = back.parentElement;
		const a = lum(parse(style.color)), b = lum(back ? behind(back) : [255, 255, 255]);
		const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
		if (contrast < 4.5) list.push(name + ' has a contrast of ' + contrast.toFixed(2));
	}
	return list;
})()`

// look checks how the page looks in windows of several sizes, and takes pictures of it into
// the folder that SLOTMESH_SCREENSHOTS names.
func look(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	for _, w := range lookedAt {
		scheme := "light"
		if w.dark {
			scheme = "dark"
		}
		media := emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
		run(t, ctx, chromedp.EmulateViewport(w.width, w.height),
			chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
				_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, media)
				return err
			}),
			chromedp.Evaluate[chromedp.Void]("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))",
				chromedp.EvalAwaitPromise))
		found := get(t, ctx, chromedp.Evaluate[[]string](faults))
		for _, f := range found[:min(len(found), 10)] {
			t.Errorf("%s, %s: %s", name, w.name, f)
		}
		if dir := os.Getenv("SLOTMESH_SCREENSHOTS"); dir != "" {
			picture := get(t, ctx, chromedp.FullScreenshot(100))
			if err := os.WriteFile(filepath.Join(dir, name+"-"+w.name+".png"), picture, 0o644); err != nil {
				t.Error(err)
			}
		}
	}
}

var pageURL = regexp.MustCompile(`serving the status page: url=(\S+)`)

// TestStatusPage: the page shows six nodes, a reshard while it runs, and a master that was
// killed, within the node timeout.
func TestStatusPage(t *testing.T) {
	t.Parallel()
	const timeout = 3 * time.Second
	ctx := browser(t)
	c := createShards(t, "--cluster-node-timeout", fmt.Sprint(timeout.Milliseconds()), "--http", "127.0.0.1:0")
	masters := c.masters()
	verify := fill(t, c.nodes, 60_000)
	url := pageURL.FindStringSubmatch(masters[0].out.String())
	if url == nil {
		t.Fatalf("no address in\n%s", masters[0].out.String())
	}
	run(t, ctx, chromedp.EmulateViewport(1280, 800), chromedp.Navigate(url[1]))
	until(t, ctx, 20*time.Second, `document.querySelectorAll('.node.good').length === 6`)
	until(t, ctx, 10*time.Second, `document.getElementById('hot').textContent.startsWith('Each cell')`)
	until(t, ctx, 10*time.Second, `document.querySelectorAll('#events li').length > 5`)

	// What the page has shown is noted in the page: the moves may be over before one asks.
	run(t, ctx, chromedp.EmulateViewport(1280, 800), do(`
		window.seen = [];
		new MutationObserver(() => {
			const bar = document.querySelector('#moves progress');
			if (bar && !bar.hidden) seen.push([bar.value, bar.max]);
		}).observe(document.getElementById('moves'), { childList: true, subtree: true,
			characterData: true, attributes: true })`))
	ids := make([]string, 3)
	for i, p := range masters {
		ids[i] = p.ask("cluster", "myid")
	}
	var first slots.Range
	for r := range ownedRanges(t, masters[0]) {
		first = slots.Range{First: r.First, Last: r.First + min(5000, r.Last-r.First)}
		break
	}
	// The target stands still until the page, which asks once a second, has shown the move; back and
	// forth, for a quick machine may have moved the slots before that.
	const shown = `seen.some(([value, max]) => max > 1 && value < max)`
	for i, done := 0, false; !done; i++ {
		from, to := i%2, (i+1)%2
		reply := masters[from].ask("cluster", "migrateslots", "slotsrange", int(first.First), int(first.Last), "node",
			ids[to])
		if reply != "OK" {
			t.Fatalf("migrateslots: %s", reply)
		}
		masters[to].signal(syscall.SIGSTOP)
		err := chromedp.Do(ctx, chromedp.Poll[chromedp.Void](shown, chromedp.WithPollingInterval(20*time.Millisecond),
			chromedp.WithPollingTimeout(timeout*2/3)))
		picture := get(t, ctx, chromedp.CaptureScreenshot())
		masters[to].signal(syscall.SIGCONT)
		until(t, ctx, time.Minute, fmt.Sprintf(`!report.moves.length && [%d, %d].every(slot =>
			report.shards[owners[slot]].master === '%s')`, first.First, first.Last, ids[to]))
		if done = err == nil; i == 20 && !done {
			t.Fatal("none of 20 moves was shown")
		}
		if dir := os.Getenv("SLOTMESH_SCREENSHOTS"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, "moving.png"), picture, 0o644); err != nil {
				t.Error(err)
			}
		}
	}
	until(t, ctx, 10*time.Second, `document.getElementById('moves').textContent === 'No slots are moving.'`)
	verify()

	run(t, ctx, do(`asked.value = '{user}:7'; ask.requestSubmit()`))
	until(t, ctx, 5*time.Second, fmt.Sprintf(`document.getElementById('answer').textContent.startsWith('Slot %d ')`,
		slots.OfString("user")))

	victim := masters[2]
	victim.kill(syscall.SIGKILL)
	took := until(t, ctx, timeout+2*time.Second, fmt.Sprintf(`[...document.querySelectorAll('.node.bad')]
		.some(n => n.dataset.id === '%s')`, ids[2]))
	t.Logf("the killed master was red after %v", took)
	if took > timeout {
		t.Errorf("the killed master was red after %v, the node timeout is %v", took, timeout)
	}
	until(t, ctx, 20*time.Second, `[...document.querySelectorAll('.node .state')].some(s => s.textContent === 'failed')`)
	until(t, ctx, 20*time.Second, `report.cluster.state === 'ok' && report.shards.length === 3`)
	look(t, ctx, "failed")
}

func ownedRanges(t *testing.T, p *process) func(func(slots.Range) bool) {
	t.Helper()
	for line := range strings.Lines(p.ask("cluster", "nodes")) {
		if f := strings.Fields(line); strings.HasPrefix(f[2], "myself") {
			set, err := slots.ParseSet(strings.Join(f[8:], " "))
			if err != nil {
				t.Fatal(err)
			}
			return set.Ranges()
		}
	}
	t.Fatalf("port %d does not know itself", p.port)
	return nil
}

// manyNodes is a report of 500 shards with a replica each, of which some are not well.
func manyNodes() *status.Report {
	r := &status.Report{Time: time.Now(), Cluster: status.Cluster{State: "ok", Epoch: 500, Assigned: slots.Count},
		Balance: &status.Balance{On: true, Excluded: []slots.NodeID{}}, Heat: status.Heat{SlotsPerCell: 64}}
	number := func(n float64) *float64 { return &n }
	for i, owned := range slots.Even(500) {
		master := slots.NodeID{1, byte(i >> 8), byte(i)}
		replica := slots.NodeID{2, byte(i >> 8), byte(i)}
		r.Shards = append(r.Shards, status.Shard{Master: master, Replicas: []slots.NodeID{replica},
			Slots: []string{owned.String()}, Count: owned.Len(), Keys: 1_234_567, Memory: 5 << 30, Ops: number(12_345.6),
			Lag: int64(i) << 10})
		for j, id := range []slots.NodeID{master, replica} {
			n := status.Node{ID: id, Addr: fmt.Sprintf("node-%d-%d.cache.internal.example.org:7001", i, j), Role: "master",
				Zone: "eu-central-1a", Health: "online", Answers: true, Version: "v0.2.0", Uptime: 86_400 * 12, Clients: 1234,
				Keys: 1_234_567, Memory: 5 << 30, MaxMemory: 8 << 30}
			if j == 1 {
				n.Role, n.Master, n.Link, n.Lag = "replica", master, "connected", int64(i)<<10
			}
			if i%97 == 5 && j == 1 {
				n.Answers, n.Health = false, "failed"
				n.Error = "dial tcp 10.0.17.23:17001: connect: no route to host"
			}
			r.Nodes = append(r.Nodes, n)
		}
	}
	for i := range 3 {
		r.Moves = append(r.Moves, status.Move{ID: fmt.Sprint(i), Source: r.Shards[i].Master, Target: r.Shards[i+9].Master,
			State: "running", Slots: []string{fmt.Sprint(r.Shards[i].Slots[0])}, Done: 7, Total: 40, Keys: 123_456,
			Bytes: 7 << 20, Elapsed: 12, ETA: 80, Waiting: "the target has no room: maxmemory"})
	}
	for i := range 256 {
		r.Heat.Ops = append(r.Heat.Ops, float64(i*i%1709))
	}
	return r
}

// TestStatusPageOfThousandNodes: the page stays usable with a thousand nodes.
func TestStatusPageOfThousandNodes(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	node, err := slotmesh.New(slotmesh.Config{Standalone: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	report, err := json.Marshal(manyNodes())
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", status.Handler(node))
	mux.HandleFunc("/status.json", func(w http.ResponseWriter, _ *http.Request) { w.Write(report) })
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		node.Close()
		server.CloseClientConnections()
		server.Close()
	})
	run(t, ctx, chromedp.EmulateViewport(1280, 800), chromedp.Navigate(server.URL))
	until(t, ctx, 20*time.Second, `document.querySelectorAll('#shards details').length === 500`)
	took := get(t, ctx, chromedp.Evaluate[float64](`(() => {
		const start = performance.now();
		for (let i = 0; i < 5; i++) { show(report); document.body.offsetHeight; }
		return (performance.now() - start) / 5;
	})()`))
	t.Logf("a new report of 1,000 nodes takes the page %.1f ms", took)
	look(t, ctx, "thousand")
	run(t, ctx, chromedp.EmulateViewport(1280, 800),
		do(`filter.value = 'failed'; filter.dispatchEvent(new Event('input'))`))
	until(t, ctx, 5*time.Second, `document.querySelectorAll('#shards details[open] .node.bad').length === 6 &&
		document.querySelectorAll('#shards details').length === 6`)
}
