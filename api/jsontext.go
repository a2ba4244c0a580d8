package api

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// endOfString returns the index behind the string that begins at data[i].
func endOfString(data []byte, i int) int {
	for i++; data[i] != '"'; i++ {
		if data[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func unquote(text []byte) string {
	if bytes.IndexByte(text, '\\') < 0 {
		return string(text[1 : len(text)-1])
	}
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return ""
	}
	return s
}

// halfSurrogate says whether a valid JSON string has a \u escape of one half of a surrogate pair without the other.
func halfSurrogate(text []byte) bool {
	for i := bytes.IndexByte(text, '\\'); i >= 0 && i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		i++
		if text[i] != 'u' {
			continue
		}
		switch unit := codeUnit(text[i+1:]); {
		case unit >= 0xdc00 && unit <= 0xdfff:
			return true
		case unit >= 0xd800 && unit <= 0xdbff:
			next := text[i+5:]
			if len(next) < 6 || next[0] != '\\' || next[1] != 'u' {
				return true
			}
			if low := codeUnit(next[2:]); low < 0xdc00 || low > 0xdfff {
				return true
			}
			i += 6
		}
		i += 4
	}
	return false
}

// codeUnit reads the four hex digits at the beginning of text.
func codeUnit(text []byte) uint64 {
	n, err := strconv.ParseUint(string(text[:4]), 16, 16)
	if err != nil {
		return 0
	}
	return n
}
