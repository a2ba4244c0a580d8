package loadgen

import (
	"context"
	"time"
)

// spent is CPU time, of user and system together; zero where it cannot be told.
type spent struct{ generator, server time.Duration }

// spentIn waits for both ends of the measured time and returns what was spent between them; nothing when ctx ends first.
func spentIn(ctx context.Context, clk clock, measured window, serverPID int) spent {
	if !sleep(ctx, measured.from-clk.now()) {
		return spent{}
	}
	generator, server := ownCPU(), processCPU(serverPID)
	if !sleep(ctx, measured.to-clk.now()) {
		return spent{}
	}
	return spent{generator: ownCPU() - generator, server: processCPU(serverPID) - server}
}
