//go:build torture && linux

package embedded_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// disk is an ext4 of its own, in a file behind a loop device, that can lose its
// power: what was written and not fsynced is gone then. ext4 is told to write
// nothing back by itself (commit=1000), so that nothing survives by luck.
//
// Two things it cannot show: a disk that lies about what it has flushed, and a
// file system whose fsync of a file leaves the file's directory out.
type disk struct {
	t          *testing.T
	image, dir string
}

// newDisk needs root, mkfs.ext4 and loop devices. Where they are missing the
// test is skipped, and fails if CI is set.
func newDisk(t *testing.T) *disk {
	t.Helper()
	d := &disk{t: t, image: filepath.Join(t.TempDir(), "image"), dir: t.TempDir()}
	err := os.WriteFile(d.image, nil, 0o600)
	if err == nil {
		err = os.Truncate(d.image, 1<<30)
	}
	if err == nil {
		err = command("mkfs.ext4", "-q", "-F", d.image)
	}
	if err == nil {
		err = d.mount()
	}
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("this machine has no disk to cut: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := command("umount", d.dir); err != nil {
			t.Error(err)
		}
	})
	return d
}

func command(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

func (d *disk) mount() error {
	return command("mount", "-t", "ext4", "-o", "loop,commit=1000", d.image, d.dir)
}

// cut takes the power away. What was acknowledged before the time that it
// returns must have survived; of what came later nobody knows.
func (d *disk) cut() time.Time {
	d.t.Helper()
	const (
		shutdown   = 0x8004587d // EXT4_IOC_SHUTDOWN
		noLogFlush = 2          // the journal is not written either
	)
	root, err := os.Open(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	defer root.Close()
	at := time.Now()
	if err := unix.IoctlSetPointerInt(int(root.Fd()), shutdown, noLogFlush); err != nil {
		d.t.Fatalf("cutting the power: %v", err)
	}
	return at
}

// restore brings the disk back with what had reached it. Nobody may use it.
func (d *disk) restore() {
	d.t.Helper()
	if err := command("umount", d.dir); err != nil {
		d.t.Fatal(err)
	}
	if err := d.mount(); err != nil {
		d.t.Fatal(err)
	}
}

// before leaves of all what was acknowledged before the cut.
func before(cut time.Time, all map[string]acked) map[string]acked {
	maps.DeleteFunc(all, func(_ string, a acked) bool { return !a.when.Before(cut) })
	return all
}

// outage runs a node with cfg on d and cuts the power of both: under load once
// so many acknowledgements have come, or with 0 while it starts. It returns what
// was acknowledged.
func (d *disk) outage(cfg embedded.Config, prefix string, acks int) map[string]acked {
	d.t.Helper()
	ready, kill := spawn(d.t, cfg)
	stop := func() map[string]acked { return nil }
	if acks == 0 {
		timer := time.NewTimer(time.Duration(rand.IntN(1<<rand.IntN(9))) * time.Millisecond) // short ones above all
		<-timer.C
	} else {
		url, err := ready()
		if err != nil {
			d.t.Fatal(err)
		}
		stop = loadUntil(d.t, url, prefix, acks)
	}
	cut := d.cut()
	kill()
	d.restore()
	return before(cut, stop())
}

// loadUntil writes to the node at url, and returns when so many acknowledgements
// have come; stop ends it and returns all of them.
func loadUntil(t *testing.T, url, prefix string, acks int) (stop func() map[string]acked) {
	t.Helper()
	stop, count := load(t, url, prefix)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for late := time.After(time.Minute); count() < acks; {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("only %d acknowledgements in a minute", count())
		}
	}
	return stop
}

// TestTorturePowerCut cuts the power of a node at random moments, under load and
// while it starts, also for the first time on an empty disk. Each time the node
// must start by itself on what is left, with everything acknowledged in its log
// and its views, and the views as the log says.
func TestTorturePowerCut(t *testing.T) {
	const disks, cuts = 8, 6
	total, tried := 0, 0
	for n := range disks {
		t.Run(fmt.Sprintf("disk%d", n), func(t *testing.T) {
			d := newDisk(t)
			tried++
			// Views written all the time, and hardly ever: their fsyncs carry the
			// log's with them.
			cfg := embedded.Config{DataDir: filepath.Join(d.dir, "data"), Checkpoint: 50 * time.Millisecond, Timeout: time.Hour}
			if n%2 == 1 {
				cfg.Checkpoint = time.Minute
			}
			all := map[string]acked{}
			for i := range cuts {
				acks := 0
				if i%3 > 0 {
					acks = 50 + rand.IntN(2500)
				}
				maps.Copy(all, d.outage(cfg, fmt.Sprintf("c%d", i), acks))
				d.check(cfg, all)
			}
			d.checkAudit(cfg)
			total += len(all)
		})
		if t.Failed() {
			return
		}
	}
	if tried == 0 {
		t.Skip("there was no disk to cut: each of them says why")
	}
	if total == 0 {
		t.Fatal("nothing was acknowledged before any of the cuts, so nothing is shown")
	}
	t.Logf("%d cuts, %d of them while the node started, %d acknowledged events", disks*cuts, disks*cuts/3, total)
}

// TestTorturePowerCutWhileSettingsChange cuts the power of a node that starts
// with another retention than before, which its server writes down then.
func TestTorturePowerCutWhileSettingsChange(t *testing.T) {
	const cuts = 100
	d := newDisk(t)
	cfg := embedded.Config{DataDir: filepath.Join(d.dir, "data"), Checkpoint: 50 * time.Millisecond, Timeout: time.Hour}
	all := d.outage(cfg, "u", 500)
	for i := range cuts {
		cfg.HotRetention = time.Duration(48+i%2) * time.Hour
		d.outage(cfg, "", 0)
		ready, kill := spawn(t, cfg)
		if _, err := ready(); err != nil {
			t.Fatalf("after %d cuts: %v", i+1, err)
		}
		kill()
	}
	d.check(cfg, all)
}

// check starts a node on what a cut has left.
func (d *disk) check(cfg embedded.Config, all map[string]acked) {
	d.t.Helper()
	ready, kill := spawn(d.t, cfg)
	url, err := ready()
	if err != nil {
		d.t.Fatal(err)
	}
	checkView(d.t, url, all)
	kill()
	checkLog(d.t, cfg.DataDir, all)
	if err := embedded.Offline(d.t.Context(), embedded.Config{DataDir: cfg.DataDir}, func(ctx context.Context, dep *embedded.Deployment) error {
		views, err := dep.Verify(ctx, nil)
		for _, v := range views {
			if !v.Equal {
				d.t.Errorf("the %s view is not what the log says: %+v", v.View, v)
			}
		}
		return err
	}); err != nil {
		d.t.Fatal(err)
	}
}

// checkAudit checks that the archive has every event but heartbeats once, in
// order and at its place, up to where it has got. Nothing may use the disk after
// it.
func (d *disk) checkAudit(cfg embedded.Config) {
	d.t.Helper()
	t := d.t
	var log, archive []string
	err := embedded.Offline(t.Context(), cfg, func(ctx context.Context, dep *embedded.Deployment) error {
		_, last, err := dep.Log().Bounds(ctx)
		if err != nil {
			return err
		}
		var c events.Commit
		err = dep.Log().Read(ctx, journal.Stretch{To: last}, func(msgs []journal.Message) error {
			for _, m := range msgs {
				if err := c.Decode(m.Data); err != nil {
					return err
				}
				for i := range c.Entries {
					e, _, err := c.Entries[i].Event()
					if err != nil {
						return err
					}
					if e.Type != events.Heartbeat {
						at := events.Place{Seq: m.Seq, Nth: uint32(i)}
						log = append(log, fmt.Sprint(at, e.Type, e.User, e.Session, e.At))
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		return dep.Log().Archive(ctx, journal.Excerpt{}, func(records []journal.Record) error {
			for _, r := range records {
				archive = append(archive, fmt.Sprint(r.Place, r.Event.Type, r.Event.User, r.Event.Session, r.Event.At))
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(archive) == 0 || len(archive) > len(log) || !slices.Equal(archive, log[:len(archive)]) {
		t.Errorf("the archive has %d events, the log %d, and they differ", len(archive), len(log))
	}
	t.Logf("%d of %d events are in the archive, once each and in order", len(archive), len(log))
}

// TestTorturePowerCutIsFelt shows that the test above can fail: a node that
// acknowledges before it has fsynced loses events. It loses no more than those:
// the node starts by itself, and neither the views nor the archive know of
// anything that the log has lost.
func TestTorturePowerCutIsFelt(t *testing.T) {
	const cuts = 5
	var total, lost int
	for n := range cuts {
		t.Run(fmt.Sprintf("disk%d", n), func(t *testing.T) {
			d := newDisk(t)
			cfg := embedded.Config{DataDir: filepath.Join(d.dir, "data"), Sync: "1s", Checkpoint: 50 * time.Millisecond, Timeout: time.Hour}
			all := d.outage(cfg, "u", 500+rand.IntN(5000))
			total += len(all)
			if err := embedded.Offline(t.Context(), cfg, func(ctx context.Context, dep *embedded.Deployment) error {
				found, err := logged(ctx, dep)
				gone := missing(all, found)
				t.Logf("%d acknowledged, %d of them lost", len(all), len(gone))
				lost += len(gone)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			// What comes now takes the numbers of what was lost.
			ready, kill := spawn(t, cfg)
			url, err := ready()
			if err != nil {
				t.Fatal(err)
			}
			stop := loadUntil(t, url, "later", 500)
			kill()
			d.check(cfg, stop())
			d.checkAudit(cfg)
		})
		if t.Failed() {
			return
		}
	}
	if total == 0 {
		t.Skip("there was no disk to cut")
	}
	t.Logf("%d cuts with sync 1s: %d of %d acknowledged events are lost", cuts, lost, total)
	if lost == 0 {
		t.Error("nothing was lost: these cuts prove nothing")
	}
}
