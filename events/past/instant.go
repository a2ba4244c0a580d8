package past

import (
	"bytes"
	"time"
)

// parseInstant reads a time as programs and databases write it:
//
//	2021-01-31T09:30:00Z  2021-01-31T09:30:00.123+01:00  RFC 3339
//	2026-01-05 10:11:12.123456+00:00                     Django
//	2026-01-05 10:11:12.123456+00  …+0000                PostgreSQL
//	2026-01-05 10:11:12                                  without a zone: UTC
func parseInstant(text []byte) (t time.Time, ok bool) {
	const seconds = len("2006-01-02T15:04:05")
	text = bytes.TrimSpace(text)
	var buf [48]byte
	if len(text) < seconds || len(text) > len(buf)-len("Z:00") {
		return t, false
	}
	b := append(buf[:0], text...)
	if b[10] == ' ' || b[10] == 't' {
		b[10] = 'T'
	}
	b = withZone(b, seconds)
	return t, t.UnmarshalText(b) == nil
}

// withZone gives b, whose zone stands behind the seconds and their fraction, the
// zone's form of RFC 3339.
func withZone(b []byte, seconds int) []byte {
	i := bytes.IndexAny(b[seconds:], "zZ+-")
	if i < 0 {
		return append(b, 'Z')
	}
	switch zone := b[seconds+i:]; {
	case zone[0] == 'z':
		zone[0] = 'Z'
	case len(zone) == len("+00"):
		b = append(b, ":00"...)
	case len(zone) == len("+0000"):
		b = append(b[:len(b)-2], ':', zone[3], zone[4])
	}
	return b
}
