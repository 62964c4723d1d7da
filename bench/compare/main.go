// Command compare measures slotmesh beside its peers in one run and prints tables in
// Markdown: what was measured, the figure, the peer's figure, their ratio, and the target
// where there is one. With -write it puts them into a page, each section between the
// lines that mark it, and draws the plots. "go run ./compare -h" tells the sections.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

func main() {
	only := flag.String("only", "mixed,memory,stalls,server,collections,bitmaps,streams,"+
		"scripts,publish,fanout,large,idle,bench,operate,secret,coordinator,log,metrics",
		"sections to run, separated by commas")
	page := flag.String("write", "", "page (README.md) to put the tables into; plots go to the folder plots beside it")
	n := flag.Int("n", 5_000_000, "entries of the sections memory and stalls, and for -footprint and -mixed")
	rounds := flag.Int("rounds", 5, "rounds of alternating measurements")
	match := flag.String("match", "", "of collections, bitmaps and streams: measure only the rows that match this pattern")
	child := flag.Int("footprint", -1, "for the program's own use: measure this store in a process of its own")
	brief := flag.Bool("gc", false, "for -footprint: only the garbage collection")
	contender := flag.Int("mixed", -1, "for the program's own use: be this store of the section mixed")
	redcon := flag.Bool("redcon", false, "for the program's own use: be the redcon server")
	logged := flag.String("logged", "", "for the program's own use: be a node with a log that is synced so")
	asked := flag.Bool("scraped", false, "for the program's own use: be a node whose metrics are asked for")
	dir := flag.String("dir", "", "for -logged and -scraped")
	port := flag.Int("port", 0, "for -redcon, -logged and -scraped")
	flag.Parse()
	if *asked {
		serveScraped(*dir, *port)
		return
	}
	if *logged != "" {
		serveLogged(*logged, *dir, *port)
		return
	}
	if *redcon {
		serveRedcon(*port)
		return
	}
	if *contender >= 0 {
		serveMixed(*contender, *n)
		return
	}
	if *child >= 0 {
		must(json.NewEncoder(os.Stdout).Encode(measureFootprint(*child, *n, *brief)))
		return
	}
	var rows *regexp.Regexp
	if *match != "" {
		rows = regexp.MustCompile(*match)
	}
	plots := ""
	if *page != "" {
		plots = filepath.Join(filepath.Dir(*page), "plots")
	}
	for _, section := range strings.Split(*only, ",") {
		t := table{match: rows}
		start := time.Now()
		switch section {
		case "mixed":
			mixed(&t, 1_000_000, *rounds)
		case "memory":
			memory(&t, *n, plots)
		case "stalls":
			stalls(&t, *n)
		case "server":
			serve(&t, *rounds, plots)
		case "collections":
			collections(&t, *rounds)
		case "bitmaps":
			bitmaps(&t, *rounds)
		case "streams":
			streams(&t, *rounds)
		case "scripts":
			scripts(&t, *rounds)
		case "publish":
			publish(&t, *rounds)
		case "fanout":
			fanOut(&t, *rounds)
		case "large":
			large(&t, *rounds)
		case "idle":
			idle(&t, 6)
		case "bench":
			benchmarks(&t, plots)
		case "operate":
			operate(&t)
		case "secret":
			secret(&t)
		case "coordinator":
			coordinator(&t)
		case "log":
			logs(&t, *rounds)
		case "metrics":
			scraped(&t, *rounds)
		default:
			fmt.Fprintf(os.Stderr, "unknown section %q\n", section)
			os.Exit(2)
		}
		text := fmt.Sprintf("%s, %s/%s, %d processors, %s, load %s, took %v\n\n%s", time.Now().UTC().Format(time.DateOnly),
			runtime.GOOS, runtime.GOARCH,
			runtime.NumCPU(), runtime.Version(), load(), time.Since(start).Round(time.Second), t.markdown())
		fmt.Printf("%s: %s\n", section, text)
		if *page != "" {
			old, err := os.ReadFile(*page)
			must(err)
			changed, err := replaceSection(old, section, text)
			must(err)
			must(os.WriteFile(*page, changed, 0o644))
		}
	}
}

// load returns the machine's load averages: with other work on it, figures are worth less.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
