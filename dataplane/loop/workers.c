/* SPDX-License-Identifier: Apache-2.0 */
#include "workers.h"

#include <errno.h>
#include <pthread.h>
#include <rte_atomic.h>
#include <rte_malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "check.h"
#include "ring.h"
#include "thread.h"

enum { ANSWERS_BURST = 32 };

/* The workers of one kind and what waits for them. */
struct crew {
	struct rte_ring *requests;
	int tokens;	   /* eventfd as a semaphore: sleeping workers wait for one */
	unsigned sleepers; /* atomic */
	bool stopping;	   /* atomic */
	unsigned workers_n;
	unsigned started_n;
	pthread_t threads[LOOP_WORKERS_MAX];
};

/* A core's end. The answer ring's writers are workers; all else is the core's own. */
struct desk {
	struct work_port port;
	struct loop_workers *workers;
	struct rte_ring *answers;
	struct loop_bell *bell;
	unsigned under_way;
	uint64_t refused; /* read by any thread */
} __rte_cache_aligned;

struct loop_workers {
	struct crew crews[WORK_KINDS];
	unsigned *cpus;
	unsigned cpus_n;
	unsigned cores_n;
	bool settled;
	struct desk desks[];
};

static const struct {
	const char *name;
	unsigned requests_max;
} kinds[WORK_KINDS] = {
	[WORK_STORE] = {"wiremap-store", LOOP_JOBS_STORE_MAX},
	[WORK_AUTH] = {"wiremap-auth", LOOP_JOBS_AUTH_MAX},
};

/*
 * The request was put before sleepers is read, and a worker counts itself a sleeper before it
 * looks into the ring for the last time: the fences here and in request_wait() are a pair, as in
 * bell.h. A token too many costs one empty look.
 */
static void crew_wake(struct crew *crew)
{
	const uint64_t one = 1;

	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&crew->sleepers, __ATOMIC_RELAXED) == 0)
		return;
	ssize_t ignored = write(crew->tokens, &one, sizeof(one));
	(void)ignored;
}

static int submit(struct work_port *port, enum work_kind kind, struct work *work)
{
	struct desk *desk = (struct desk *)port;
	struct crew *crew = &desk->workers->crews[kind];

	ASSERT(kind < WORK_KINDS && work->run != NULL && work->done != NULL);
	if (crew->workers_n == 0 || desk->workers->settled || desk->under_way >= LOOP_JOBS_MAX ||
	    rte_ring_mp_enqueue(crew->requests, work) != 0) {
		__atomic_store_n(&desk->refused, desk->refused + 1, __ATOMIC_RELAXED);
		return -EAGAIN;
	}
	desk->under_way++;
	crew_wake(crew);
	return 0;
}

static struct work *request_take(struct crew *crew)
{
	void *work;

	return rte_ring_mc_dequeue(crew->requests, &work) == 0 ? work : NULL;
}

/* The next request, or NULL when there may be none: the caller asks again unless it stops. */
static struct work *request_wait(struct crew *crew)
{
	struct work *work = request_take(crew);
	uint64_t token;

	if (work != NULL)
		return work;
	__atomic_add_fetch(&crew->sleepers, 1, __ATOMIC_RELAXED);
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with crew_wake() */
	work = request_take(crew);
	if (work == NULL && !__atomic_load_n(&crew->stopping, __ATOMIC_ACQUIRE)) {
		ssize_t ignored = read(crew->tokens, &token, sizeof(token));
		(void)ignored;
	}
	__atomic_sub_fetch(&crew->sleepers, 1, __ATOMIC_RELAXED);
	return work;
}

static void request_run(struct work *work)
{
	struct desk *desk = (struct desk *)work->port;
	int status;

	work->run(work);
	/* From here on the job belongs to the core again. */
	status = rte_ring_mp_enqueue(desk->answers, work);
	ASSERT(status == 0); /* under_way <= LOOP_JOBS_MAX */
	loop_bell_ring(desk->bell);
}

static void *worker_main(void *arg)
{
	struct crew *crew = arg;

	while (!__atomic_load_n(&crew->stopping, __ATOMIC_ACQUIRE)) {
		struct work *work = request_wait(crew);

		if (work != NULL)
			request_run(work);
	}
	return NULL;
}

bool loop_workers_share(const unsigned *cpus, unsigned cpus_n, unsigned cpu)
{
	bool share = cpus_n == 0;

	for (unsigned k = 0; k < cpus_n; k++)
		share |= cpus[k] == cpu;
	return share;
}

static int crew_open(struct crew *crew, unsigned workers_n, unsigned requests_max)
{
	if (workers_n > LOOP_WORKERS_MAX)
		return -EINVAL;
	crew->workers_n = workers_n;
	crew->requests = loop_ring_create(sizeof(struct work *), requests_max, 0, -1);
	if (crew->requests == NULL)
		return -ENOMEM;
	crew->tokens = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	return crew->tokens < 0 ? -errno : 0;
}

static int desk_open(struct desk *desk, struct loop_workers *workers, struct loop_bell *bell)
{
	desk->port.submit = submit;
	desk->workers = workers;
	desk->bell = bell;
	desk->answers = loop_ring_create(sizeof(struct work *), LOOP_JOBS_MAX, RING_F_SC_DEQ, -1);
	return desk->answers == NULL ? -ENOMEM : 0;
}

static int cpus_copy(struct loop_workers *workers, const unsigned *cpus, unsigned cpus_n)
{
	if (cpus_n == 0)
		return 0;
	workers->cpus = calloc(cpus_n, sizeof(*cpus));
	if (workers->cpus == NULL)
		return -ENOMEM;
	memcpy(workers->cpus, cpus, cpus_n * sizeof(*cpus));
	workers->cpus_n = cpus_n;
	return 0;
}

int loop_workers_create(const struct loop_workers_config *config, struct loop_workers **workers_r)
{
	const size_t bytes = sizeof(struct loop_workers) + config->cores_n * sizeof(struct desk);
	struct loop_workers *workers = rte_zmalloc("loop", bytes, RTE_CACHE_LINE_SIZE);
	int status;

	if (workers == NULL)
		return -ENOMEM;
	workers->cores_n = config->cores_n;
	for (unsigned k = 0; k < WORK_KINDS; k++)
		workers->crews[k].tokens = -1;
	status = cpus_copy(workers, config->cpus, config->cpus_n);
	for (unsigned k = 0; k < WORK_KINDS && status == 0; k++)
		status = crew_open(&workers->crews[k], config->workers[k], kinds[k].requests_max);
	for (unsigned k = 0; k < config->cores_n && status == 0; k++)
		status = desk_open(&workers->desks[k], workers, config->bells[k]);
	if (status != 0)
		loop_workers_destroy(&workers);
	*workers_r = workers;
	return status;
}

int loop_workers_start(struct loop_workers *workers)
{
	for (unsigned k = 0; k < WORK_KINDS; k++) {
		struct crew *crew = &workers->crews[k];

		while (crew->started_n < crew->workers_n) {
			int status = loop_thread_start(&crew->threads[crew->started_n],
						       kinds[k].name, workers->cpus,
						       workers->cpus_n, worker_main, crew);

			if (status != 0) {
				loop_workers_stop(workers);
				return status;
			}
			crew->started_n++;
		}
	}
	return 0;
}

/* Tokens for all before the first join: a worker that has one to spare takes no second. */
static void crew_stop(struct crew *crew)
{
	const uint64_t tokens = crew->started_n;

	if (crew->started_n == 0)
		return;
	__atomic_store_n(&crew->stopping, true, __ATOMIC_RELEASE);
	ssize_t ignored = write(crew->tokens, &tokens, sizeof(tokens));
	(void)ignored;
	while (crew->started_n > 0)
		pthread_join(crew->threads[--crew->started_n], NULL);
}

void loop_workers_stop(struct loop_workers *workers)
{
	for (unsigned k = 0; k < WORK_KINDS; k++)
		crew_stop(&workers->crews[k]);
}

void loop_workers_settle(struct loop_workers *workers)
{
	struct work *work;

	loop_workers_stop(workers);
	workers->settled = true;
	for (unsigned k = 0; k < WORK_KINDS; k++)
		while ((work = request_take(&workers->crews[k])) != NULL)
			request_run(work);
	for (unsigned k = 0; k < workers->cores_n; k++)
		while (loop_workers_answers(workers, k, ANSWERS_BURST) > 0)
			;
}

void loop_workers_destroy(struct loop_workers **workers)
{
	struct loop_workers *gone = *workers;

	if (gone == NULL)
		return;
	loop_workers_stop(gone);
	for (unsigned k = 0; k < WORK_KINDS; k++) {
		if (gone->crews[k].tokens >= 0)
			close(gone->crews[k].tokens);
		loop_ring_destroy(&gone->crews[k].requests);
	}
	for (unsigned k = 0; k < gone->cores_n; k++) {
		ASSERT(gone->desks[k].under_way == 0);
		loop_ring_destroy(&gone->desks[k].answers);
	}
	free(gone->cpus);
	rte_free(gone);
	*workers = NULL;
}

struct work_port *loop_workers_port(struct loop_workers *workers, unsigned core)
{
	return &workers->desks[core].port;
}

unsigned loop_workers_answers(struct loop_workers *workers, unsigned core, unsigned jobs_max)
{
	struct desk *desk = &workers->desks[core];
	void *answered[ANSWERS_BURST];
	unsigned n;

	if (desk->under_way == 0)
		return 0;
	n = rte_ring_sc_dequeue_burst(desk->answers, answered,
				      jobs_max < ANSWERS_BURST ? jobs_max : ANSWERS_BURST, NULL);
	for (unsigned k = 0; k < n; k++) {
		struct work *work = answered[k];

		ASSERT(desk->under_way > 0);
		desk->under_way--; /* before done(), which may submit the next */
		work->done(work);
	}
	return n;
}

bool loop_workers_answered(const struct loop_workers *workers, unsigned core)
{
	return !rte_ring_empty(workers->desks[core].answers);
}

unsigned loop_workers_under_way(const struct loop_workers *workers, unsigned core)
{
	return workers->desks[core].under_way;
}

uint64_t loop_workers_refused(const struct loop_workers *workers, unsigned core)
{
	return __atomic_load_n(&workers->desks[core].refused, __ATOMIC_RELAXED);
}
