package past

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

// TestMain keeps what rapid finds out of the tree: its seed is printed.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}
