package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh"
)

// listOf returns the items of the block list below a line that ends with key, such as
// "args:": lines of the form - "item".
func listOf(t *testing.T, text, key string) (items []string) {
	t.Helper()
	_, rest, found := strings.Cut(text, "\n"+indentOf(t, text, key)+key+"\n")
	if !found {
		t.Fatalf("no list %s", key)
	}
	for line := range strings.Lines(rest) {
		item, ok := strings.CutPrefix(strings.TrimSpace(line), "- ")
		if !ok {
			break
		}
		item, err := strconv.Unquote(item)
		if err != nil {
			t.Fatalf("%s: %s: %v", key, line, err)
		}
		items = append(items, item)
	}
	return items
}

func indentOf(t *testing.T, text, key string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^( *)` + key + `$`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no line %s", key)
	}
	return m[1]
}

// served returns the configuration of the arguments of "slotmesh serve" in a file.
func served(t *testing.T, text, key string) slotmesh.Config {
	t.Helper()
	args := listOf(t, text, key)
	if len(args) == 0 || args[0] != "serve" {
		t.Fatalf("the command is %q", args)
	}
	for i, arg := range args {
		switch arg {
		case "/data": // a folder that is there
			args[i] = t.TempDir()
		case "$(MACHINE)", "$(PASSWORD)": // Kubernetes fills it in
			args[i] = "value"
		}
	}
	_, args, err := readLeaveOptions(args[1:])
	if err != nil {
		t.Fatal(err)
	}
	cfg, warnings, err := slotmesh.LoadConfig("", longNames(args)...)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v; %q", err, warnings)
	}
	cfg.Secret = strings.Repeat("s", 32) // of SLOTMESH_SECRET
	node, err := slotmesh.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	node.Close()
	return cfg
}

// has fails the test unless the text has all of these.
func has(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("no %q", w)
		}
	}
}

func readExample(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../examples/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The files of examples/kubernetes and examples/docker say what serve takes, and agree with
// themselves: names, ports, and how many nodes found the cluster.
func TestExampleFiles(t *testing.T) {
	text := readExample(t, "kubernetes/slotmesh.yaml")
	cfg := served(t, text, "args:")
	has(t, text, "clusterIP: None", "publishNotReadyAddresses: true", "podManagementPolicy: Parallel",
		"kind: PodDisruptionBudget", "\n  serviceName: slotmesh\n", "\n  replicas: "+strconv.Itoa(cfg.Cluster.Expect)+" ",
		"{name: client, containerPort: 6379}", "{name: bus, containerPort: 16379}",
		"{name: health, containerPort: 8080}", "{path: /livez, port: 8080}", "{path: /readyz, port: 8080}",
		"name: "+secretVar+"\n")
	if len(cfg.Join) != 1 || cfg.Join[0] != "dns:slotmesh:6379" || cfg.Cluster.Replicas != 1 ||
		!strings.HasSuffix(cfg.Addr, ":6379") || !strings.HasSuffix(cfg.BusAddr, ":16379") || cfg.HealthAddr() != ":8080" {
		t.Errorf("kubernetes: %+v", cfg.Cluster)
	}
	if n := strings.Count(text, "{app: slotmesh}"); n != 6 {
		t.Errorf("the label stands at %d places of 6", n)
	}

	text = readExample(t, "docker/compose.yaml")
	cfg = served(t, text, "command:")
	has(t, text, "\n  node:\n", "\n      replicas: "+strconv.Itoa(cfg.Cluster.Expect)+"\n", secretVar+": ",
		"dockerfile: examples/docker/Dockerfile", "http://127.0.0.1:8080/readyz")
	if len(cfg.Join) != 1 || cfg.Join[0] != "dns:node:6379" || cfg.HealthAddr() != ":8080" {
		t.Errorf("compose: %v", cfg.Join)
	}

	text = readExample(t, "docker/Dockerfile")
	has(t, text, "./cmd/slotmesh\n", "EXPOSE 6379 16379 8080", "FROM golang:"+goVersion(t)+"-alpine")
}

// goVersion returns the major and minor version of Go that the module asks for.
func goVersion(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(text)
	if m == nil {
		t.Fatal("go.mod names no version of Go")
	}
	return string(m[1])
}
