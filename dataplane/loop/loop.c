/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include <errno.h>
#include <stdlib.h>

#include "core.h"
#include "telemetry.h"
#include "thread.h"

struct loop {
	struct loop_core *cores[PORT_CORES_MAX];
	unsigned cores_n;
	unsigned cpus[PORT_CORES_MAX];
	pthread_t threads[PORT_CORES_MAX];
	unsigned threads_n; /* running */
	unsigned started_n; /* cores whose core_start() has succeeded */
	struct loop_plan *plan;
	struct loop_workers *workers;
	struct loop_ending ending;
	struct log *log;
	int (*core_start)(struct loop_core *core, unsigned number, void *arg);
	void (*core_stop)(struct loop_core *core, unsigned number, void *arg);
	void *arg;
};

/* Pools of two loops in one process need two names. */
static unsigned instances;

static int cores_create(struct loop *loop, const struct loop_config *config,
			struct port_error *error)
{
	struct loop_core_config core = {
		.config = config,
		.plan = loop->plan,
		.cores = loop->cores,
		.ending = &loop->ending,
		.instance = __atomic_fetch_add(&instances, 1, __ATOMIC_RELAXED),
	};
	int status = 0;

	while (loop->cores_n < config->cores_n && status == 0) {
		core.number = loop->cores_n;
		loop->cpus[core.number] = config->cores[core.number];
		status = loop_core_create(&core, &loop->cores[core.number], error);
		if (status == 0)
			loop->cores_n++;
	}
	return status;
}

static int workers_create(struct loop *loop, const struct loop_config *config,
			  struct port_error *error)
{
	struct loop_bell *bells[PORT_CORES_MAX];
	struct loop_workers_config workers = {
		.cpus = config->worker_cpus,
		.cpus_n = config->worker_cpus_n,
		.bells = bells,
		.cores_n = loop->cores_n,
	};
	int status;

	memcpy(workers.workers, config->workers, sizeof(workers.workers));
	for (unsigned k = 0; k < loop->cores_n; k++)
		bells[k] = &loop->cores[k]->sleeper.bell;
	status = loop_workers_create(&workers, &loop->workers);
	if (status != 0) {
		snprintf(error->text, sizeof(error->text), "workers: %s", strerror(-status));
		return status;
	}
	for (unsigned k = 0; k < loop->cores_n; k++)
		loop->cores[k]->workers = loop->workers;
	return 0;
}

static int applications_start(struct loop *loop, struct port_error *error)
{
	while (loop->core_start != NULL && loop->started_n < loop->cores_n) {
		unsigned number = loop->started_n;
		int status = loop->core_start(loop->cores[number], number, loop->arg);

		if (status != 0) {
			snprintf(error->text, sizeof(error->text),
				 "core %u: its applications do not start: %s", number,
				 strerror(-status));
			return status;
		}
		loop->started_n++;
	}
	return 0;
}

int loop_create(const struct loop_config *config, struct loop **loop_r, struct port_error *error_r)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int status;

	*loop_r = NULL;
	snprintf(error_r->text, sizeof(error_r->text), "no memory");
	if (loop == NULL)
		return -ENOMEM;
	loop->log = config->log;
	loop->core_start = config->core_start;
	loop->core_stop = config->core_stop;
	loop->arg = config->arg;
	status = loop_plan_create(config, &loop->plan, error_r);
	if (status == 0)
		status = cores_create(loop, config, error_r);
	if (status == 0)
		status = workers_create(loop, config, error_r);
	if (status == 0)
		status = applications_start(loop, error_r);
	if (status == 0)
		loop_telemetry_begin(loop);
	else
		loop_destroy(&loop);
	*loop_r = loop;
	return status;
}

static int cores_start(struct loop *loop)
{
	while (loop->threads_n < loop->cores_n) {
		unsigned number = loop->threads_n;
		char name[16];
		int status;

		snprintf(name, sizeof(name), "wiremap-core%u", number);
		status = loop_thread_start(&loop->threads[number], name, &loop->cpus[number], 1,
					   loop_core_main, loop->cores[number]);
		if (status != 0) {
			log_line(loop->log, LOG_LEVEL_ERROR,
				 "core %u cannot run on CPU %u: %s: is it in this process's "
				 "cpuset?",
				 number, loop->cpus[number], strerror(-status));
			return status;
		}
		loop->threads_n++;
	}
	return 0;
}

int loop_start(struct loop *loop)
{
	int status = loop_workers_start(loop->workers);

	if (status == 0)
		status = cores_start(loop);
	if (status != 0) {
		loop_stop(loop, 0, 0);
		loop_join(loop);
	}
	return status;
}

void loop_stop(struct loop *loop, unsigned grace_ms, unsigned per_s)
{
	struct loop_ending *ending = &loop->ending;
	unsigned core_per_s = (per_s + loop->cores_n - 1) / loop->cores_n;

	__atomic_store_n(&ending->grace_ms, grace_ms, __ATOMIC_RELAXED);
	__atomic_store_n(&ending->core_per_s, core_per_s, __ATOMIC_RELAXED);
	/* Publishes them; pairs with the acquire in ending_asked(). */
	__atomic_fetch_add(&ending->asked, 1, __ATOMIC_RELEASE);
	for (unsigned k = 0; k < loop->cores_n; k++)
		loop_bell_ring(&loop->cores[k]->sleeper.bell);
}

bool loop_ended(const struct loop *loop)
{
	for (unsigned k = 0; k < loop->cores_n; k++)
		if (!__atomic_load_n(&loop->cores[k]->ended, __ATOMIC_ACQUIRE))
			return false;
	return true;
}

void loop_join(struct loop *loop)
{
	while (loop->threads_n > 0)
		pthread_join(loop->threads[--loop->threads_n], NULL);
	loop_workers_stop(loop->workers);
}

/* Answers first: a session may be waiting for one, and a job is embedded in it. Then the
 * sessions, whose applications outlive them; then what carried them. */
void loop_destroy(struct loop **loop)
{
	struct loop *gone = *loop;

	if (gone == NULL)
		return;
	loop_telemetry_end(gone);
	if (gone->workers != NULL)
		loop_workers_settle(gone->workers);
	for (unsigned k = 0; k < gone->cores_n; k++)
		loop_core_close_sessions(gone->cores[k]);
	for (unsigned k = 0; k < gone->started_n; k++)
		if (gone->core_stop != NULL)
			gone->core_stop(gone->cores[k], k, gone->arg);
	for (unsigned k = 0; k < gone->cores_n; k++)
		loop_core_destroy(&gone->cores[k]);
	loop_workers_destroy(&gone->workers);
	loop_plan_destroy(&gone->plan);
	free(gone);
	*loop = NULL;
}

struct clock *loop_core_clock(struct loop_core *core)
{
	return &core->clock.clock;
}

struct work_port *loop_core_work(struct loop_core *core)
{
	return loop_workers_port(core->workers, core->number);
}

struct tcp *loop_core_tcp(struct loop_core *core)
{
	return core->tcp;
}

int loop_core_socket(const struct loop_core *core)
{
	return core->socket;
}

unsigned loop_cores(const struct loop *loop)
{
	return loop->cores_n;
}

void loop_stats(const struct loop *loop, unsigned core, struct loop_stats *stats_r)
{
	const struct loop_core *from = loop->cores[core];
	struct net_stats net;

#define LOOP_COUNTER_READ(name)                                                                    \
	stats_r->name = __atomic_load_n(&from->stats.name, __ATOMIC_RELAXED);
	LOOP_COUNTERS(LOOP_COUNTER_READ)
#undef LOOP_COUNTER_READ
	net_stats(from->net, &net);
	stats_r->frames_out = net.frames_out;
	stats_r->jobs_refused = loop_workers_refused(loop->workers, core);
}

void loop_tcp_stats(const struct loop *loop, unsigned core, struct tcp_stats *stats_r)
{
	tcp_stats(loop->cores[core]->tcp, stats_r);
}

void loop_net_stats(const struct loop *loop, unsigned core, struct net_stats *stats_r)
{
	net_stats(loop->cores[core]->net, stats_r);
}
