package client

import (
	"bufio"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// messagesOf returns the messages of a stream, and what it asks for before a reconnect.
func messagesOf(r io.Reader) (list []sseMessage, retry time.Duration) {
	lines := bufio.NewScanner(r)
	lines.Split(sseLines())
	var p sseParser
	for lines.Scan() {
		if m, ok := p.line(lines.Bytes()); ok {
			list = append(list, m)
		}
	}
	return list, p.retry
}

func TestMessagesOfAnEventStream(t *testing.T) {
	for name, test := range map[string]struct {
		stream string
		want   []sseMessage
	}{
		"one":                        {"event: status\nid: 7\ndata: {}\n\n", []sseMessage{{"status", "7", "{}"}}},
		"without the space":          {"event:status\nid:7\ndata:{}\n\n", []sseMessage{{"status", "7", "{}"}}},
		"one space only goes":        {"data:  x\n\n", []sseMessage{{"", "", " x"}}},
		"data in lines":              {"data: a\ndata\ndata: b\n\n", []sseMessage{{"", "", "a\n\nb"}}},
		"comments":                   {": still here\n\ndata: a\n: x\n\n", []sseMessage{{"", "", "a"}}},
		"CRLF":                       {"data: a\r\n\r\ndata: b\r\n\r\n", []sseMessage{{"", "", "a"}, {"", "", "b"}}},
		"CR":                         {"data: a\r\rdata: b\r\r", []sseMessage{{"", "", "a"}, {"", "", "b"}}},
		"byte order mark":            {"\xef\xbb\xbfdata: a\n\n", []sseMessage{{"", "", "a"}}},
		"it is one at the front":     {"\n\xef\xbb\xbfdata: a\n\n", nil},
		"cut off":                    {"data: a\n\ndata: b\n", []sseMessage{{"", "", "a"}}},
		"no data is no message":      {"event: status\nid: 7\n\ndata: a\n\n", []sseMessage{{"", "", "a"}}},
		"ids are of one message":     {"id: 7\ndata: a\n\ndata: b\n\n", []sseMessage{{"", "7", "a"}, {"", "", "b"}}},
		"an id with NUL is none":     {"id: 7\x00\ndata: a\n\n", []sseMessage{{"", "", "a"}}},
		"other fields":               {"pizza: 1\ndata: a\nwithout a colon\n\n", []sseMessage{{"", "", "a"}}},
		"empty data is a message":    {"data:\n\n", []sseMessage{{"", "", ""}}},
		"colons belong to the value": {"data: a: b\n\n", []sseMessage{{"", "", "a: b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			for form, r := range map[string]io.Reader{"whole": strings.NewReader(test.stream), "in bytes": iotest.OneByteReader(strings.NewReader(test.stream))} {
				got, _ := messagesOf(r)
				if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(sseMessage{})); diff != "" {
					t.Errorf("%s: %s", form, diff)
				}
			}
		})
	}
}

func TestRetryIsDigitsOnly(t *testing.T) {
	for text, want := range map[string]time.Duration{"2000": 2 * time.Second, "-1": 0, "2s": 0, "": 0, "99999999999": 0} {
		if _, got := messagesOf(strings.NewReader("retry: " + text + "\n\n")); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// Whatever comes, it is the same messages however it is cut into reads, and a message that is written out again is read
// as the same.
func FuzzEventStream(f *testing.F) {
	for _, seed := range []string{"event: status\nid: 7\ndata: {}\n\n", "data: a\r\n\r\n", "\xef\xbb\xbfdata\r\r\n", ": x\n\nretry: 1\n", "id: 1\x00\ndata: \ndata:\n\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, stream string) {
		want, retry := messagesOf(strings.NewReader(stream))
		got, again := messagesOf(iotest.OneByteReader(strings.NewReader(stream)))
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(sseMessage{})); diff != "" || retry != again {
			t.Errorf("in bytes: %s, %s and %s", diff, retry, again)
		}
		for _, m := range want {
			text := "event: " + m.event + "\nid: " + m.id + "\ndata: " + strings.ReplaceAll(m.data, "\n", "\ndata: ") + "\n\n"
			if back, _ := messagesOf(strings.NewReader(text)); len(back) != 1 || back[0] != m {
				t.Errorf("%q became %q", m, back)
			}
		}
	})
}

func TestPausesGrowAndEndWithAMessage(t *testing.T) {
	p := pause{}
	for try, most := range []int{2, 4, 8, 16, 30, 30} {
		most := time.Duration(most) * time.Second
		if wait := p.next(errEnded); wait < most/2 || wait > most {
			t.Errorf("pause %d is %s, want %s to %s", try, wait, most/2, most)
		}
	}
	if wait := p.next(&Problem{Status: 503, RetryAfter: time.Minute}); wait != time.Minute {
		t.Errorf("got %s, want what the node asks for", wait)
	}
	p.tries = 0
	p.asked(100 * time.Millisecond)
	if wait := p.next(errEnded); wait > 100*time.Millisecond {
		t.Errorf("got %s", wait)
	}
}
