/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wiremap's own TCP over a DPDK device, under one engine: the other transport beside sockets.h.
 */
#ifndef WIREMAP_LOAD_DATAPLANE_H
#define WIREMAP_LOAD_DATAPLANE_H

#include "log.h"
#include "options.h"

struct dataplane;

/* Starts EAL, opens the port, makes the loop; says on the log what failed. 0 or -errno. The
 * engine's clock, connect and transport are set here. */
int dataplane_create(struct load_engine *engine, const struct options *options, struct log *log,
		     struct dataplane **dataplane_r);
int dataplane_start(struct dataplane *dataplane);
/* The engine must be in LOAD_IDLE. */
void dataplane_destroy(struct dataplane **dataplane);
/* Time of its loop's turns in which there was work, ns. */
uint64_t dataplane_busy_ns(const struct dataplane *dataplane);

#endif
