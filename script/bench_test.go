package script

import "testing"

func BenchmarkReturn(b *testing.B) {
	benchmark(b, "return 1")
}

func BenchmarkLoop(b *testing.B) {
	benchmark(b, "local n = 0 for i = 1, 1000 do n = n + i end return n")
}

func benchmark(b *testing.B, code string) {
	program, err := New(Config{}).Compile([]byte(code))
	if err != nil {
		b.Fatal(err)
	}
	run := newRun([]string{"bucket"}, []string{"10", "5", "1000", "1"})
	run.Host = &fakeHost{call: func(args [][]byte, resp3 bool) []byte {
		if string(args[0]) == "HGET" {
			return []byte("$3\r\n5.5\r\n")
		}
		return []byte(":1\r\n")
	}}
	b.ReportAllocs()
	for b.Loop() {
		run.Reply = run.Reply[:0]
		program.Run(run)
	}
}
