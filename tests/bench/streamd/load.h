/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of the services on one core. It counts what was completed: an answer that came whole,
 * a connection that was opened, answered and closed in an orderly way. The control thread moves it
 * from phase to phase and reads the counters; all else is the core's.
 */
#ifndef STREAMD_LOAD_H
#define STREAMD_LOAD_H

#include <stdatomic.h>

#include "wire.h"

enum {
	LOAD_QUESTION_BYTES = 64, /* and its answer */
	LOAD_WHY_BYTES_MAX = 160,
};

enum load_phase {
	LOAD_OPENING,
	LOAD_READY, /* set by the core: all connections are open */
	LOAD_RUNNING,
	LOAD_ENDING, /* what is lost now is no error */
};

struct load;

struct load_counts {
	uint64_t completed;
	uint64_t bytes; /* of answers */
	uint64_t errors;
	uint64_t opened; /* ever */
	uint64_t open;	 /* now */
	uint64_t forged; /* SYNs sent */
};

/* `options` and `wire` outlive it. 0 and *load_r, or -ENOMEM. */
int load_create(const struct options *options, const struct wire *wire, struct load **load_r);
/* After its loop is gone. */
void load_destroy(struct load **load);

/* For loop_config. */
int load_core_start(struct loop_core *core, unsigned number, void *load);
bool load_core_turn(struct loop_core *core, unsigned number, void *load);

/* Control thread. */
enum load_phase load_phase(const struct load *load);
void load_phase_set(struct load *load, enum load_phase phase);
void load_counts(const struct load *load, struct load_counts *counts_r);
/* The first error in words, or "". */
const char *load_why(const struct load *load);

#endif
