package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Free disk in GiB below which doctor warns, and fails.
const littleGiB, noGiB = 1.0, 0.1

// examineDir writes a file where a node would, and takes it away again. It makes no directory that is not there.
func examineDir(dir string) finding {
	at := standing(dir)
	f, err := os.CreateTemp(at, ".rollcall-doctor-*")
	if err != nil {
		return of("data directory", err, "", "give the user that runs the node the right to write there, or another --data-dir")
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString("written by rollcall doctor\n")
	err = errors.Join(err, f.Sync(), f.Close())
	detail := dir + " is writable"
	if at != filepath.Clean(dir) {
		detail = dir + " is not there yet and can be made"
	}
	return of("data directory", err, detail, "see what is wrong with that disk")
}

// standing is the directory itself, or the nearest one above it that is there.
func standing(dir string) string {
	dir = filepath.Clean(dir)
	for {
		if _, err := os.Stat(dir); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return dir
		}
		dir = parent
	}
}

// risky tells what is to be known about file systems that do not keep what an fsync promises.
var risky = map[string]string{ // file system → what is wrong with it
	"tmpfs":   "it is in memory, so everything is gone at the next boot",
	"overlay": "it is a container's own layer, gone with the container: mount a volume",
	"nfs":     "locks and fsyncs over the network are not to be relied on",
	"cifs":    "locks and fsyncs over the network are not to be relied on",
	"9p":      "locks and fsyncs through a virtual machine are not to be relied on",
	"fuse":    "whether it keeps an fsync's promise depends on what is behind it",
}

func examineFileSystem(dir string) finding {
	name, _, err := disk(standing(dir))
	if err != nil {
		return skipped("file system", "%v", err)
	}
	if why, ok := risky[name]; ok {
		return finding{"file system", resultWarning, name + ": " + why, "put --data-dir on a local disk"}
	}
	return finding{Check: "file system", Result: resultOK, Detail: name}
}

func examineDisk(dir string) finding {
	_, free, err := disk(standing(dir))
	if err != nil {
		return skipped("free disk", "%v", err)
	}
	gib := float64(free) / (1 << 30)
	f := finding{Check: "free disk", Result: resultOK, Detail: fmt.Sprintf("%.1f GiB", gib)}
	if gib < littleGiB {
		f.Result, f.Fix = resultWarning, "make room, or shorten --hot-retention and --audit-retention"
	}
	if gib < noGiB {
		f.Result = resultFailed
	}
	return f
}
