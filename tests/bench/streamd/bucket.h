/* SPDX-License-Identifier: Apache-2.0 */
/* Things that happen so many times a second: how many are due. */
#ifndef STREAMD_BUCKET_H
#define STREAMD_BUCKET_H

#include <stdint.h>

struct bucket {
	uint64_t per_s;
	uint64_t from_ns; /* what was due before is taken or lost */
};

static inline void bucket_init(struct bucket *bucket, uint64_t per_s)
{
	*bucket = (struct bucket){.per_s = per_s};
}

/* Takes what is due, at most `most`; what lies further back than 10 ms is not made up for. */
static inline unsigned bucket_take(struct bucket *bucket, uint64_t now_ns, unsigned most)
{
	const uint64_t back_ns = 10000000;
	uint64_t due;

	if (bucket->from_ns + back_ns < now_ns)
		bucket->from_ns = bucket->from_ns == 0 ? now_ns : now_ns - back_ns;
	due = (now_ns - bucket->from_ns) * bucket->per_s / 1000000000;
	if (due > most)
		due = most;
	bucket->from_ns += due * 1000000000 / bucket->per_s;
	return (unsigned)due;
}

#endif
