package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// figures are what go benchmarks reported, by benchmark and unit, one figure a run.
type figures map[string]map[string][]float64

var benchName = regexp.MustCompile(`^Benchmark(\S+?)-\d+$`)

// goBench runs this module's go benchmarks that match pattern.
func goBench(pattern, times, rounds string) figures {
	cmd := exec.Command("go", "test", "-run", "^$", "-bench", pattern, "-benchtime", times, "-count", rounds, "-timeout",
		"30m", ".")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		panic(string(out))
	}
	return parseBench(out)
}

// parseBench reads lines such as "BenchmarkSlot/bytes=16-2 1000 7.3 ns/op 0 B/op": pairs
// of a figure and its unit.
func parseBench(out []byte) figures {
	all := make(figures)
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 {
			continue
		}
		m := benchName.FindStringSubmatch(fields[0])
		if m == nil {
			continue
		}
		if all[m[1]] == nil {
			all[m[1]] = make(map[string][]float64)
		}
		for i := 2; i+1 < len(fields); i += 2 {
			f, err := strconv.ParseFloat(fields[i], 64)
			must(err)
			all[m[1]][fields[i+1]] = append(all[m[1]][fields[i+1]], f)
		}
	}
	return all
}

// of returns the median of a benchmark's figures.
func (f figures) of(bench, unit string) float64 {
	if len(f[bench][unit]) == 0 {
		panic("the benchmark " + bench + " reported no " + unit)
	}
	return median(f[bench][unit])
}
