//go:build !unix

package embedded

import "os"

// flock does nothing here: the view's file, which bbolt locks, is the guard.
func flock(*os.File) (held bool, err error) { return false, nil }
