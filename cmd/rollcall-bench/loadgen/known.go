package loadgen

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// importKnown makes n users known, and offline, to the node of that name, which
// must not run.
func (l launcher) importKnown(ctx context.Context, node string, n int) error {
	table := filepath.Join(l.dir, node+".users.csv")
	if err := writeUserTable(table, n, time.Now().Add(-time.Hour)); err != nil {
		return fmt.Errorf("writing a user table: %w", err)
	}
	defer os.Remove(table)
	l.say("%s: importing %d users", node, n)
	took, err := l.finish(ctx, l.rollcall, "import", table, "--data-dir", l.dataDir(node), "--progress", "none")
	if err == nil {
		l.say("%s: imported in %s", node, took.took.Round(time.Millisecond))
	}
	return err
}

// writeUserTable writes a user table of n users, last seen at that time.
func writeUserTable(path string, n int, at time.Time) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(file)
	fmt.Fprintln(out, "id,online_status,last_seen")
	for i := range n {
		fmt.Fprintf(out, "%s,offline,%s\n", filledName(i), at.UTC().Format(time.RFC3339Nano))
	}
	if err := out.Flush(); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
