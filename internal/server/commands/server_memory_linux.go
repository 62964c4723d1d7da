package commands

import "syscall"

// systemMemory returns how many bytes of memory the machine has, 0 if that is not known.
func systemMemory() int64 {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return 0
	}
	return int64(uint64(info.Totalram) * uint64(info.Unit))
}
