package server

import (
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

// Redis 7.0, by which the scripts are checked, has no expiry of fields: the replies are
// those of Redis 8.0.
func TestFieldsExpire(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	srv := startServer(t, Config{Cluster: newFakeCluster(), Engine: engine.New(keyspace.New(keyspace.Config{
		Now: func() time.Time { return now },
	}))})
	c := connect(t, srv)
	for _, step := range []struct {
		after time.Duration // before the command
		line  string
		want  string
	}{
		{0, "HSET h a 1 b 2 c 3 d 4", ":4"},
		{0, "HEXPIRE h 10 FIELDS 3 a b x", "[:1, :1, :-2]"},
		{0, "HTTL h FIELDS 3 a c x", "[:10, :-1, :-2]"},
		{0, "HPEXPIRE h 9500 LT FIELDS 2 a c", "[:1, :1]"},
		{0, "HPTTL h FIELDS 1 a", "[:9500]"},
		{0, "HTTL h FIELDS 1 a", "[:10]"}, // rounded up
		{0, "HEXPIREAT h 1011 GT FIELDS 3 a b d", "[:1, :1, :0]"},
		{0, "HEXPIREAT h 1011 NX FIELDS 2 a d", "[:0, :1]"},
		{0, "HPEXPIREAT h 1012000 XX FIELDS 2 c d", "[:1, :1]"},
		{0, "HEXPIRETIME h FIELDS 2 a c", "[:1011, :1012]"},
		{0, "HPEXPIRETIME h FIELDS 2 a c", "[:1011000, :1012000]"},
		{0, "HINCRBY h a 5", ":6"}, // keeps the expiry
		{0, "HINCRBYFLOAT h b 0.5", `"2.5"`},
		{0, "HTTL h FIELDS 2 a b", "[:11, :11]"},
		{0, "HSET h b 7", ":0"}, // does not
		{0, "HTTL h FIELDS 1 b", "[:-1]"},
		{0, "HPERSIST h FIELDS 3 c b x", "[:1, :-1, :-2]"},
		{11 * time.Second, "HGETALL h", `["b", "7", "c", "3", "d", "4"]`},
		{0, "HGET h a", "nil"},
		{0, "HMGET h a b", `[nil, "7"]`},
		{0, "HEXISTS h a", ":0"},
		{0, "HSETNX h a again", ":1"},
		{0, "HLEN h", ":4"},
		{time.Second, "HSET h d new", ":1"}, // the old one has expired
		{0, "HEXPIRE h 0 FIELDS 2 d x", "[:2, :-2]"},
		{0, "HEXISTS h d", ":0"},
		{0, "HGETEX h EX 5 FIELDS 2 a x", `["again", nil]`},
		{0, "HTTL h FIELDS 1 a", "[:5]"},
		{0, "HGETEX h FIELDS 1 a", `["again"]`},
		{0, "HTTL h FIELDS 1 a", "[:5]"},
		{0, "HGETEX h PERSIST FIELDS 1 a", `["again"]`},
		{0, "HTTL h FIELDS 1 a", "[:-1]"},
		{0, "HGETEX h PXAT 1 FIELDS 1 a", `["again"]`}, // in the past
		{0, "HEXISTS h a", ":0"},
		{0, "HGETDEL h FIELDS 2 b x", `["7", nil]`},
		{0, "HKEYS h", `["c"]`},
		{0, "HGETDEL h FIELDS 1 c", `["3"]`},
		{0, "EXISTS h", ":0"},
		{0, "HSETEX h EX 3 FIELDS 2 a 1 b 2", ":1"},
		{0, "HSETEX h FNX FIELDS 2 a 1 c 2", ":0"},
		{0, "HSETEX h FXX KEEPTTL FIELDS 1 a 9", ":1"},
		{0, "HSETEX h FXX FIELDS 2 a 1 c 2", ":0"},
		{0, "HTTL h FIELDS 2 a b", "[:3, :3]"},
		{0, "HSETEX h FIELDS 1 b 3", ":1"},
		{0, "HTTL h FIELDS 1 b", "[:-1]"},
		{0, "HSETEX h PXAT 1 FIELDS 2 b 3 new 4", ":1"},
		{0, "HGETALL h", `["a", "9"]`},
		{0, "HSETEX h NX FIELDS 1 a 1", ":0"},
		{0, "HSETEX x XX FIELDS 1 a 1", ":0"},
		{3 * time.Second, "HSETEX h NX FIELDS 1 b 1", ":0"}, // a key with expired fields only is there until it is used
		{0, "HGET h a", "nil"},
		{0, "EXISTS h", ":0"},
		{0, "HTTL h FIELDS 1 a", "[:-2]"},
		{0, "HGETEX h EX 1 FIELDS 1 a", "[nil]"},
		{0, "HPERSIST h FIELDS 1 a", "[:-2]"},
	} {
		now = now.Add(step.after)
		expect(t, c, step.line, step.want)
	}
}

func TestFieldExpiryErrors(t *testing.T) {
	c := connect(t, startServer(t, Config{Cluster: newFakeCluster()}))
	do(t, c, "SET string v")
	const wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value"
	for line, want := range map[string]string{
		"HEXPIRE string x FIELDS 1 f":            wrongType,
		"HTTL string NOFIELDS 1 f":               wrongType,
		"HGETEX string EX x FIELDS 1 f":          wrongType,
		"HSETEX string FIELDS 1 f v":             wrongType,
		"HSETEX string EX x FIELDS 1 f v":        "-ERR value is not an integer or out of range",
		"HEXPIRE h x FIELDS 1 f":                 "-ERR value is not an integer or out of range",
		"HEXPIRE h -1 FIELDS 1 f":                "-ERR invalid expire time, must be >= 0",
		"HEXPIRE h 70368744178 FIELDS 1 f":       "-ERR invalid expire time in 'hexpire' command",
		"HPEXPIREAT h 70368744177663 FIELDS 1 f": "[:-2]",
		"HPEXPIREAT h 70368744177664 FIELDS 1 f": "-ERR invalid expire time in 'hpexpireat' command",
		"HEXPIRE h 1 FIELD 1 f":                  "-ERR Mandatory argument FIELDS is missing or not at the right position",
		"HEXPIRE h 1 NX XX FIELDS 1 f":           "-ERR Mandatory argument FIELDS is missing or not at the right position",
		"HEXPIRE h 1 FIELDS 0 f":                 "-ERR Parameter `numFields` should be greater than 0",
		"HEXPIRE h 1 FIELDS 2 f":                 "-ERR The `numfields` parameter must match the number of arguments",
		"HTTL h FIELDS x f":                      "-ERR Number of fields must be a positive integer",
		"HGETDEL h FIELDS 1 f g":                 "-ERR The `numfields` parameter must match the number of arguments",
		"HGETEX h EX 1 FIELDS":                   "-ERR Mandatory argument FIELDS is missing or not at the right position",
		"HSETEX h EX 1 PX 1 FIELDS 1 f v":        "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
		"HSETEX h KEEPTTL EX 1 FIELDS 1 f v":     "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
		"HSETEX h EX 1 KEEPTTL FIELDS 1 f v":     "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
		"HSETEX h FNX FXX FIELDS 1 f v":          "-ERR Only one of FXX or FNX arguments can be specified",
		"HSETEX h SOON FIELDS 1 f v":             "-ERR unknown argument: SOON",
		"HSETEX h FIELDS x f v":                  "-ERR invalid number of fields",
		"HSETEX h FIELDS 1 f v g":                "-ERR wrong number of arguments for 'hsetex' command",
		"HSETEX h FNX KEEPTTL FNX EX":            "-ERR Only one of FXX or FNX arguments can be specified",
		"HSETEX h FNX KEEPTTL XX XX":             "-ERR wrong number of arguments for 'hsetex' command",
		"HSETEX h FNX XX XX EX":                  "-ERR missing expire time",
	} {
		expect(t, c, line, want)
	}
}

// In RESP3 what a hash holds is a map, and the fields of HRANDFIELD come with their values
// in pairs.
func TestHashRepliesOfRESP3(t *testing.T) {
	c := connect(t, startServer(t, Config{}))
	if hello, err := c.Do("HELLO", "3"); err != nil || hello.Kind != resp.Map {
		t.Fatal(render(hello), err)
	}
	do(t, c, "HSET h f v")
	expect(t, c, "HGETALL h", `%["f", "v"]`)
	expect(t, c, "HGETALL none", `%[]`)
	expect(t, c, "HRANDFIELD h -2 WITHVALUES", `[["f", "v"], ["f", "v"]]`)
}
