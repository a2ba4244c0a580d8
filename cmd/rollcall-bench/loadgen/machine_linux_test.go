package loadgen

import (
	"os"
	"testing"
	"time"
)

func TestTheCPUTimeOfAProcessIsRead(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"42 (a name) with) S 1 2 3 4 5 6 7 8 9 10 123 45 0 0 20 0": 1680 * time.Millisecond,
		"42 (short) S 1 2":                    0,
		"":                                    0,
		"42 (x) S 1 2 3 4 5 6 7 8 9 10 a b 0": 0,
	} {
		if got := cpuOf([]byte(text)); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestTheMemoryOfAProcessIsRead(t *testing.T) {
	got := parseMemory([]byte("Name:\tVmRSS: 7 kB\nVmHWM:\t    1024 kB\nVmRSS:\t     512 kB\nRssAnon:\t 256 kB\nRssFile:\t 12 kB\nVmRSS:\t x kB\n"))
	if got != (memory{resident: 512 << 10, anonymous: 256 << 10, peak: 1 << 20}) {
		t.Errorf("got %+v", got)
	}
	own := memoryOf(os.Getpid())
	if own.anonymous <= 0 || own.resident < own.anonymous || own.peak < own.resident {
		t.Errorf("this process has %+v", own)
	}
	if gone := memoryOf(-1); gone != (memory{}) {
		t.Errorf("no process has %+v", gone)
	}
}
