package main

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"

	"example.com/jwtverify"
)

// The targets were set in floors, and their times for a machine whose floor is this:
// times are scaled to it before they are judged.
const targetFloor = 27_000 // ns

// A target is a figure that must hold.
type target struct {
	figure, measured, atMost, aim, detail string

	holds bool
}

// Bounds on what Verify allocates; crypto/rsa's own 9 and 1,376 bytes are included.
const (
	maxAllocations           = 13
	maxAllocationBytes       = 2_700
	maxRememberedAllocations = 2
)

// measureTargets measures what the tables do not show, and judges.
func measureTargets(is *issuer, side *sideBySide, provided []providedCost, rows []refusal, e effort, lines int) []target {
	refusing := func(figure, class string, limit, aim float64) target {
		row := slices.IndexFunc(rows, func(r refusal) bool { return r.name == class })
		floors, count, bytes := refusalCost(rows[row].hostile, is, e)
		return inMicros(figure, floors*targetFloor, targetFloor, limit, aim, fmt.Sprintf("%.0f allocations, %.0f bytes, the error among them", count, bytes))
	}
	dearest := dearest(rows)
	dearestCost, _, _ := refusalCost(dearest, is, e)
	remembered, rememberedAllocations := rememberedTargets(is, e)
	return []target{
		atMost("Verify ÷ floor, one core", side.own.ratio, 1.05, 1.03, ""),
		providedTarget(provided),
		atMost("Verify ÷ the fastest peer", side.overPeer, 0.79, 0.76, side.peer),
		inMicros("everything beyond the floor, per token", side.beyond, side.floor, 1.5, 1.0, ""),
		atMost("allocations per Verify", side.own.count, maxAllocations, 11, ""),
		atMost("bytes allocated per Verify", side.own.bytes, maxAllocationBytes, 2_200, ""),
		remembered, rememberedAllocations,
		coresTarget(is, e),
		refusing("refusing 1 MiB", "1 MiB", 0.2, 0.05),
		refusing("refusing alg HS256", "`alg` HS256", 1, 0.3),
		refusing("refusing an unknown kid, the set being fresh", "unknown `kid`", 1, 0.3),
		atMost("dearest refusal before RSA ÷ floor", dearestCost, 1, 0.3, dearest.name),
		keySetTarget(is, e),
		lookUpTarget(is, e),
		linesTarget(is, e, lines),
	}
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

// rememberedTargets is for tokens that come again, a hundred of them.
func rememberedTargets(is *issuer, e effort) (cost, allocated target) {
	tokens, verify := is.tokens(100), remembering(is, 1_000)
	verifyAll(verify, tokens)
	call := inTurn(verify, tokens)
	all := e.run(load{name: "floor", call: floor(is, tokens[0])}, load{name: "remembered", call: call})
	count, bytes := allocations(call)
	// Most of it is the SHA-256 of the token, which is kept in the token's place.
	return atMost("a remembered token ÷ floor", all[1].over(all[0]), 0.05, 0.03, micros(all[1].nanos())),
		atMost("allocations for it", count, maxRememberedAllocations, 1, fmt.Sprintf("%.0f bytes", bytes))
}

// coresTarget is how much dearer a call is while another core verifies too. What
// the floor grows by is the machine's doing.
func coresTarget(is *issuer, e effort) target {
	token := is.token(claimsBytes)
	call := judging(openOurs(is, true), token)
	all := e.run(
		load{name: "floor", call: floor(is, token)}, load{name: "floor", call: floor(is, token), cores: 2},
		load{name: ours, call: call}, load{name: ours, call: call, cores: 2},
	)
	ofFloor, own := all[1].over(all[0]), all[3].over(all[2])
	detail := fmt.Sprintf("%s, the floor %s", number(own), number(ofFloor))
	return atMost("growth of CPU per call from one core to two ÷ the floor's", own/ofFloor, 1.08, 1.03, detail)
}

// refusalCost measures one refusal of ours beside the floor, with more rounds than the
// table of them all: CPU time in floors, and allocations.
func refusalCost(h hostile, is *issuer, e effort) (floors, count, bytes float64) {
	verify, good := openOurs(is, true), is.token(claimsBytes)
	must(verify(good)) // the keys are there before the bad token
	call := judging(verify, h.token)
	all := e.run(load{name: "floor", call: floor(is, good)}, load{name: h.name, call: call, refuses: true})
	count, bytes = allocations(call)
	return all[1].over(all[0]), count, bytes
}

func keySetTarget(is *issuer, e effort) target {
	const keys = 1_000
	jwks := is.withKeys(keys).jwks
	all := e.run(
		load{name: "ParseKeySet", call: func() error {
			set, err := jwtverify.ParseKeySet(jwks)
			if err == nil && set.Len() != keys {
				err = fmt.Errorf("%d keys are usable", set.Len())
			}
			return err
		}},
		load{name: "encoding/json", call: func() error {
			var set publishedSet
			return json.Unmarshal(jwks, &set)
		}},
	)
	detail := fmt.Sprintf("%s ÷ %s", micros(all[0].nanos()), micros(all[1].nanos()))
	return atMost("ParseKeySet of 1,000 keys ÷ encoding/json into a struct", all[0].over(all[1]), 0.6, 0.35, detail)
}

// lookUpTarget is how many times as many look-ups two cores do as one. It looks up
// the fresh key set, which is where a lock would be; the map of its keys never
// changes.
func lookUpTarget(is *issuer, e effort) target {
	set := must(jwtverify.ParseKeySet(is.jwks))
	ctx := context.Background()
	cache := &jwtverify.Cache{Source: jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) { return set, nil })}
	call := func() error {
		_, err := cache.Keys(ctx)
		return err
	}
	all := e.run(load{name: "look-up", call: call}, load{name: "look-up", call: call, cores: 2})
	times := all[0].compared(all[1], func(one, two sample) float64 { return 2 * one.perCall() / two.perCallAtHand() })
	return atLeast("look-ups of a fresh key set: two cores ÷ one", times, 1.8, 1.95, fmt.Sprintf("%.0f ns each", all[0].nanos()))
}

func linesTarget(is *issuer, e effort, lines int) target {
	share, rate := measureLines(is, e, lines)
	detail := fmt.Sprintf("%s lines a second on %d cores", thousands(int(rate)), runtime.NumCPU())
	return atLeast("verify --lines ÷ (cores × the floor's rate)", share, 0.9, 0.95, detail)
}
