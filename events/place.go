package events

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Place is where in the log an entry is: the sequence of its commit, and which
// of that commit's entries it is, from 0. Places are in the order of the log.
type Place struct {
	Seq uint64
	Nth uint32
}

// EndOf is the place after the last entry of the commit at seq: no entry has it.
func EndOf(seq uint64) Place { return Place{Seq: seq, Nth: math.MaxUint32} }

// Compare returns -1, 0 or 1: p comes before o, is o, or comes after it.
func (p Place) Compare(o Place) int {
	return cmp.Or(cmp.Compare(p.Seq, o.Seq), cmp.Compare(p.Nth, o.Nth))
}

// Before reports whether p comes before o.
func (p Place) Before(o Place) bool { return p.Compare(o) < 0 }

// Next is the first place that can come after p.
func (p Place) Next() Place {
	if p.Nth == math.MaxUint32 {
		return Place{Seq: p.Seq + 1}
	}
	return Place{Seq: p.Seq, Nth: p.Nth + 1}
}

// String is the form that ParsePlace reads: "1234.17", or "1234" for EndOf(1234).
func (p Place) String() string {
	if p.Nth == math.MaxUint32 {
		return strconv.FormatUint(p.Seq, 10)
	}
	return strconv.FormatUint(p.Seq, 10) + "." + strconv.FormatUint(uint64(p.Nth), 10)
}

// ParsePlace reads "1234.17", an entry, or "1234", the end of a commit.
func ParsePlace(text string) (Place, error) {
	seq, nth, within := strings.Cut(text, ".")
	p := Place{Nth: math.MaxUint32}
	var err error
	if p.Seq, err = strconv.ParseUint(seq, 10, 63); err != nil {
		return Place{}, fmt.Errorf("a place in the log is a sequence like 1234 or 1234.17, not %.40q", text)
	}
	if within {
		n, err := strconv.ParseUint(nth, 10, 31)
		if err != nil {
			return Place{}, fmt.Errorf("a place in the log is a sequence like 1234 or 1234.17, not %.40q", text)
		}
		p.Nth = uint32(n)
	}
	return p, nil
}
