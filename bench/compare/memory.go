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
	LongDel float64 // ms of the longest deletion
}

// memory measures each store in a process of its own, so that none pays for another's heap.
func memory(t *table, n int) {
	all := make([]footprint, len(contenders))
	for i, c := range contenders {
		cmd := exec.Command(os.Args[0], "-footprint", strconv.Itoa(i), "-n", strconv.Itoa(n))
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err == nil {
			err = json.Unmarshal(out, &all[i])
		}
		if err != nil {
			panic(c.name + ": " + err.Error())
		}
	}
	ours := all[0]
	t.add(row{what: "forced GC with " + count(n) + " entries", figure: ours.GC, unit: "ms", limit: 30})
	t.add(row{what: "share of the collector under a load of 50/50", figure: ours.GCShare, unit: "% CPU", limit: 2})
	t.add(row{what: "memory of an entry (payload 116)", figure: ours.Entry, unit: "B", limit: 140})
	t.add(row{what: "memory of an entry left after deleting 90 %", figure: ours.Left, unit: "B", limit: 2 * ours.Entry})
	t.add(row{what: "longest deletion of these", figure: ours.LongDel, unit: "ms", limit: 1})
	for i, c := range contenders[1:] {
		t.add(row{what: "forced GC", figure: ours.GC, unit: "ms", peer: c.name, peers: all[i+1].GC, ratio: ours.GC / all[i+1].GC})
		t.add(row{what: "memory of an entry", figure: ours.Entry, unit: "B", peer: c.name, peers: all[i+1].Entry, ratio: ours.Entry / all[i+1].Entry})
	}
}

func measureFootprint(contender, n int) footprint {
	list := keys(n, 1)
	value := make([]byte, valueSize)
	before := heap()
	s := contenders[contender].make(n)
	for _, key := range list {
		s.put(key, value)
	}
	var f footprint
	f.Entry = float64(heap()-before) / float64(n)
	f.GC = 1e9
	for range 5 {
		start := time.Now()
		runtime.GC()
		f.GC = min(f.GC, float64(time.Since(start).Microseconds())/1000)
	}
	before50, gcBefore50 := usage()
	hammer(s, list, 2_000_000, 50)
	runtime.GC() // brings the runtime's accounts up to date
	after50, gcAfter50 := usage()
	f.GCShare = 100 * (gcAfter50 - gcBefore50) / (after50 - before50)
	for i, key := range list {
		if i%10 != 0 {
			start := time.Now()
			s.delete(key)
			f.LongDel = max(f.LongDel, float64(time.Since(start).Microseconds())/1000)
		}
	}
	f.Left = float64(heap()-before) / float64(n/10)
	s.close()
	runtime.KeepAlive(list)
	return f
}

// usage returns the seconds of processor time that this process and its garbage collector have used; what the collector does
// on processors that have nothing else to do does not count.
func usage() (all, gc float64) {
	samples := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/idle:cpu-seconds"}}
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
