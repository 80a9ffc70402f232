/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection holds beyond rcv_nxt, as runs of contiguous bytes in order of sequence: an
 * index that exists only while there is a gap, and then takes the room of one piece. It knows no
 * memory: the pieces behind a run are pieces.c's. Foreign bytes decide how many runs there
 * are, so their number is bounded, and finding one takes the logarithm of that.
 */
#ifndef WIREMAP_TCP_RUNS_H
#define WIREMAP_TCP_RUNS_H

#include "seq.h"

struct piece;

enum runs_limits {
	/* With the rest of struct runs one piece. A window of 1 MiB on a path that loses a tenth of
	 * its segments has some 70 gaps. */
	RUNS_MAX = 125,
	/* Twice what an acknowledgement has room for: blocks that join leave others to be said. */
	RUNS_RECENT = 8,
};

struct run {
	uint32_t start, end;
	struct piece *last; /* that holds bytes of it */
};

struct runs {
	struct run run[RUNS_MAX]; /* [0]: in order, up to rcv_nxt; its start counts as far back */
	/* Where segments beyond a gap began that came last, newest first, no two of one run. */
	uint32_t recent[RUNS_RECENT];
	uint8_t n, recent_n;
	uint8_t duplicates; /* acknowledged at once since rcv_nxt moved, TCP_DUPLICATES at most */
	bool grown;	    /* the last segment made the newest run longer, and that was all */
};

/* The last run that begins at or before `seq`. */
static inline unsigned runs_find(const struct runs *runs, uint32_t seq)
{
	unsigned low = 0, high = runs->n;

	/* What arrives mostly follows what came last. */
	if (seq_le(runs->run[high - 1].start, seq))
		return high - 1;
	while (high - low > 1) {
		unsigned middle = (low + high) / 2;

		if (seq_le(runs->run[middle].start, seq))
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Makes room for an empty run at `seq`, as number `at`; there are fewer than RUNS_MAX. */
struct run *runs_insert(struct runs *runs, unsigned at, uint32_t seq);
void runs_remove(struct runs *runs, unsigned at);

/* A segment that begins at `seq` is in run `at`, and is the newest. */
void runs_recent(struct runs *runs, unsigned at, uint32_t seq);

#endif
