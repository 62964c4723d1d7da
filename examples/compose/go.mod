module example.com/compose

go 1.25.0

require github.com/slotmesh/slotmesh v0.0.0

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/fatih/color v1.13.0 // indirect
	github.com/hashicorp/go-hclog v1.6.3 // indirect
	github.com/mattn/go-colorable v0.1.12 // indirect
	github.com/mattn/go-isatty v0.0.14 // indirect
	golang.org/x/sys v0.38.0 // indirect
)

replace github.com/slotmesh/slotmesh => ../..
