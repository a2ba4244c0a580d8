package loadgen

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/rollcall-dev/rollcall/events/presencepb"
)

func TestABatchIsAHeartbeatBatch(t *testing.T) {
	var batch presencepb.HeartbeatBatch
	if err := proto.Unmarshal(batchOf(filledName, 8, 11), &batch); err != nil {
		t.Fatal(err)
	}
	var users []string
	for _, b := range batch.GetBeats() {
		users = append(users, b.GetUser())
	}
	if len(users) != 3 || users[0] != "user-000008" || users[2] != "user-000010" {
		t.Errorf("got %v", users)
	}
}
