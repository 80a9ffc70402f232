/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EAL, the ports and what of them goes to which core, from the configuration. Control thread.
 */
#ifndef WIREMAPD_WIRES_H
#define WIREMAPD_WIRES_H

#include "config/config.h"
#include "loop.h"

enum { WIRES_QUEUES_MAX = PORT_COUNT_MAX * PORT_QUEUES_MAX };

struct wires {
	struct port *ports[PORT_COUNT_MAX];
	const char *devices[PORT_COUNT_MAX]; /* as configured; borrowed from the configuration */
	unsigned ports_n;
	bool eal_runs;
	struct loop_queue queues[WIRES_QUEUES_MAX];
	unsigned queue_core[WIRES_QUEUES_MAX];
	unsigned queues_n;
	struct net_address addresses[NET_ADDRESSES_MAX];
	unsigned addresses_n;
	struct port_tap *tap; /* NULL without a control socket: nobody could ask for it */
};

/* Checks what can be checked without EAL: bounds, and that the CPUs exist. 0 or -EINVAL. */
int wires_check(const struct wiremap_config *config, struct config_error *error_r);
/* Starts EAL and opens every port. On an error what was opened is closed again. The calling
 * thread keeps its CPU affinity. */
int wires_open(const struct wiremap_config *config, struct log *log, struct wires *wires_r,
	       struct config_error *error_r);
void wires_close(struct wires *wires);

#endif
