package client

import (
	"bytes"
	"strconv"
	"time"
)

// sseMessage is one message of an event stream.
type sseMessage struct {
	event string // "": message
	id    string // "": this message names none
	data  string
}

// sseParser puts messages together out of lines, as the HTML standard describes text/event-stream. Unlike a browser it
// tells whether a message names an id itself: a message without one is part of something that is not complete yet.
type sseParser struct {
	event, id string
	data      []byte
	retry     time.Duration // what the server asks for before a reconnect; 0: it has not
}

// line takes the next line, without its end. An empty one completes a message; ok is false where there is none.
func (p *sseParser) line(line []byte) (m sseMessage, ok bool) {
	if len(line) == 0 {
		m = sseMessage{event: p.event, id: p.id, data: string(bytes.TrimSuffix(p.data, []byte("\n")))}
		ok = len(p.data) > 0
		p.event, p.id, p.data = "", "", p.data[:0]
		return m, ok
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) { // a comment has the name ""
	case "event":
		p.event = string(value)
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			p.id = string(value)
		}
	case "data":
		p.data = append(append(p.data, value...), '\n')
	case "retry":
		if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
			p.retry = time.Duration(ms) * time.Millisecond
		}
	}
	return sseMessage{}, false
}

// sseLines cuts a stream into lines that end with LF, CR or CRLF. It is a bufio.SplitFunc of one stream: a CR ends a line
// at once, and the LF that may follow is only known with the next call.
func sseLines() func(data []byte, atEOF bool) (advance int, token []byte, err error) {
	begun, afterCR := false, false
	return func(data []byte, _ bool) (int, []byte, error) {
		skip := 0
		if !begun {
			if mark := []byte("\xef\xbb\xbf"); bytes.HasPrefix(mark, data) && len(data) < len(mark) {
				return 0, nil, nil // it may be a byte order mark
			} else if bytes.HasPrefix(data, mark) {
				skip = len(mark)
			}
		}
		if afterCR && len(data) > 0 && data[0] == '\n' {
			skip = 1
		}
		end := bytes.IndexAny(data[skip:], "\r\n")
		if end < 0 {
			return 0, nil, nil // a line that the end cuts off is thrown away, as a message would be
		}
		begun, afterCR = true, data[skip+end] == '\r'
		return skip + end + 1, data[skip : skip+end], nil
	}
}
