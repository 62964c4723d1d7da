package main

import "testing"

func TestParseBench(t *testing.T) {
	f := parseBench([]byte("goos: linux\nBenchmarkX/a=1/own-2   \t 1000\t  7.5 ns/op\t 3 B/s/node\t 0 " +
		"allocs/op\nBenchmarkX/a=1/own-2 1 8.5 ns/op\n" +
		"BenchmarkX/a=1/own-2 1 9.5 ns/op\nPASS\nok  \tpkg\t1.2s\n"))
	if got := f.of("X/a=1/own", "ns/op"); got != 8.5 {
		t.Errorf("median %v", got)
	}
	if got := f.of("X/a=1/own", "B/s/node"); got != 3 {
		t.Errorf("bytes %v", got)
	}
}
