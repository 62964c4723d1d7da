package script

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

var record = flag.String("record", "", "address of a redis-server 7.0 whose results the files of testdata/codecs get")

// TestCodecs evaluates expressions with the libraries bit, cjson, cmsgpack and struct. The
// results in the files are those of Redis 7.0.15.
func TestCodecs(t *testing.T) {
	files, err := filepath.Glob("testdata/codecs/*.txt")
	if err != nil || len(files) != 4 {
		t.Fatal(files, err)
	}
	v := newVM()
	for _, file := range files {
		if *record != "" {
			recordResults(t, file)
		}
		for _, line := range readLines(t, file) {
			code, want, _ := strings.Cut(line, "\t")
			if got := v.resultsOf(code); got != want {
				t.Errorf("%s: %s\n got %.300s\nwant %.300s", filepath.Base(file), code, got, want)
			}
		}
	}
}

func readLines(t *testing.T, file string) []string {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// resultsOf returns the text of the results of an expression, or of its error.
func (v *vm) resultsOf(code string) string {
	v.start(newRun(nil, nil))
	defer v.L.SetTop(0)
	proto, err := compile([]byte("return "+code), evalName)
	if err != nil {
		return err.Error()
	}
	v.L.Push(v.L.NewFunctionFromProto(proto))
	if err := v.L.PCall(0, lua.MultRet, nil); err != nil {
		return "error " + showValue(err.(*lua.ApiError).Object)
	}
	results := make([]string, v.L.GetTop())
	for i := range results {
		results[i] = showValue(v.L.Get(i + 1))
	}
	return strings.Join(results, " ")
}

func showValue(value lua.LValue) string {
	switch value := value.(type) {
	case lua.LString:
		var b strings.Builder
		for _, c := range []byte(value) {
			if c < ' ' || c > '~' || c == '"' || c == '\\' {
				fmt.Fprintf(&b, "\\x%02x", c)
			} else {
				b.WriteByte(c)
			}
		}
		return `"` + b.String() + `"`
	case lua.LNumber:
		if text := notFinite(float64(value)); text != "" {
			return text
		}
		return strconv.FormatFloat(float64(value), 'g', 17, 64)
	case *lua.LTable:
		var list []string
		for k, item := value.Next(lua.LNil); k != lua.LNil; k, item = value.Next(k) {
			list = append(list, showValue(k)+":"+showValue(item))
		}
		slices.Sort(list)
		return "{" + strings.Join(list, ",") + "}"
	case *lua.LUserData:
		return "userdata: (nil)"
	}
	return value.String()
}

// showCode is showValue in Lua, in one line so that errors are in the first one.
const showCode = `local show function show(v) if type(v) == "string" then
 return '"' .. string.gsub(v, '[%z\1-\31"\\\127-\255]', function(c) return string.format("\\x%02x", string.byte(c)) end) .. '"'
 elseif type(v) == "table" then local o = {} for k, x in pairs(v) do o[#o+1] = show(k) .. ":" .. show(x) end
 table.sort(o) return "{" .. table.concat(o, ",") .. "}"
 elseif type(v) == "number" then return string.format("%.17g", v) else return tostring(v) end end
 local function results(ok, ...) local o = {} for i = 1, select("#", ...) do o[i] = show((select(i, ...))) end
 return (ok and "" or "error ") .. table.concat(o, " ") end `

// recordResults writes the results of a server to a file.
func recordResults(t *testing.T, file string) {
	conn, err := net.Dial("tcp", *record)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	var out strings.Builder
	for _, line := range readLines(t, file) {
		code, _, _ := strings.Cut(line, "\t")
		script := strings.ReplaceAll(showCode, "\n", "") + "return results(pcall(function() return " + code + " end))"
		fmt.Fprintf(conn, "*3\r\n$4\r\nEVAL\r\n$%d\r\n%s\r\n$1\r\n0\r\n", len(script), script)
		header, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(code, err)
		}
		n, err := strconv.Atoi(strings.TrimSpace(header[1:]))
		if header[0] != '$' || err != nil {
			t.Fatal(code, header)
		}
		text := make([]byte, n+2)
		if _, err := io.ReadFull(in, text); err != nil {
			t.Fatal(code, err)
		}
		out.WriteString(code + "\t" + string(text[:n]) + "\n")
	}
	if err := os.WriteFile(file, []byte(out.String()), 0o666); err != nil {
		t.Fatal(err)
	}
}
