package current

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

// TestAViewThatHearsNothingLags: the log of a working deployment is never silent for long.
func TestAViewThatHearsNothingLags(t *testing.T) {
	v, err := Open(Config{Path: filepath.Join(t.TempDir(), "current.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}()
	v.last.Time = events.MillisOf(time.Now().Add(-time.Hour))
	for _, tt := range []struct {
		mono   int64
		behind uint64
		lags   bool
	}{
		{0, 0, false}, // nothing was read yet
		{0, 1, true},
		{events.Mono(), 0, false},
		{events.Mono(), 1, true},
		{events.Mono() - time.Minute.Nanoseconds(), 0, true},
	} {
		v.mono, v.behind = tt.mono, tt.behind
		if lag := v.Stats().Lag; (lag > 50*time.Minute) != tt.lags || !tt.lags && lag != 0 {
			t.Errorf("%+v: %v", tt, lag)
		}
	}
}
