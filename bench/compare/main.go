// Command compare measures slotmesh beside its peers in one run and prints a table in Markdown: what was measured, the figure, the
// peer's figure, their ratio, and the target where there is one. "go run ./compare -h" tells the sections.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

func main() {
	only := flag.String("only", "mixed,memory,stalls,server,idle,bench", "sections to run, separated by commas")
	n := flag.Int("n", 5_000_000, "entries of the sections memory and stalls")
	rounds := flag.Int("rounds", 5, "rounds of alternating measurements")
	child := flag.Int("footprint", -1, "for the program's own use: measure this store in a process of its own")
	redcon := flag.Bool("redcon", false, "for the program's own use: be the redcon server")
	port := flag.Int("port", 0, "for -redcon")
	flag.Parse()
	if *redcon {
		serveRedcon(*port)
		return
	}
	if *child >= 0 {
		json.NewEncoder(os.Stdout).Encode(measureFootprint(*child, *n))
		return
	}
	var t table
	fmt.Printf("%s, %s/%s, %d processors, %s\n\n", time.Now().UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	for _, section := range strings.Split(*only, ",") {
		switch section {
		case "mixed":
			mixed(&t, 1_000_000, *rounds)
		case "memory":
			memory(&t, *n)
		case "stalls":
			stalls(&t, *n)
		case "server":
			serve(&t, *rounds)
		case "idle":
			idle(&t, 6)
		case "bench":
			benchmarks(&t)
		default:
			fmt.Fprintf(os.Stderr, "unknown section %q\n", section)
			os.Exit(2)
		}
	}
	t.print(os.Stdout)
}
