package listen

import (
	"slices"
	"testing"
)

// The warnings are what redis-server 7.0.15 logs under ulimit -n 64.
func TestFitClients(t *testing.T) {
	for _, c := range []struct {
		files, want, room int
		warnings          []string
		err               string
	}{
		{files: 0, want: 10_000, room: 10_000},
		{files: 10_032, want: 10_000, room: 10_000},
		{files: 64, want: 10_000, room: 32, warnings: []string{
			"You requested maxclients of 10000 requiring at least 10032 max file descriptors.",
			"Current maximum open files is 64. maxclients has been reduced to 32 to compensate for low ulimit. " +
				"If you need higher maxclients increase 'ulimit -n'.",
		}},
		{files: 33, want: 2, room: 1, warnings: []string{
			"You requested maxclients of 2 requiring at least 34 max file descriptors.",
			"Current maximum open files is 33. maxclients has been reduced to 1 to compensate for low ulimit. " +
				"If you need higher maxclients increase 'ulimit -n'.",
		}},
		{files: 32, want: 100, err: "this process may open 32 files, which is not enough for a node: " +
			"raise the limit (ulimit -n) to at least 132"},
	} {
		room, warnings, err := FitClients(c.files, c.want)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if room != c.room || !slices.Equal(warnings, c.warnings) || text != c.err {
			t.Errorf("%d clients with %d files: %d, %q, %v", c.want, c.files, room, warnings, err)
		}
	}
}

// Descriptors for links that gossip will open are kept back from clients.
func TestReservedWith(t *testing.T) {
	for _, c := range []struct{ nodes, links, want int }{
		{1, 0, Reserved}, {3, 0, Reserved + 4}, {3, 3, Reserved + 1}, {3, 4, Reserved}, {3, 7, Reserved},
	} {
		if got := ReservedWith(c.nodes, c.links); got != c.want {
			t.Errorf("%d nodes, %d links: %d, want %d", c.nodes, c.links, got, c.want)
		}
	}
}

func TestOpenFiles(t *testing.T) {
	if n := OpenFiles(); n < 0 || n > 0 && n <= Reserved {
		t.Errorf("this process may open %d files", n)
	}
}
