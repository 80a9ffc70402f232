/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <errno.h>
#include <stdlib.h>

enum { CORE_NONE = ~0u };

__attribute__((format(printf, 2, 3))) static int refuse(struct port_error *error,
							const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return -EINVAL;
}

/* The port's number in the plan, or ports_n when it has none yet. */
static unsigned port_number(const struct loop_plan *plan, const struct port *port)
{
	unsigned k = 0;

	while (k < plan->ports_n && plan->ports[k] != port)
		k++;
	return k;
}

static int port_add(struct loop_plan *plan, struct port *port, struct port_error *error)
{
	if (plan->ports_n == PORT_COUNT_MAX)
		return refuse(error, "more than %u ports", PORT_COUNT_MAX);
	for (unsigned q = 0; q < PORT_QUEUES_MAX; q++)
		plan->queue_core[plan->ports_n][q] = CORE_NONE;
	plan->ports[plan->ports_n++] = port;
	return 0;
}

static int queue_add(struct loop_plan *plan, const struct loop_queue *queue, unsigned core,
		     struct port_error *error)
{
	unsigned p = port_number(plan, queue->port);
	int status;

	if (core >= plan->cores_n)
		return refuse(error, "queue %u of port %u is given to core number %u of %u",
			      queue->queue, p, core, plan->cores_n);
	if (queue->queue >= PORT_QUEUES_MAX)
		return refuse(error, "queue %u of port %u: a port has at most %u", queue->queue, p,
			      PORT_QUEUES_MAX);
	if (p == plan->ports_n) {
		status = port_add(plan, queue->port, error);
		if (status != 0)
			return status;
	}
	if (plan->queue_core[p][queue->queue] != CORE_NONE)
		return refuse(error, "queue %u of port %u is given to two cores", queue->queue, p);
	plan->queue_core[p][queue->queue] = core;
	if (plan->queues_n[p] <= queue->queue)
		plan->queues_n[p] = queue->queue + 1;
	plan->core_queues[core][plan->core_queues_n[core]++] = *queue;
	return 0;
}

/* Ownership of a connection names a queue: each must have a core. */
static int ports_check(const struct loop_plan *plan, struct port_error *error)
{
	for (unsigned p = 0; p < plan->ports_n; p++)
		for (unsigned q = 0; q < plan->queues_n[p]; q++)
			if (plan->queue_core[p][q] == CORE_NONE)
				return refuse(error, "queue %u of port %u is polled by no core", q,
					      p);
	return 0;
}

/* A core transmits on the first of its queues of a port. */
static void core_ports_fill(struct loop_plan *plan, unsigned core)
{
	for (unsigned k = 0; k < plan->core_queues_n[core]; k++) {
		const struct loop_queue *queue = &plan->core_queues[core][k];
		struct net_port *ports = plan->core_ports[core];
		unsigned n = 0;

		while (n < plan->core_ports_n[core] && ports[n].port != queue->port)
			n++;
		if (n < plan->core_ports_n[core])
			continue;
		ports[n] = (struct net_port){
			.port = queue->port,
			.queue = queue->queue,
			.queue_core = plan->queue_core[port_number(plan, queue->port)],
		};
		plan->core_ports_n[core]++;
	}
}

static int plan_fill(struct loop_plan *plan, const struct loop_config *config,
		     struct port_error *error)
{
	int status = 0;

	if (config->cores_n == 0 || config->cores_n > PORT_CORES_MAX)
		return refuse(error, "%u cores: 1 to %u", config->cores_n, PORT_CORES_MAX);
	plan->cores_n = config->cores_n;
	for (unsigned core = 0; core < plan->cores_n; core++) {
		plan->core_queues[core] = calloc(config->queues_n + 1, sizeof(struct loop_queue));
		if (plan->core_queues[core] == NULL)
			return -ENOMEM;
	}
	for (unsigned k = 0; k < config->queues_n && status == 0; k++)
		status = queue_add(plan, &config->queues[k], config->queue_core[k], error);
	if (status == 0)
		status = ports_check(plan, error);
	for (unsigned core = 0; core < plan->cores_n && status == 0; core++) {
		core_ports_fill(plan, core);
		if (plan->core_queues_n[core] == 0)
			status = refuse(
				error, "core number %u polls no queue: take it off the list", core);
	}
	return status;
}

int loop_plan_create(const struct loop_config *config, struct loop_plan **plan_r,
		     struct port_error *error_r)
{
	struct loop_plan *plan = calloc(1, sizeof(*plan));
	int status = plan == NULL ? -ENOMEM : plan_fill(plan, config, error_r);

	if (status != 0)
		loop_plan_destroy(&plan);
	*plan_r = plan;
	return status;
}

void loop_plan_destroy(struct loop_plan **plan)
{
	if (*plan == NULL)
		return;
	for (unsigned core = 0; core < PORT_CORES_MAX; core++)
		free((*plan)->core_queues[core]);
	free(*plan);
	*plan = NULL;
}
