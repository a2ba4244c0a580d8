//go:build !linux

package loadgen

import (
	"os/exec"
	"time"
)

// ownCPU is told on Linux only.
func ownCPU() time.Duration { return 0 }

// processCPU is told on Linux only.
func processCPU(int) time.Duration { return 0 }

// resident is told on Linux only.
func resident(int) int64 { return 0 }

// memory is what a process takes, in bytes.
type memory struct {
	resident, anonymous, peak int64
}

// memoryOf is told on Linux only.
func memoryOf(int) memory { return memory{} }

// maxResident is told on Linux only.
func maxResident(any) int64 { return 0 }

// inMemory is told on Linux only.
func inMemory(string) bool { return false }

// detach does nothing: a Ctrl-C at the terminal reaches the process too.
func detach(*exec.Cmd) {}
