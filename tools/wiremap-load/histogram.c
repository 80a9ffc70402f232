/* SPDX-License-Identifier: Apache-2.0 */
#include "histogram.h"

#include <math.h>

static unsigned place_of(uint64_t ns)
{
	unsigned power, place;

	if (ns < HISTOGRAM_STEPS)
		return (unsigned)ns;
	/* The highest bit decides the power, the HISTOGRAM_STEP_BITS below it the step. */
	power = 63 - (unsigned)__builtin_clzll(ns) - HISTOGRAM_STEP_BITS;
	if (power >= HISTOGRAM_POWERS)
		return (HISTOGRAM_POWERS + 1) * HISTOGRAM_STEPS - 1;
	place = (power + 1) * HISTOGRAM_STEPS;
	return place + (unsigned)((ns >> power) - HISTOGRAM_STEPS);
}

/* The largest value that falls into the place. */
static uint64_t place_value(unsigned place)
{
	unsigned power;

	if (place < HISTOGRAM_STEPS)
		return place;
	power = place / HISTOGRAM_STEPS - 1;
	return ((uint64_t)(place % HISTOGRAM_STEPS + HISTOGRAM_STEPS + 1) << power) - 1;
}

void histogram_record(struct histogram *histogram, uint64_t ns)
{
	histogram->counts[place_of(ns)]++;
	histogram->total++;
}

void histogram_add(struct histogram *histogram, const struct histogram *other)
{
	for (unsigned k = 0; k < sizeof(histogram->counts) / sizeof(histogram->counts[0]); k++)
		histogram->counts[k] += other->counts[k];
	histogram->total += other->total;
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
	uint64_t wanted = (uint64_t)ceil((double)histogram->total * percent / 100.0);
	uint64_t seen = 0;

	if (histogram->total == 0)
		return 0;
	if (wanted == 0)
		wanted = 1;
	for (unsigned k = 0; k < sizeof(histogram->counts) / sizeof(histogram->counts[0]); k++) {
		seen += histogram->counts[k];
		if (seen >= wanted)
			return place_value(k);
	}
	return place_value((HISTOGRAM_POWERS + 1) * HISTOGRAM_STEPS - 1);
}
