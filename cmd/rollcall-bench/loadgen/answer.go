package loadgen

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
)

// ErrAnswer says that the server answered with something other than an HTTP/1.1 answer whose body has a Content-Length
// or comes in chunks. It ends the run: what follows on the connection could not be told apart from that body.
var ErrAnswer = errors.New("answer not understood")

// answer is what the generator needs to know of an HTTP answer.
type answer struct {
	status int
	length int64 // of the body; -1 where the server did not say
	closes bool  // the server closes the connection after it
	chunks bool  // the body comes in chunks
}

// hasBody says whether bytes may follow the headers: RFC 9112, section 6.3.
func (a answer) hasBody() bool {
	return a.status >= 200 && a.status != http.StatusNoContent && a.status != http.StatusNotModified
}

// readAnswer reads one final answer and throws its body away, without allocating. It returns ErrAnswer for one that it
// cannot follow, else the error of the connection.
func readAnswer(in *bufio.Reader) (answer, error) {
	for {
		a, err := readHead(in)
		if err != nil {
			return answer{}, err
		}
		if a.status < 200 { // informational: the final answer follows
			continue
		}
		return a, discardBody(in, a)
	}
}

func discardBody(in *bufio.Reader, a answer) error {
	if !a.hasBody() {
		return nil
	}
	if a.chunks {
		return discardChunks(in)
	}
	if a.length < 0 {
		return fmt.Errorf("%w: status %d with a body of unknown length", ErrAnswer, a.status)
	}
	return discard(in, a.length)
}

func discard(in *bufio.Reader, left int64) error {
	for left > 0 {
		n, err := in.Discard(int(min(left, 1<<20)))
		left -= int64(n)
		if err != nil {
			return err
		}
	}
	return nil
}

// discardChunks throws a body in chunks away, and the trailer: RFC 9112, section 7.1.
func discardChunks(in *bufio.Reader) error {
	for {
		line, err := readLine(in)
		if err != nil {
			return err
		}
		size, ok := chunkSize(line)
		if !ok {
			return fmt.Errorf("%w: a chunk of %.20q bytes", ErrAnswer, line)
		}
		if size == 0 {
			return discardTrailer(in)
		}
		if err := discard(in, size); err != nil {
			return err
		}
		if line, err = readLine(in); err != nil {
			return err
		}
		if len(line) > 0 {
			return fmt.Errorf("%w: %.20q where a chunk ends", ErrAnswer, line)
		}
	}
}

func discardTrailer(in *bufio.Reader) error {
	for {
		if line, err := readLine(in); err != nil || len(line) == 0 {
			return err
		}
	}
}

// chunkSize reads up to 8 hexadecimal digits; extensions may follow.
func chunkSize(line []byte) (size int64, ok bool) {
	digits, _, _ := bytes.Cut(line, []byte(";"))
	if len(digits) == 0 || len(digits) > 8 {
		return 0, false
	}
	for _, c := range digits {
		digit := bytes.IndexByte([]byte("0123456789abcdef"), c|0x20)
		if digit < 0 {
			return 0, false
		}
		size = size<<4 | int64(digit)
	}
	return size, true
}

// readHead reads the status line and the headers up to the empty line.
func readHead(in *bufio.Reader) (answer, error) {
	line, err := readLine(in)
	if err != nil {
		return answer{}, err
	}
	a := answer{length: -1}
	if a.status, err = parseStatus(line); err != nil {
		return answer{}, err
	}
	for {
		line, err := readLine(in)
		if err != nil || len(line) == 0 {
			return a, err
		}
		if err := a.readHeader(line); err != nil {
			return answer{}, err
		}
	}
}

// readLine returns the next line without its end; it is valid until the next read.
func readLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("%w: a line of more than %d bytes", ErrAnswer, in.Size())
	}
	if err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}

// parseStatus takes the status from "HTTP/1.1 204 No Content".
func parseStatus(line []byte) (int, error) {
	rest, ok := bytes.CutPrefix(line, []byte("HTTP/1.1 "))
	if !ok || len(rest) < 3 || (len(rest) > 3 && rest[3] != ' ') {
		return 0, fmt.Errorf("%w: it begins %.40q", ErrAnswer, line)
	}
	status, ok := decimal(rest[:3])
	if !ok || status < 100 || status >= statusLimit {
		return 0, fmt.Errorf("%w: status %q", ErrAnswer, rest[:3])
	}
	return int(status), nil
}

// readHeader keeps what one header line says about the length of the answer and the end of the connection.
func (a *answer) readHeader(line []byte) error {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimSpace(value)
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		var ok bool
		if a.length, ok = decimal(value); !ok {
			return fmt.Errorf("%w: Content-Length %.40q", ErrAnswer, value)
		}
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		if a.chunks = bytes.EqualFold(value, []byte("chunked")); !a.chunks {
			return fmt.Errorf("%w: Transfer-Encoding %.40q, where only chunked is followed", ErrAnswer, value)
		}
	case bytes.EqualFold(name, []byte("Connection")):
		a.closes = bytes.EqualFold(value, []byte("close"))
	}
	return nil
}

// decimal reads up to 15 digits and nothing else.
func decimal(digits []byte) (int64, bool) {
	if len(digits) == 0 || len(digits) > 15 {
		return 0, false
	}
	var n int64
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = n*10 + int64(d-'0')
	}
	return n, true
}
