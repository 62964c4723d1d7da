package admin

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"

	"github.com/slotmesh/slotmesh/storage"
)

// Journal remembers what an operation set out to do until it is done. Names are short and
// safe as file names.
type Journal interface {
	// Load returns what was saved under name, nil if nothing.
	Load(name string) ([]byte, error)
	Save(name string, data []byte) error
	Remove(name string) error
}

// JournalDir is a Journal in a folder, which is made when it is first needed.
type JournalDir string

// Load implements Journal.
func (d JournalDir) Load(name string) ([]byte, error) {
	data, err := storage.ReadFile(storage.Dir(d), name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// Save implements Journal; the entry is durable or not there at all.
func (d JournalDir) Save(name string, data []byte) error {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return err
	}
	return storage.WriteFile(storage.Dir(d), name, data)
}

// Remove implements Journal.
func (d JournalDir) Remove(name string) error { return storage.Dir(d).Remove(name) }

type memoryJournal struct {
	mu      sync.Mutex // guards entries
	entries map[string][]byte
}

func (j *memoryJournal) Load(name string) ([]byte, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.entries[name], nil
}

func (j *memoryJournal) Save(name string, data []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.entries == nil {
		j.entries = make(map[string][]byte)
	}
	j.entries[name] = data
	return nil
}

func (j *memoryJournal) Remove(name string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.entries, name)
	return nil
}

// entryName is the same for the same command: node ids among the arguments make it
// unique to a cluster.
func entryName(verb string, args ...string) string {
	var sum [8]byte
	h := xxhash.Sum64String(strings.Join(args, "\x00"))
	for i := range sum {
		sum[i] = byte(h >> (8 * i))
	}
	return verb + "-" + hex.EncodeToString(sum[:]) + ".json"
}

// recall fills in entry from the journal and reports whether there was one.
func (c *Client) recall(name string, entry any) (bool, error) {
	data, err := c.cfg.Journal.Load(name)
	if err != nil || data == nil {
		return false, err
	}
	if err := json.Unmarshal(data, entry); err != nil {
		return false, fmt.Errorf("admin: journal entry %s is damaged (%w): remove it, then repeat the command", name, err)
	}
	return true, nil
}

func (c *Client) remember(name string, entry any) error {
	data, err := json.MarshalIndent(entry, "", "  ")
	if err != nil {
		return err
	}
	return c.cfg.Journal.Save(name, append(data, '\n'))
}
