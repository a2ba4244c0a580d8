package loadgen

import (
	"fmt"
	"runtime"
)

// Circumstances are what figures depend on.
type Circumstances struct {
	Go    string `json:"go"`
	OS    string `json:"os"`
	Arch  string `json:"arch"`
	Cores int    `json:"cores"`
	// InMemory says that the node's data were in memory, so that its fsyncs cost nothing and its rate says little.
	InMemory bool `json:"in_memory"`
}

// circumstances are those of this machine, with a node's data in dir; empty is not known where.
func circumstances(dir string) Circumstances {
	return Circumstances{Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU(), InMemory: inMemory(dir)}
}

func (c Circumstances) String() string {
	text := fmt.Sprintf("%s on %s/%s, %d cores", c.Go, c.OS, c.Arch, c.Cores)
	if c.InMemory {
		text += "\nThe node's data were in memory (tmpfs): its fsyncs cost nothing. Set --dir to a directory on a disk."
	}
	return text
}
