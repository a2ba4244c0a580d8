package settings

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// meant is the end of a sentence about an unknown name: which of the known ones it is nearest to, if any.
func meant[V any](name string, known map[string]V) string {
	if n := Nearest(name, slices.Collect(maps.Keys(known))); n != "" {
		return fmt.Sprintf(": did you mean %s?", n)
	}
	return ": remove it"
}

// Nearest returns the candidate that was probably meant by name, "" where none is near. Case, dashes and underscores
// count for nothing, and leaving out the first words for no more than one letter.
func Nearest(name string, candidates []string) string {
	word := plain(name)
	return closest(candidates, max(1, len(word)/4), func(c string) int {
		if holds(c, name) {
			return min(1, distance(word, plain(c)))
		}
		return distance(word, plain(c))
	})
}

// closest returns the candidate that is least far away, "" where all are farther than most.
func closest(candidates []string, most int, away func(candidate string) int) string {
	best, least := "", most+1
	for _, c := range slices.Sorted(slices.Values(candidates)) { // sorted, so that the answer is always the same
		if d := away(c); d < least {
			best, least = c, d
		}
	}
	return best
}

// holds says whether the last words of a candidate are name.
func holds(candidate, name string) bool {
	name = strings.ToLower(dashed(strings.TrimPrefix(name, prefix)))
	return len(name) >= 3 && strings.HasSuffix(strings.ToLower(dashed(candidate)), "-"+name)
}

func dashed(s string) string { return strings.ReplaceAll(s, "_", "-") }

func plain(s string) string {
	s = strings.TrimPrefix(s, prefix)
	return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(s))
}

// distance is how many letters must be put in, taken out, exchanged, or swapped with their neighbour to make b of a.
func distance(a, b string) int {
	var before, last []int // the two rows above
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(last[j]+1, row[j-1]+1, change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
