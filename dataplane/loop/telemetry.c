/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry.h"

#include <errno.h>
#include <pthread.h>
#include <rte_telemetry.h>
#include <stdlib.h>

/* A command of rte_telemetry has no argument of its own, and cannot be taken back. */
static const struct loop *asked;
static pthread_mutex_t asked_lock = PTHREAD_MUTEX_INITIALIZER;

typedef void core_counters(const struct loop *loop, unsigned core, uint64_t *counters);

#define COUNTER_NAME(name) #name,
#define COUNTER_ADD(name) *counters++ += stats.name;

static const char *const tcp_names[] = {TCP_COUNTERS(COUNTER_NAME) "connections"};
static const char *const net_names[] = {NET_COUNTERS(COUNTER_NAME)};
static const char *const loop_names[] = {LOOP_COUNTERS(COUNTER_NAME)};

enum { COUNTERS_MAX = 256 };
#define COUNT(names) (sizeof(names) / sizeof((names)[0]))
_Static_assert(COUNT(tcp_names) <= COUNTERS_MAX && COUNT(net_names) <= COUNTERS_MAX,
	       "answer() holds them all");
_Static_assert(COUNT(tcp_names) <= RTE_TEL_MAX_DICT_ENTRIES, "an answer is one dictionary");

static void tcp_add(const struct loop *loop, unsigned core, uint64_t *counters)
{
	struct tcp_stats stats;

	loop_tcp_stats(loop, core, &stats);
	TCP_COUNTERS(COUNTER_ADD)
	COUNTER_ADD(connections)
}

static void net_add(const struct loop *loop, unsigned core, uint64_t *counters)
{
	struct net_stats stats;

	loop_net_stats(loop, core, &stats);
	NET_COUNTERS(COUNTER_ADD)
}

static void loop_add(const struct loop *loop, unsigned core, uint64_t *counters)
{
	struct loop_stats stats;

	loop_stats(loop, core, &stats);
	LOOP_COUNTERS(COUNTER_ADD)
}

/* 0, or -EINVAL: `params` names no core. None: first to last are all. */
static int cores_read(const struct loop *loop, const char *params, unsigned *first_r,
		      unsigned *last_r)
{
	char *end;
	unsigned long core;

	*first_r = 0;
	*last_r = loop_cores(loop) - 1;
	if (params == NULL || *params == '\0')
		return 0;
	core = strtoul(params, &end, 10);
	if (*end != '\0' || core > *last_r)
		return -EINVAL;
	*first_r = *last_r = (unsigned)core;
	return 0;
}

static int answer(const char *params, struct rte_tel_data *data, const char *const *names,
		  unsigned n, core_counters *add)
{
	uint64_t counters[COUNTERS_MAX] = {0};
	unsigned first, last;
	int status = -ENODEV;

	pthread_mutex_lock(&asked_lock);
	if (asked != NULL)
		status = cores_read(asked, params, &first, &last);
	if (status == 0)
		for (unsigned core = first; core <= last; core++)
			add(asked, core, counters);
	pthread_mutex_unlock(&asked_lock);
	if (status != 0)
		return status;
	rte_tel_data_start_dict(data);
	for (unsigned k = 0; k < n; k++)
		rte_tel_data_add_dict_u64(data, names[k], counters[k]);
	return 0;
}

static int tcp_answer(const char *command, const char *params, struct rte_tel_data *data)
{
	(void)command;
	return answer(params, data, tcp_names, COUNT(tcp_names), tcp_add);
}

static int net_answer(const char *command, const char *params, struct rte_tel_data *data)
{
	(void)command;
	return answer(params, data, net_names, COUNT(net_names), net_add);
}

static int loop_answer(const char *command, const char *params, struct rte_tel_data *data)
{
	(void)command;
	return answer(params, data, loop_names, COUNT(loop_names), loop_add);
}

static void commands_register(void)
{
	rte_telemetry_register_cmd("/wiremap/tcp", tcp_answer,
				   "TCP counters of a core, or of all. Parameters: [int core]");
	rte_telemetry_register_cmd(
		"/wiremap/net", net_answer,
		"IP and ARP counters of a core, or of all. Parameters: [int core]");
	rte_telemetry_register_cmd("/wiremap/loop", loop_answer,
				   "Loop counters of a core, or of all. Parameters: [int core]");
}

void loop_telemetry_begin(const struct loop *loop)
{
	static bool registered;

	pthread_mutex_lock(&asked_lock);
	if (!registered)
		commands_register();
	registered = true;
	if (asked == NULL)
		asked = loop;
	pthread_mutex_unlock(&asked_lock);
}

void loop_telemetry_end(const struct loop *loop)
{
	pthread_mutex_lock(&asked_lock);
	if (asked == loop)
		asked = NULL;
	pthread_mutex_unlock(&asked_lock);
}
