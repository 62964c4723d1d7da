package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
)

// mixed measures gets and puts of n entries by as many goroutines as there are
// processors: processor time for an operation, collection of garbage included. Each
// contender takes turns with the peer that the targets name, in processes of their own:
// the collector of one would have to look at the other's entries too.
func mixed(t *table, n, rounds int) {
	const peer = 1
	limits := map[string]float64{"slotmesh keyspace 95": 1.0, "slotmesh keyspace 50": 1.05, "slotmesh Node 95": 1.3}
	for c := range contenders {
		if c == peer {
			continue
		}
		pair := [2]*bench{startBench(c, n), startBench(peer, n)}
		for _, writes := range []int{5, 50} {
			figures := alternate(rounds, 2, func(i int) float64 { return pair[i].run(writes) })
			t.add(row{what: fmt.Sprintf("%d/%d, %s entries: %s", 100-writes, writes, count(n), contenders[c].name),
				figure: median(figures[0]), peer: contenders[peer].name, peers: median(figures[1]), unit: "ns CPU",
				ratio: ratio(figures[0], figures[1]), limit: limits[fmt.Sprint(contenders[c].name, " ", 100-writes)]})
		}
		pair[0].close()
		pair[1].close()
	}
}

// bench is a contender in a process of its own.
type bench struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startBench(contender, n int) *bench {
	b := &bench{cmd: exec.Command(os.Args[0], "-mixed", strconv.Itoa(contender), "-n", strconv.Itoa(n))}
	b.cmd.Stderr = os.Stderr
	var err error
	b.in, err = b.cmd.StdinPipe()
	must(err)
	out, err := b.cmd.StdoutPipe()
	must(err)
	b.out = bufio.NewReader(out)
	must(b.cmd.Start())
	return b
}

// run returns the nanoseconds of an operation, writes in a hundred of them puts.
func (b *bench) run(writes int) (ns float64) {
	_, err := fmt.Fprintln(b.in, writes)
	must(err)
	_, err = fmt.Fscanln(b.out, &ns)
	must(err)
	return ns
}

func (b *bench) close() {
	b.in.Close()
	must(b.cmd.Wait())
}

// serveMixed is what runs in the process of a bench.
func serveMixed(contender, n int) {
	s := contenders[contender].make(n)
	list, fill := keys(n, 1), keys(n, 2)
	value := make([]byte, valueSize)
	for i := range fill.len() {
		s.put(fill.at(i), value)
	}
	runtime.GC()
	const ops = 1_000_000
	var writes int
	for {
		if _, err := fmt.Scanln(&writes); err != nil {
			s.close()
			return
		}
		before := cpuTime()
		hammer(s, list, ops, writes)
		fmt.Println(float64((cpuTime() - before).Nanoseconds()) / ops)
	}
}

// hammer does ops operations on random keys.
func hammer(s store, list keyList, ops, writes int) {
	procs := runtime.GOMAXPROCS(0)
	value := make([]byte, valueSize)
	var wg sync.WaitGroup
	for range procs {
		wg.Go(func() {
			at := rand.IntN(list.len())
			rnd := rand.New(rand.NewPCG(rand.Uint64(), 0))
			for range ops / procs {
				if at++; at == list.len() {
					at = 0
				}
				if int(rnd.Uint32()%100) < writes {
					s.put(list.at(at), value)
				} else {
					s.get(list.at(at))
				}
			}
		})
	}
	wg.Wait()
}
