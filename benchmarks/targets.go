package main

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"

	"example.com/jwtverify"
)

// The targets were set in floors, and their times for a machine whose floor is this:
// times are scaled to it before they are judged.
const targetFloor = 27_000 // ns

// A target is a figure that must hold.
type target struct {
	figure              string
	measured            string
	atMost, aim, detail string
	holds               bool
}

// Bounds on what Verify allocates; crypto/rsa's own 9 and 1,376 bytes are included.
const (
	maxAllocations           = 13
	maxAllocationBytes       = 2_700
	maxRememberedAllocations = 2
)

// measureTargets measures what the tables do not show, and judges.
func measureTargets(is *issuer, side *sideBySide, hostile [][]refusal, e effort, lines int) ([]target, error) {
	own := side.ours()
	list := []target{
		atMost("Verify ÷ floor, one core", own.ratio, 1.05, 1.03, ""),
		atMost("Verify ÷ the fastest peer", side.overPeer, 0.79, 0.76, side.peer),
		inMicros("everything beyond the floor, per token", side.beyond, side.floor, 1.5, 1.0, ""),
		atMost("allocations per Verify", own.count, maxAllocations, 11, ""),
		atMost("bytes allocated per Verify", own.bytes, maxAllocationBytes, 2_200, ""),
	}
	remembered, err := rememberedTargets(is, e)
	if err != nil {
		return nil, err
	}
	list = append(list, remembered...)
	for _, add := range []func() (target, error){
		func() (target, error) { return growthTarget(is, e) },
		func() (target, error) { return refusalTarget("refusing 1 MiB", "1 MiB", 0.2, 0.05, is, e) },
		func() (target, error) { return refusalTarget("refusing alg HS256", "`alg` HS256", 1, 0.3, is, e) },
		func() (target, error) {
			return refusalTarget("refusing an unknown kid, the set being fresh", "unknown `kid`", 1, 0.3, is, e)
		},
		func() (target, error) {
			class := dearest(hostile)
			cost, err := refusing(class, is, e)
			return atMost("dearest refusal before RSA ÷ floor", cost.floors, 1, 0.3, class.name), err
		},
		func() (target, error) { return keySetTarget(is, e) },
		func() (target, error) { return lookUpTarget(is, e) },
		func() (target, error) { return linesTarget(is, e, lines) },
	} {
		one, err := add()
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

func atMost(figure string, value, limit, aim float64, detail string) target {
	return target{figure, number(value), number(limit), number(aim), detail, value <= limit}
}

func atLeast(figure string, value, limit, aim float64, detail string) target {
	return target{figure, number(value), "≥ " + number(limit), "≥ " + number(aim), detail, value >= limit}
}

// inMicros judges a time by what it would be where the floor is targetFloor.
func inMicros(figure string, nanos, floor, limit, aim float64, detail string) target {
	scaled := nanos * targetFloor / floor
	return target{figure, micros(scaled), micros(limit * 1e3), micros(aim * 1e3), detail, scaled <= limit*1e3}
}

// growthTarget is how much dearer a call is while another core verifies too. What
// the floor grows by is the machine's doing.
func growthTarget(is *issuer, e effort) (target, error) {
	token := is.token(claimsBytes)
	verify, err := openOurs(is, true)
	if err != nil {
		return target{}, err
	}
	all, err := e.run(
		load{name: "floor", call: floor(is, token)}, load{name: "floor", call: floor(is, token), cores: 2},
		load{name: ours, call: judging(verify, token)}, load{name: ours, call: judging(verify, token), cores: 2},
	)
	if err != nil {
		return target{}, err
	}
	ofFloor, own := all[1].over(all[0]), all[3].over(all[2])
	detail := fmt.Sprintf("%s, the floor %s", number(own), number(ofFloor))
	return atMost("growth of CPU per call from one core to two ÷ the floor's", own/ofFloor, 1.08, 1.03, detail), nil
}

// rememberedTargets is for tokens that come again, a hundred of them.
func rememberedTargets(is *issuer, e effort) ([]target, error) {
	verify, err := remembering(is, 1_000)
	if err != nil {
		return nil, err
	}
	tokens := is.tokens(100)
	if err := verifyAll(verify, tokens); err != nil {
		return nil, err
	}
	call := inTurn(verify, tokens)
	all, err := e.run(load{name: "floor", call: floor(is, tokens[0])}, load{name: "remembered", call: call})
	if err != nil {
		return nil, err
	}
	count, bytes := allocations(call)
	return []target{
		atMost("a remembered token ÷ floor", all[1].over(all[0]), 0.03, 0.015, micros(all[1].nanos())),
		atMost("allocations for it", count, maxRememberedAllocations, 1, fmt.Sprintf("%.0f bytes", bytes)),
	}, nil
}

func refusalTarget(figure, class string, limit, aim float64, is *issuer, e effort) (target, error) {
	for _, h := range hostiles {
		if h.name == class {
			cost, err := refusing(h, is, e)
			detail := fmt.Sprintf("%.0f allocations, %.0f bytes, the error among them", cost.count, cost.bytes)
			return inMicros(figure, cost.floors*targetFloor, targetFloor, limit, aim, detail), err
		}
	}
	return target{}, fmt.Errorf("no class of hostile tokens is called %s", class)
}

// A refusalCost is what one refusal costs: CPU time in floors, and allocations.
type refusalCost struct{ floors, count, bytes float64 }

// refusing measures one refusal of ours beside the floor, with more rounds than the
// table of them all.
func refusing(h hostile, is *issuer, e effort) (refusalCost, error) {
	verify, err := openOurs(is, true)
	if err != nil {
		return refusalCost{}, err
	}
	good := is.token(claimsBytes)
	if _, err := verify(good); err != nil { // the keys are there before the bad token
		return refusalCost{}, err
	}
	call := judging(verify, h.token(is))
	all, err := e.run(load{name: "floor", call: floor(is, good)}, load{name: h.name, call: call, refuses: true})
	if err != nil {
		return refusalCost{}, err
	}
	count, bytes := allocations(call)
	return refusalCost{all[1].over(all[0]), count, bytes}, nil
}

func keySetTarget(is *issuer, e effort) (target, error) {
	const keys = 1_000
	many, err := is.withKeys(keys)
	if err != nil {
		return target{}, err
	}
	all, err := e.run(
		load{name: "ParseKeySet", call: func() error {
			set, err := jwtverify.ParseKeySet(many.jwks)
			if err == nil && set.Len() != keys {
				err = fmt.Errorf("%d keys are usable", set.Len())
			}
			return err
		}},
		load{name: "encoding/json", call: func() error {
			var set publishedSet
			return json.Unmarshal(many.jwks, &set)
		}},
	)
	if err != nil {
		return target{}, err
	}
	detail := fmt.Sprintf("%s ÷ %s", micros(all[0].nanos()), micros(all[1].nanos()))
	return atMost("ParseKeySet of 1,000 keys ÷ encoding/json into a struct", all[0].over(all[1]), 0.6, 0.35, detail), nil
}

// lookUpTarget is how many times as many look-ups two cores do as one. It looks up
// the fresh key set, which is where a lock would be; the map of its keys never
// changes.
func lookUpTarget(is *issuer, e effort) (target, error) {
	set, err := jwtverify.ParseKeySet(is.jwks)
	if err != nil {
		return target{}, err
	}
	ctx := context.Background()
	source := jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) { return set, nil })
	cache := &jwtverify.Cache{Source: source}
	call := func() error {
		_, err := cache.Keys(ctx)
		return err
	}
	all, err := e.run(load{name: "look-up", call: call}, load{name: "look-up", call: call, cores: 2})
	if err != nil {
		return target{}, err
	}
	times := median(perRound(all[0].each(sample.perCall), all[1].each(sample.perCallAtHand), func(one, two float64) float64 { return 2 * one / two }))
	return atLeast("look-ups of a fresh key set: two cores ÷ one", times, 1.8, 1.95, fmt.Sprintf("%.0f ns each", all[0].nanos())), nil
}

func linesTarget(is *issuer, e effort, lines int) (target, error) {
	share, rate, err := measureLines(is, e, lines)
	if err != nil {
		return target{}, err
	}
	detail := fmt.Sprintf("%s lines a second on %d cores", thousands(int(rate)), runtime.NumCPU())
	return atLeast("verify --lines ÷ (cores × the floor's rate)", share, 0.9, 0.95, detail), nil
}

// number shows three digits, or whole numbers.
func number(value float64) string {
	switch {
	case value == float64(int(value)):
		return thousands(int(value))
	case value < 1:
		return fmt.Sprintf("%.3f", value)
	default:
		return fmt.Sprintf("%.2f", value)
	}
}

// micros shows nanoseconds as microseconds with two or three digits.
func micros(nanos float64) string {
	value := nanos / 1e3
	switch {
	case value < 10:
		return fmt.Sprintf("%.2f µs", value)
	case value < 100:
		return fmt.Sprintf("%.1f µs", value)
	default:
		return thousands(int(value+0.5)) + " µs"
	}
}
