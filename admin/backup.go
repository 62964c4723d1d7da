package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// Manifest describes a backup. It is written last: a folder without one is not a backup.
type Manifest struct {
	Format  int          `json:"format"`
	Created time.Time    `json:"created"`
	Server  string       `json:"server"` // version of the nodes
	Keys    int64        `json:"keys"`
	Bytes   int64        `json:"bytes"`
	Files   []BackupFile `json:"files"`
}

// BackupFile is what one master held.
type BackupFile struct {
	Name     string `json:"name"`
	Node     string `json:"node"`
	Address  string `json:"address"`
	Slots    string `json:"slots"`
	Keys     int64  `json:"keys"`
	Bytes    int64  `json:"bytes"`
	Checksum string `json:"xxhash64"` // of the file, 16 hexadecimal digits
}

const (
	manifestName = "manifest.json"
	backupFormat = 1
)

// Backup saves the keys of all masters with their times of expiry to a folder, which is
// made if needed and must not hold a backup already. Keys are read one after another
// while clients go on writing: each key is as it was at some moment during the backup,
// but different keys at different moments. Slots must not move meanwhile; if they did,
// the backup fails.
func (c *Client) Backup(ctx context.Context, v *View, dir string) (*Manifest, error) {
	if err := Check(v).err(v.Nodes[0].Address); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	d := storage.Dir(dir)
	switch _, err := storage.ReadFile(d, manifestName); {
	case err == nil:
		return nil, fmt.Errorf("admin: folder %s holds a backup already; choose another or remove it", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	var sources []*Node
	t := &tracker{c: c, begin: time.Now()}
	for _, n := range v.Masters() {
		if n.Serves() {
			sources = append(sources, n)
			t.p.TotalKeys += n.Keys
		}
	}
	m := &Manifest{Format: backupFormat, Created: time.Now().UTC(), Server: sources[0].Info["redis_version"],
		Files: make([]BackupFile, len(sources))}
	err := each(len(sources), func(i int) (err error) {
		c.step(sources[i].Address, "saving its keys")
		m.Files[i], err = c.backupNode(ctx, sources[i], d, t)
		return err
	})
	if err == nil {
		err = c.unmoved(ctx, v)
	}
	if err != nil {
		return nil, &StepError{Verb: "backup", Step: "saving keys to " + dir, Err: err,
			Left: "the folder holds no manifest, so it is not a backup; the cluster was only read",
			Next: "the same command begins again"}
	}
	for _, f := range m.Files {
		m.Keys += f.Keys
		m.Bytes += f.Bytes
	}
	t.report(true)
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	return m, storage.WriteFile(d, manifestName, append(data, '\n'))
}

// unmoved makes sure that every slot is where it was.
func (c *Client) unmoved(ctx context.Context, before *View) error {
	after, err := c.refresh(ctx, before)
	if err != nil {
		return err
	}
	for slot := range slots.Slot(slots.Count) {
		a, b := before.Owner(slot), after.Owner(slot)
		if a == nil || b == nil || a.ID != b.ID {
			return fmt.Errorf("%w: slot %d changed its owner during the backup, keys may be missing", ErrBroken, slot)
		}
	}
	return nil
}

func (c *Client) backupNode(ctx context.Context, n *Node, d storage.Dir, t *tracker) (BackupFile, error) {
	b := BackupFile{Name: n.ID.String() + ".keys", Node: n.ID.String(), Address: n.Address, Slots: n.Slots().String()}
	file, err := d.Create(b.Name)
	if err != nil {
		return b, err
	}
	defer file.Abort()
	w, err := newArchiveWriter(file)
	if err != nil {
		return b, err
	}
	dump := &dumper{c: c, node: n, absolute: true}
	err = c.scan(ctx, n.Address, func(keys []string) error {
		for len(keys) > 0 {
			part := min(dumpPipeline, len(keys))
			list, err := dump.records(ctx, keys[:part])
			if err != nil {
				return err
			}
			keys = keys[part:]
			var bytes int64
			for _, r := range list {
				bytes += int64(len(r.key) + len(r.payload))
				if err := w.add(r); err != nil {
					return err
				}
			}
			t.addBytes(bytes)
			t.add(0, int64(len(list)))
		}
		return nil
	})
	if err == nil {
		err = w.flush()
	}
	if err == nil {
		err = file.Commit()
	}
	b.Keys, b.Bytes, b.Checksum = w.keys, w.bytes, fmt.Sprintf("%016x", w.sum.Sum64())
	return b, err
}

// dumpPipeline bounds how many values are in memory at once.
const dumpPipeline = 100

// dumper reads keys with their expiry.
type dumper struct {
	c        *Client
	node     *Node
	absolute bool // the node knows PEXPIRETIME, which came with Redis 7
}

// records returns those of the keys that still exist.
func (d *dumper) records(ctx context.Context, keys []string) ([]record, error) {
	expiry := "PEXPIRETIME"
	if !d.absolute {
		expiry = "PTTL"
	}
	var commands [][]string
	for _, key := range keys {
		commands = append(commands, []string{expiry, key}, []string{"DUMP", key})
	}
	replies, err := d.c.pipe(ctx, d.node.Address, commands)
	if err != nil {
		return nil, err
	}
	now := time.Now().UnixMilli()
	var list []record
	for i, key := range keys {
		when, value := replies[2*i], replies[2*i+1]
		if d.absolute && unsupported(when.Err()) {
			d.absolute = false
			return d.records(ctx, keys)
		}
		if err := errors.Join(when.Err(), value.Err()); err != nil {
			return nil, &NodeError{d.node.Address, "DUMP " + strconv.Quote(key), err}
		}
		if value.Kind == resp.Null || when.Int == -2 { // expired or deleted meanwhile
			continue
		}
		r := record{key: key, payload: value.Str}
		switch {
		case when.Int < 0:
		case d.absolute:
			r.expires = when.Int
		default:
			r.expires = now + when.Int
		}
		list = append(list, r)
	}
	return list, nil
}
