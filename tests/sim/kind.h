/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of runs. Each takes a seed, plays it to its end, and says whether everything held.
 */
#ifndef WIREMAP_TESTS_SIM_KIND_H
#define WIREMAP_TESTS_SIM_KIND_H

#include "link.h"
#include "planted.h"
#include "tcp.h"

struct world;

/* What all runs of a process have met, so that nobody takes a silent seed for a test. */
struct kind_coverage {
	struct tcp_stats tcp;
	struct link_stats link;
	uint64_t runs, checks, virtual_ms;
};

struct kind_run {
	uint64_t seed;
	bool loud;
	enum planted planted;
	struct kind_coverage *coverage;
	char wrong[240]; /* of a run that failed */
};

/* Each returns whether the run was right. One that was not is not taken apart: the process that ran
 * it should do no more. */

/* Two of our TCPs, one or many connections (kind_tcp.c). */
bool kind_tcp(struct kind_run *run);
/* Ours against a hostile peer (kind_adversary.c). */
bool kind_adversary(struct kind_run *run);
/* The IMAP engine behind ours, a client behind the other (kind_imap.c). */
bool kind_imap(struct kind_run *run);
/* Two of ours and what vanishes for its size, or by chance (kind_hole.c). */
bool kind_hole(struct kind_run *run);
/* Removes what kind_imap() keeps for the runs of a process. */
void kind_imap_end(void);

/* The end of a run: adds to the coverage, copies what was wrong; destroys the world if it was
 * right. Returns that. */
bool kind_finish(struct kind_run *run, struct world *world);

#endif
