/* SPDX-License-Identifier: Apache-2.0 */
/* EAL and the one port of streamd, and the loop over it. */
#ifndef STREAMD_WIRE_H
#define STREAMD_WIRE_H

#include "options.h"

struct wire {
	struct port *port;
	bool eal_runs;
};

/* What runs on the loop's core; as in loop_config. */
struct wire_role {
	int (*core_start)(struct loop_core *core, unsigned number, void *arg);
	void (*core_stop)(struct loop_core *core, unsigned number, void *arg);
	bool (*core_turn)(struct loop_core *core, unsigned number, void *arg);
	void *arg;
};

/* 0, or -errno after it has said why. */
int wire_open(const struct options *options, struct log *log, struct wire *wire_r);
void wire_close(struct wire *wire);

/* Address number `n` of ours, host order. */
uint32_t wire_address(const struct options *options, unsigned n);

/* A loop on options->cpu with every address of ours; not started. 0, or -errno likewise. */
int wire_loop(const struct options *options, const struct wire *wire, const struct wire_role *role,
	      struct log *log, struct loop **loop_r);

#endif
