package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"time"
)

// footprint is what n entries cost in one store.
type footprint struct {
	GC      float64 // ms of a forced collection, by the clock
	GCShare float64 // percent of the processor time that the collector takes under a load of 50/50
	Entry   float64 // bytes in all for an entry
	Left    float64 // bytes for each entry that is left when nine of ten are gone
	LongDel float64 // ms of the longest deletion, by the clock
	LongCPU float64 // the same by processor time: what else runs on the machine does not count
}

// memory measures each store in a process of its own, so that none pays for another's heap.
func memory(t *table, n int, plots string) {
	all := make([]footprint, len(contenders))
	for i := range contenders {
		all[i] = footprintOf(i, n, false)
	}
	ours := all[0]
	t.add(row{what: "forced GC with " + count(n) + " entries", figure: ours.GC, unit: "ms", limit: 30})
	t.add(row{what: "share of the collector under a load of 50/50", figure: ours.GCShare, unit: "% CPU", limit: 2})
	t.add(row{what: "memory of an entry (payload 116)", figure: ours.Entry, unit: "B", limit: 140})
	t.add(row{what: "memory of an entry left after deleting 90 %", figure: ours.Left, unit: "B", limit: 2 * ours.Entry})
	t.add(row{what: "longest deletion of these, by the clock", figure: ours.LongDel, unit: "ms", limit: 1})
	t.add(row{what: "longest deletion of these, processor time", figure: ours.LongCPU, unit: "ms", limit: 1})
	for i, c := range contenders[1:] {
		t.add(row{what: "forced GC", figure: ours.GC, unit: "ms", peer: c.name, peers: all[i+1].GC,
			ratio: ours.GC / all[i+1].GC})
		t.add(row{what: "memory of an entry", figure: ours.Entry, unit: "B", peer: c.name, peers: all[i+1].Entry,
			ratio: ours.Entry / all[i+1].Entry})
	}
	if plots != "" {
		plotGC(all, n, plots)
	}
}

// footprintOf measures a store in a process of its own.
func footprintOf(contender, n int, brief bool) (f footprint) {
	cmd := exec.Command(os.Args[0], "-footprint", strconv.Itoa(contender), "-n", strconv.Itoa(n), "-gc="+
		strconv.FormatBool(brief))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &f)
	}
	if err != nil {
		panic(contenders[contender].name + ": " + err.Error())
	}
	return f
}

// plotGC draws what a forced collection costs by the number of entries; all are the
// figures for n.
func plotGC(all []footprint, n int, plots string) {
	p := plot{title: "Forced garbage collection, best of 5", x: "entries", y: "ms"}
	sizes := []int{n / 50, n / 5, n}
	for _, size := range sizes {
		p.ticks = append(p.ticks, count(size))
	}
	for i, c := range contenders {
		if c.name == "slotmesh Node" || c.name == "ristretto" { // as the store; drops what it is given
			continue
		}
		s := series{name: c.name}
		for _, size := range sizes[:len(sizes)-1] {
			s.ys = append(s.ys, footprintOf(i, size, true).GC)
		}
		p.series = append(p.series, series{s.name, append(s.ys, all[i].GC)})
	}
	p.write(plots, "gc")
}

func measureFootprint(contender, n int, brief bool) footprint {
	list := keys(n, 1)
	value := make([]byte, valueSize)
	before := heap()
	s := contenders[contender].make(n)
	for i := range n {
		s.put(list.at(i), value)
	}
	var f footprint
	f.Entry = float64(heap()-before) / float64(n)
	f.GC = 1e9
	for range 5 {
		start := time.Now()
		runtime.GC()
		f.GC = min(f.GC, float64(time.Since(start).Microseconds())/1000)
	}
	if brief {
		runtime.KeepAlive(list)
		s.close()
		return f
	}
	before50, gcBefore50 := usage()
	hammer(s, list, 10_000_000, 50) // long enough for the one collection that is forced not to count
	runtime.GC()                    // brings the runtime's accounts up to date
	after50, gcAfter50 := usage()
	f.GCShare = 100 * (gcAfter50 - gcBefore50) / (after50 - before50)
	runtime.LockOSThread()
	for i := range n {
		if i%10 != 0 {
			start, cpu := time.Now(), threadTime()
			s.delete(list.at(i))
			f.LongCPU = max(f.LongCPU, float64((threadTime()-cpu).Microseconds())/1000)
			f.LongDel = max(f.LongDel, float64(time.Since(start).Microseconds())/1000)
		}
	}
	f.Left = float64(heap()-before) / float64(n/10)
	s.close()
	runtime.KeepAlive(list)
	return f
}

// usage returns the seconds of processor time that this process and its garbage collector
// have used; what the collector does on processors that have nothing else to do does not
// count.
func usage() (all, gc float64) {
	samples := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/idle:cpu-seconds"}}
	metrics.Read(samples)
	return cpuTime().Seconds(), samples[0].Value.Float64() - samples[1].Value.Float64()
}

func heap() uint64 {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
