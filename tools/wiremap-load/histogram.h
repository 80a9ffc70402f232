/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A latency histogram with bounded relative error: 128 steps per power of two, so a value read
 * back is at most 0.8 % above the one recorded (the layout of HdrHistogram, G. Tene). One thread
 * records; plain data, added together after the run.
 */
#ifndef WIREMAP_LOAD_HISTOGRAM_H
#define WIREMAP_LOAD_HISTOGRAM_H

#include <stdint.h>

enum histogram_limits {
	HISTOGRAM_STEP_BITS = 7,
	HISTOGRAM_STEPS = 1 << HISTOGRAM_STEP_BITS,
	HISTOGRAM_POWERS = 40 - HISTOGRAM_STEP_BITS, /* up to 2^40 ns: 18 minutes */
};

struct histogram {
	uint64_t counts[(HISTOGRAM_POWERS + 1) * HISTOGRAM_STEPS];
	uint64_t total;
};

/* Values above the largest are counted as the largest. */
void histogram_record(struct histogram *histogram, uint64_t ns);
void histogram_add(struct histogram *histogram, const struct histogram *other);
/* The value, ns, that `percent` of the recorded ones do not exceed; 0 when there are none. */
uint64_t histogram_percentile(const struct histogram *histogram, double percent);

#endif
