package balance

import (
	"errors"
	"reflect"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

var (
	sampleAsk = Ask{From: id(1), Term: 300, Electorate: 1 << 63, Release: true, Load: ByBytes, EachSlot: true,
		Pause: Pause{Version: 70_000, By: id(2), On: true, Excluded: string(make([]byte, 40))}}
	sampleOrder = Order{From: id(1), Term: 7,
		Step: Step{Kind: Move, Node: id(2), Peer: id(3), Slots: slots.NewSet(0, 9, 16383)}}
	sampleAnswer = Answer{Granted: true, Term: 9, Pause: Pause{Version: 1, By: id(4)}, Report: Report{
		Jobs:  []Job{{From: id(1), To: id(2), Slots: slots.NewSet(5)}, {From: id(1), To: id(3), Slots: slots.NewSet(6)}},
		Total: 1 << 41, Loads: []int64{0, 1, 70_000, 1 << 40}}}
)

func TestCodec(t *testing.T) {
	if ask, order, err := DecodeRequest(sampleAsk.Append(nil)); err != nil || order != nil || *ask != sampleAsk {
		t.Errorf("%+v, %v, %v", ask, order, err)
	}
	if ask, order, err := DecodeRequest(sampleOrder.Append(nil)); err != nil || ask != nil || *order != sampleOrder {
		t.Errorf("%v, %+v, %v", ask, order, err)
	}
	if got, err := DecodeAnswer(sampleAnswer.Append(nil)); err != nil || !reflect.DeepEqual(got, sampleAnswer) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := DecodePause(AppendPause(nil, sampleAsk.Pause)); err != nil || got != sampleAsk.Pause {
		t.Errorf("%+v, %v", got, err)
	}
	for _, whole := range [][]byte{sampleAsk.Append(nil), sampleOrder.Append(nil), sampleAnswer.Append(nil)} {
		for n := range whole {
			_, _, err := DecodeRequest(whole[:n])
			_, answerErr := DecodeAnswer(whole[:n])
			if !errors.Is(err, ErrMalformed) || !errors.Is(answerErr, ErrMalformed) {
				t.Fatalf("%d of %d bytes: %v, %v", n, len(whole), err, answerErr)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(sampleAsk.Append(nil))
	f.Add(sampleOrder.Append(nil))
	f.Add(sampleAnswer.Append(nil))
	f.Add(AppendPause(nil, sampleAsk.Pause))
	f.Fuzz(func(t *testing.T, b []byte) {
		ask, order, err := DecodeRequest(b)
		switch {
		case err != nil && !errors.Is(err, ErrMalformed):
			t.Errorf("%v", err)
		case ask != nil && err == nil:
			if again, _, err := DecodeRequest(ask.Append(nil)); err != nil || *again != *ask {
				t.Errorf("%+v became %+v, %v", ask, again, err)
			}
		case order != nil && err == nil:
			if _, again, err := DecodeRequest(order.Append(nil)); err != nil || *again != *order {
				t.Errorf("%+v became %+v, %v", order, again, err)
			}
		}
		if answer, err := DecodeAnswer(b); err == nil {
			again, err := DecodeAnswer(answer.Append(nil))
			if err != nil || !reflect.DeepEqual(again, answer) {
				t.Errorf("%+v became %+v, %v", answer, again, err)
			}
		}
		DecodePause(b)
	})
}
