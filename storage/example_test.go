package storage_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log"

	"github.com/slotmesh/slotmesh/storage"
)

// A file appears with Commit, whole.
func ExampleDisk() {
	var disk storage.Disk = &storage.Memory{} // or storage.Dir("/var/lib/mesh")
	file, err := disk.Create("nodes.conf")
	if err != nil {
		log.Fatal(err)
	}
	defer file.Abort() // does nothing after Commit
	if _, err := file.Write([]byte("epoch 7")); err != nil {
		log.Fatal(err)
	}
	_, err = storage.ReadFile(disk, "nodes.conf")
	fmt.Println("before Commit:", errors.Is(err, fs.ErrNotExist))
	if err := file.Commit(); err != nil {
		log.Fatal(err)
	}
	text, err := storage.ReadFile(disk, "nodes.conf")
	fmt.Printf("after Commit: %s %v\n", text, err)
	// Output:
	// before Commit: true
	// after Commit: epoch 7 <nil>
}

// A folder belongs to one node at a time.
func ExampleLocker() {
	var disk storage.Locker = &storage.Memory{}
	unlock, err := disk.Lock()
	if err != nil {
		log.Fatal(err)
	}
	_, err = disk.Lock()
	fmt.Println(errors.Is(err, storage.ErrInUse))
	unlock()
	_, err = disk.Lock()
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}
