/* SPDX-License-Identifier: Apache-2.0 */
#include "sack.h"

#include "runs.h"

/* The run that holds `seq`, or NULL: it was joined to what is in order, or given up. */
static const struct run *run_of(const struct runs *runs, uint32_t seq)
{
	unsigned at = runs_find(runs, seq);

	return at > 0 && seq_lt(seq, runs->run[at].end) ? &runs->run[at] : NULL;
}

/* Whole blocks of 8 bytes, behind a word that says so. */
static unsigned blocks_most(const struct options *options, uint32_t room)
{
	uint32_t left = OPTIONS_BYTES_MAX - (options->timestamps ? OPTIONS_TIMESTAMP_BYTES : 0);

	if (left > room)
		left = room;
	return left < 4 ? 0 : (left - 4) / (uint32_t)sizeof(struct sack_block);
}

static bool block_put(struct options *options, uint32_t start, uint32_t end, unsigned most)
{
	if (options->blocks_n == most)
		return false;
	options->blocks[options->blocks_n++] = (struct sack_block){start, end};
	return true;
}

void tcp_sack_put(struct tcp *tcp, const struct connection *c, const struct sack_block *repeated,
		  uint32_t room, struct options *options_r)
{
	unsigned most = blocks_most(options_r, room);
	const struct runs *runs = c->runs;

	if (!(c->flags & C_SACK))
		return;
	if (repeated != NULL && repeated->start != repeated->end &&
	    block_put(options_r, repeated->start, repeated->end, most))
		tcp->stats.dsacks_out++;
	for (unsigned i = 0; runs != NULL && i < runs->recent_n; i++) {
		const struct run *run = run_of(runs, runs->recent[i]);

		if (run != NULL && block_put(options_r, run->start, run->end, most))
			tcp->stats.sack_blocks_out++;
	}
}
