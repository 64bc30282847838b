package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"example.com/jwtverify"
)

// A keysCollector shows the Stats of a cache, read when Prometheus asks. For several
// issuers, register one for the cache of each.
type keysCollector struct {
	cache  *jwtverify.Cache
	issuer string
}

func (c keysCollector) Describe(descs chan<- *prometheus.Desc) {
	prometheus.DescribeByCollect(c, descs)
}

func (c keysCollector) Collect(metrics chan<- prometheus.Metric) {
	stats := c.cache.Stats()
	failing := 0.0
	if stats.Err != nil {
		failing = 1
	}
	for _, m := range []struct {
		name, help string
		kind       prometheus.ValueType
		value      float64
	}{
		{"jwtverify_keys", "Usable keys of the issuer; 0: no token can be verified.", prometheus.GaugeValue, float64(stats.Keys)},
		{"jwtverify_keys_age_seconds", "Age of these keys.", prometheus.GaugeValue, stats.Age.Seconds()},
		{"jwtverify_keys_failing", "1 if the latest fetch has failed.", prometheus.GaugeValue, failing},
		{"jwtverify_key_fetches_total", "Fetches of the keys.", prometheus.CounterValue, float64(stats.Fetches)},
		{"jwtverify_key_fetches_forced_total", "Fetches for a token with an unknown kid.", prometheus.CounterValue, float64(stats.Forced)},
		{"jwtverify_key_fetches_failed_total", "Fetches that failed.", prometheus.CounterValue, float64(stats.Failures)},
		{"jwtverify_callers_shed_total", "Tokens turned away because too many waited for the keys.", prometheus.CounterValue, float64(stats.Shed)},
	} {
		desc := prometheus.NewDesc(m.name, m.help, nil, prometheus.Labels{"issuer": c.issuer})
		metrics <- prometheus.MustNewConstMetric(desc, m.kind, m.value)
	}
}
