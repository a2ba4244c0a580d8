package loadgen

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestAnswersAreFollowedToTheirEnd(t *testing.T) {
	const next = "next"
	for name, c := range map[string]struct {
		text string
		want answer
	}{
		"204":               {"HTTP/1.1 204 No Content\r\nRollcall-Seq: 7\r\n\r\n", answer{204, -1, false, false}},
		"no reason":         {"HTTP/1.1 204\r\n\r\n", answer{204, -1, false, false}},
		"body":              {"HTTP/1.1 200 OK\r\ncontent-length:  5 \r\n\r\nhello", answer{200, 5, false, false}},
		"empty body":        {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", answer{401, 0, false, false}},
		"close":             {"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", answer{204, -1, true, false}},
		"keep-alive":        {"HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n", answer{204, -1, false, false}},
		"after information": {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", answer{204, -1, false, false}},
		"chunks":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1A;x=y\r\n" + strings.Repeat("x", 26) + "\r\n0\r\n\r\n", answer{200, -1, false, true}},
		"trailer":           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n", answer{200, -1, false, true}},
		"bare line feeds":   {"HTTP/1.1 204 No Content\n\n", answer{204, -1, false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			in := bufio.NewReader(strings.NewReader(c.text + next))
			got, err := readAnswer(in)
			if err != nil || got != c.want {
				t.Fatalf("got %+v, %v, want %+v", got, err, c.want)
			}
			if rest, _ := io.ReadAll(in); string(rest) != next {
				t.Errorf("%q is left, want %q", rest, next)
			}
		})
	}
}

func TestAnAnswerThatCannotBeFollowedIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"other encoding":    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", ErrAnswer},
		"no size":           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n", ErrAnswer},
		"chunk goes on":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhello\r\n", ErrAnswer},
		"cut chunks":        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", io.EOF},
		"until the close":   {"HTTP/1.1 200 OK\r\n\r\nhello", ErrAnswer},
		"no number":         {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", ErrAnswer},
		"huge number":       {"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999\r\n\r\n", ErrAnswer},
		"empty length":      {"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", ErrAnswer},
		"HTTP/1.0":          {"HTTP/1.0 204 No Content\r\n\r\n", ErrAnswer},
		"no status":         {"HTTP/1.1 \r\n\r\n", ErrAnswer},
		"status of letters": {"HTTP/1.1 abc\r\n\r\n", ErrAnswer},
		"long status":       {"HTTP/1.1 2044\r\n\r\n", ErrAnswer},
		"high status":       {"HTTP/1.1 999 What\r\n\r\n", ErrAnswer},
		"other protocol":    {"SSH-2.0-OpenSSH_10.0\r\n", ErrAnswer},
		"long line":         {"HTTP/1.1 204 No Content\r\nX: " + strings.Repeat("x", readBuffer) + "\r\n\r\n", ErrAnswer},
		"nothing":           {"", io.EOF},
		"cut head":          {"HTTP/1.1 204 No Content\r\n", io.EOF},
		"cut body":          {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := readAnswer(bufio.NewReader(strings.NewReader(c.text))); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestReadingAnAnswerAllocatesNothing(t *testing.T) {
	text := []byte("HTTP/1.1 204 No Content\r\nRollcall-Seq: 7\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n")
	source := bytes.NewReader(text)
	in := bufio.NewReaderSize(source, readBuffer)
	if n := testing.AllocsPerRun(100, func() {
		source.Reset(text)
		if _, err := readAnswer(in); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations an answer", n)
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 204 No Content\r\nRollcall-Seq: 7\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := readAnswer(bufio.NewReaderSize(bytes.NewReader(text), readBuffer))
		if err == nil && (a.status < 200 || a.status >= statusLimit) {
			t.Errorf("status %d without an error", a.status)
		}
	})
}
