module example.com/compose

go 1.25.0

require github.com/slotmesh/slotmesh v0.0.0

require github.com/cespare/xxhash/v2 v2.3.0 // indirect

replace github.com/slotmesh/slotmesh => ../..
