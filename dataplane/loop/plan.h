/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who polls what: the queues of struct loop_config sorted by core and by port, checked. Made once
 * by the control thread; read by all cores.
 */
#ifndef LOOP_PLAN_H
#define LOOP_PLAN_H

#include "loop.h"

struct loop_plan {
	unsigned cores_n;
	unsigned ports_n;
	struct port *ports[PORT_COUNT_MAX];
	unsigned queues_n[PORT_COUNT_MAX];		      /* of each port */
	unsigned queue_core[PORT_COUNT_MAX][PORT_QUEUES_MAX]; /* the core that polls it */
	struct loop_queue *core_queues[PORT_CORES_MAX];	      /* of each core */
	unsigned core_queues_n[PORT_CORES_MAX];
	/* Of each core, one for each port it has a queue of. */
	struct net_port core_ports[PORT_CORES_MAX][PORT_COUNT_MAX];
	unsigned core_ports_n[PORT_CORES_MAX];
};

/* 0 and *plan_r; -EINVAL with a text; -ENOMEM. */
int loop_plan_create(const struct loop_config *config, struct loop_plan **plan_r,
		     struct port_error *error_r);
void loop_plan_destroy(struct loop_plan **plan);

#endif
