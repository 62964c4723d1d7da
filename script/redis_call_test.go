package script

import (
	"bytes"
	"testing"
)

// tokenBucket is a rate limiter as libraries have it: six commands.
const tokenBucket = `
local capacity, rate, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local tokens = tonumber(redis.call('HGET', KEYS[1], 'tokens')) or capacity
local at = tonumber(redis.call('HGET', KEYS[1], 'at')) or now
tokens = math.min(capacity, tokens + math.max(0, now - at) * rate)
local allowed = tokens >= want
if allowed then tokens = tokens - want end
redis.call('HSET', KEYS[1], 'tokens', tokens)
redis.call('HSET', KEYS[1], 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(capacity / rate * 1000))
return {allowed and 1 or 0, math.floor(tokens)}`

// bucketHost answers the commands of tokenBucket.
func bucketHost() *fakeHost {
	time, tokens := []byte("*2\r\n$10\r\n1700000000\r\n$6\r\n123456\r\n"), []byte("$8\r\n7.531250\r\n")
	at, number := []byte("$18\r\n1699999999.9999990\r\n"), []byte(":1\r\n")
	return &fakeHost{call: func(args [][]byte, _ bool) []byte {
		switch {
		case len(args) == 1:
			return time
		case len(args) == 3 && bytes.Equal(args[2], []byte("tokens")):
			return tokens
		case len(args) == 3 && bytes.Equal(args[2], []byte("at")):
			return at
		}
		return number
	}}
}

func BenchmarkTokenBucket(b *testing.B) {
	program, err := New(Config{}).Compile([]byte(tokenBucket))
	if err != nil {
		b.Fatal(err)
	}
	run := newRun([]string{"bucket"}, []string{"10", "1", "1"})
	run.Host = bucketHost()
	b.ReportAllocs()
	for b.Loop() {
		run.Reply = run.Reply[:0]
		program.Run(run)
	}
	if string(run.Reply) != "*2\r\n:1\r\n:6\r\n" {
		b.Errorf("%q", run.Reply)
	}
}
