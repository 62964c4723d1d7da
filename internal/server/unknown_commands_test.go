package server

import (
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// recordedNames has the names that COMMAND LIST of redis-server 7.0.15 replies, subcommands
// among them, a line each, in order.
const recordedNames = "testdata/names.txt"

// missingSentence is how README.md names the commands of Redis 7.0 that are not there.
var missingSentence = regexp.MustCompile(`(?s)Commands of Redis 7\.0 that are not there:(.*?)\n\n`)

// Redis 7.0 knows no command that is not there but for those that README.md names: clients
// get Redis' error for an unknown command.
func TestUnknownCommandsAreInTheReadme(t *testing.T) {
	text, err := os.ReadFile(recordedNames)
	if err != nil {
		t.Fatal(err)
	}
	here := make(map[string]bool)
	for _, c := range builtIn.All() {
		here[c.Name] = true
	}
	var missing []string
	for name := range strings.FieldsSeq(string(text)) {
		if container, _, _ := strings.Cut(name, "|"); !here[name] && (container == name || here[container]) {
			missing = append(missing, name)
		}
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	sentence := missingSentence.FindSubmatch(readme)
	if sentence == nil {
		t.Fatalf("README.md has no paragraph %q; it must name %q", missingSentence, missing)
	}
	var named []string
	for _, word := range regexp.MustCompile("`([A-Z -]+)`").FindAllStringSubmatch(string(sentence[1]), -1) {
		named = append(named, strings.ReplaceAll(strings.ToLower(word[1]), " ", "|"))
	}
	slices.Sort(named)
	t.Logf("known to Redis 7.0 and not there: %s", strings.Join(missing, ", "))
	if !slices.Equal(named, missing) {
		t.Errorf("README.md names %q, not there are %q", named, missing)
	}
	c := connect(t, startServer(t, Config{}))
	for _, name := range missing {
		words := strings.Split(name, "|")
		reply, err := c.Do(words...)
		if err == nil || !strings.HasPrefix(err.Error(), "ERR unknown ") {
			t.Errorf("%s: %s, %v, want the error of an unknown command", name, render(reply), err)
		}
	}
}

// The recorded names are those of a real redis-server; -update writes them.
func TestRecordedNamesAreOfRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: the recorded names were not compared with its own")
	}
	conn, err := net.Dial("tcp", startRedis(t, "standalone"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reply, err := resp.NewConn(conn).Do("COMMAND", "LIST")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range reply.Elems {
		names = append(names, reply.Elems[i].Text())
	}
	slices.Sort(names)
	text := strings.Join(names, "\n") + "\n"
	if *update {
		if err := os.WriteFile(recordedNames, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if recorded, err := os.ReadFile(recordedNames); err != nil || string(recorded) != text {
		t.Errorf("%s is not what redis-server says: run with -update (%v)", recordedNames, err)
	}
}
