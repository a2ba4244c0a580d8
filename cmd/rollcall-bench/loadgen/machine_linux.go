package loadgen

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

const (
	// clockTick is the unit of /proc/<pid>/stat: USER_HZ is 100 on every architecture that Go runs on.
	clockTick = 10 * time.Millisecond
	// tmpfsMagic is TMPFS_MAGIC of linux/magic.h.
	tmpfsMagic = 0x01021994
)

// ownCPU is the CPU time that this process has spent.
func ownCPU() time.Duration {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// processCPU is the CPU time that process pid has spent, to 10 ms; zero for one that is not there.
func processCPU(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	return cpuOf(stat)
}

// cpuOf reads the CPU time from /proc/<pid>/stat; zero for a text that is none.
func cpuOf(stat []byte) time.Duration {
	// The name of the program, in parentheses, may hold spaces; utime and stime are the 12th and 13th field after it.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	return ticks(fields[11]) + ticks(fields[12])
}

// resident is the memory of process pid that is in RAM, in bytes; zero for one that is not there.
func resident(pid int) int64 {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// memory is what /proc/<pid>/status says of a process, in bytes.
type memory struct {
	resident, anonymous, peak int64
}

// memoryOf is the memory of process pid; zero for one that is not there.
func memoryOf(pid int) memory {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return memory{}
	}
	return parseMemory(status)
}

func parseMemory(status []byte) (m memory) {
	for line := range bytes.Lines(status) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		kilobytes, ok := bytes.CutSuffix(bytes.TrimSpace(value), []byte(" kB"))
		n, err := strconv.ParseInt(string(kilobytes), 10, 64)
		if !ok || err != nil {
			continue
		}
		switch string(name) {
		case "VmRSS":
			m.resident = n << 10
		case "RssAnon":
			m.anonymous = n << 10
		case "VmHWM":
			m.peak = n << 10
		}
	}
	return m
}

// maxResident is the largest resident memory that usage, of a process that has
// ended, tells; in bytes.
func maxResident(usage any) int64 {
	if u, ok := usage.(*syscall.Rusage); ok {
		return u.Maxrss << 10
	}
	return 0
}

func ticks(field []byte) time.Duration {
	n, err := strconv.ParseInt(string(field), 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(n) * clockTick
}

// inMemory says whether the files of dir are in memory, where an fsync costs nothing.
func inMemory(dir string) bool {
	var fs syscall.Statfs_t
	return syscall.Statfs(dir, &fs) == nil && fs.Type == tmpfsMagic
}

// detach puts the process into a group of its own, so that a Ctrl-C at the terminal reaches this one alone, and has it
// stopped when this one dies without a chance to do so.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
