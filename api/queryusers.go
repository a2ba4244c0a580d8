package api

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
)

const (
	// maxQuery is how many users one query may ask for.
	maxQuery = 1000
	// heavyQuery is from how many on a query waits for its turn among what takes long.
	heavyQuery = 100
	// maxAnswer bounds the answer to one, in bytes.
	maxAnswer = 16 << 20
	// bytesCost is how many bytes of an answer cost as much as a call.
	bytesCost = 32 << 10
)

type queryRequest struct {
	Users []string `json:"users" nullable:"false" doc:"User ids" maxItems:"1000"`
}

// A thousand ids may be longer than other bodies.
func (*queryRequest) most() int64 { return maxNames }

type queryAnswer struct {
	Users []maybe `json:"users" nullable:"false" doc:"In the order asked"`
}

// showsMany is the endpoint that shows the users asked for, in the order asked, all as of one sequence.
func showsMany() endpoint {
	e := call[queryRequest, queryAnswer](http.StatusOK, nil)
	e.serve = func(a *API, q request) (int, error) {
		in := new(queryRequest)
		found, err := readJSON(q.w, q.r, in)
		if err == nil && !found {
			err = fault(malformedBody, "A body is needed.")
		}
		if err != nil {
			return 0, err
		}
		return a.queryUsers(q, in)
	}
	return e
}

// queryUsers reads and encodes each user once, however often they are asked for.
func (a *API) queryUsers(q request, in *queryRequest) (int, error) {
	a.charge(q.who, float64(len(in.Users))/perCost)
	if err := q.checkQuery(in.Users); err != nil {
		return 0, err
	}
	ids, places := distinct(in.Users)
	if err := a.settle(q); err != nil {
		return 0, err
	}
	texts, err := a.encodeUsers(q, ids)
	if err != nil {
		return 0, err
	}
	size := 0
	for _, n := range places {
		size += len(texts[n]) + 1
	}
	a.charge(q.who, float64(size)/bytesCost)
	return writeQuery(q.w, texts, places, size)
}

// encodeUsers returns each user as JSON. Many are read and encoded when it is their turn among what takes long.
func (a *API) encodeUsers(q request, ids []string) (texts [][]byte, err error) {
	if len(ids) > heavyQuery {
		done, err := a.heavy(q)
		if err != nil {
			return nil, err
		}
		defer done()
	}
	found, err := a.cfg.View.Users(ids)
	if err != nil {
		return nil, fmt.Errorf("reading users: %w", err)
	}
	texts = make([][]byte, len(found))
	for i := range found {
		one := maybe{unknown: unknown{User: ids[i], Status: "unknown"}}
		if found[i].Known() {
			one = maybe{known: true, shown: presenceOf(&found[i], q.who)}
		}
		if texts[i], err = json.Marshal(one); err != nil {
			return nil, fmt.Errorf("encoding an answer: %w", err)
		}
	}
	return texts, nil
}

// distinct returns ids without repeats, and where in that each of them is.
func distinct(ids []string) (once []string, places []int) {
	at := make(map[string]int, len(ids))
	places = make([]int, len(ids))
	for i, id := range ids {
		n, known := at[id]
		if !known {
			n = len(once)
			at[id] = n
			once = append(once, id)
		}
		places[i] = n
	}
	return once, places
}

// writeQuery answers with the texts at places, without putting the whole together.
func writeQuery(w http.ResponseWriter, texts [][]byte, places []int, size int) (int, error) {
	if size > maxAnswer {
		return 0, tooManyUsers.at("body.users", "the answer would have more than 16 MiB: ask for fewer at once")
	}
	h := w.Header()
	h["Content-Type"] = jsonHeader
	secure(h)
	allow(w, size)
	w.WriteHeader(http.StatusOK)
	// A client that has gone is no fault.
	out := bufio.NewWriterSize(w, 16<<10)
	_, _ = out.WriteString(`{"users":[`)
	for i, n := range places {
		if i > 0 {
			_ = out.WriteByte(',')
		}
		if _, err := out.Write(texts[n]); err != nil {
			return http.StatusOK, nil //nolint:nilerr // as above
		}
	}
	_, _ = out.WriteString("]}\n")
	_ = out.Flush()
	return http.StatusOK, nil
}

// checkQuery wants at most maxQuery valid ids, each of which who asks may read.
func (q request) checkQuery(ids []string) error {
	if ids == nil {
		return malformedBody.at("body.users", "this field is needed")
	}
	if len(ids) > maxQuery {
		return tooManyUsers.at("body.users", "at most 1000")
	}
	for i, id := range ids {
		if err := events.ValidID(id); err != nil {
			return invalidUser.at(fmt.Sprintf("body.users[%d]", i), err.Error())
		}
	}
	for _, id := range ids {
		if err := q.may(auth.ActRead, id); err != nil {
			return err
		}
	}
	return nil
}
