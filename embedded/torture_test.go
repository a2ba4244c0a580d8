//go:build torture

package embedded_test

import "testing"

func TestTortureKill(t *testing.T) { killRounds(t, 60) }
