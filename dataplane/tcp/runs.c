/* SPDX-License-Identifier: Apache-2.0 */
#include "runs.h"

#include <string.h>

#include "check.h"

struct run *runs_insert(struct runs *runs, unsigned at, uint32_t seq)
{
	struct run *run = &runs->run[at];

	ASSERT(at > 0 && at <= runs->n && runs->n < RUNS_MAX);
	memmove(run + 1, run, (runs->n - at) * sizeof(*run));
	*run = (struct run){.start = seq, .end = seq};
	runs->n++;
	return run;
}

void runs_remove(struct runs *runs, unsigned at)
{
	struct run *run = &runs->run[at];

	ASSERT(at > 0 && at < runs->n);
	runs->n--;
	memmove(run, run + 1, (runs->n - at) * sizeof(*run));
}

void runs_recent(struct runs *runs, unsigned at, uint32_t seq)
{
	const struct run *run = &runs->run[at];
	uint32_t kept[RUNS_RECENT] = {seq};
	uint8_t n = 1;

	runs->grown = runs->recent_n > 0 && seq_le(run->start, runs->recent[0]) &&
		      seq_lt(runs->recent[0], run->end) && seq_lt(run->start, seq);
	for (uint8_t i = 0; i < runs->recent_n && n < RUNS_RECENT; i++) {
		uint32_t other = runs->recent[i];

		if (seq_ge(other, runs->run[0].end) &&
		    (seq_lt(other, run->start) || seq_ge(other, run->end)))
			kept[n++] = other;
	}
	memcpy(runs->recent, kept, sizeof(kept));
	runs->recent_n = n;
}
