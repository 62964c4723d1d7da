package script

import (
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
)

// language has scripts and the replies of Redis 7.0.15 to them: what the language does, its
// errors, and texts that are no programs.
//
//go:embed testdata/language.txt
var language string

func TestLanguage(t *testing.T) {
	engine := New(Config{})
	for _, test := range strings.Split(strings.TrimSuffix(language, "\n"), "\n----\n") {
		at := strings.LastIndex(test, "\n=> ")
		code := test[:at]
		want, err := strconv.Unquote(`"` + test[at+4:] + `"`)
		if err != nil {
			t.Fatalf("%s: %v", test, err)
		}
		if got := evalReply(engine, code); got != want {
			t.Errorf("%s\n got %q\nwant %q", code, got, want)
		}
	}
}

// evalReply returns the reply to EVAL of a script.
func evalReply(engine *Engine, code string) string {
	program, err := engine.Compile([]byte(code))
	if err != nil {
		return "-ERR " + err.Error() + "\r\n"
	}
	run := newRun(nil, nil)
	id := sha1.Sum([]byte(code))
	run.ID = hex.EncodeToString(id[:])
	program.Run(run)
	return string(run.Reply)
}
