/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "eal.h"
#include "workers.h"

enum { CORES = 2, PATIENCE_MS = 20000 };

struct job {
	struct work work;
	unsigned ran;
	unsigned done;
	pthread_t ran_in;
	int gate; /* a descriptor to read from before running ends, or -1 */
};

static struct loop_bell bells[CORES];
static struct loop_workers *workers;

static void job_run(struct work *work)
{
	struct job *job = (struct job *)work;
	char byte;

	if (job->gate >= 0)
		assert_int_equal(read(job->gate, &byte, 1), 1);
	job->ran_in = pthread_self();
	job->ran++;
}

static void job_done(struct work *work)
{
	((struct job *)work)->done++;
}

static struct job job_make(void)
{
	return (struct job){.work = {.run = job_run, .done = job_done}, .gate = -1};
}

static void open_with(unsigned store, unsigned auth)
{
	struct loop_bell *const list[CORES] = {&bells[0], &bells[1]};
	const struct loop_workers_config config = {
		.workers = {[WORK_STORE] = store, [WORK_AUTH] = auth},
		.bells = list,
		.cores_n = CORES,
	};

	for (unsigned k = 0; k < CORES; k++)
		assert_int_equal(loop_bell_open(&bells[k]), 0);
	assert_int_equal(loop_workers_create(&config, &workers), 0);
}

static void close_all(void)
{
	loop_workers_destroy(&workers);
	assert_null(workers);
	for (unsigned k = 0; k < CORES; k++)
		loop_bell_close(&bells[k]);
}

static void pause_ms(unsigned ms)
{
	const struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000l};

	nanosleep(&span, NULL);
}

/* Plays the loop of `core` until nothing is under way. */
static void settle(unsigned core)
{
	for (unsigned ms = 0; loop_workers_under_way(workers, core) > 0; ms++) {
		assert_true(ms < PATIENCE_MS);
		if (loop_workers_answers(workers, core, 32) == 0)
			pause_ms(1);
	}
}

static void test_runs_elsewhere_and_answers_here(void **state)
{
	struct job job = job_make();

	(void)state;
	open_with(1, 1);
	assert_int_equal(loop_workers_start(workers), 0);
	assert_int_equal(work_submit(loop_workers_port(workers, 1), WORK_AUTH, &job.work), 0);
	assert_int_equal(loop_workers_under_way(workers, 1), 1);
	assert_int_equal(loop_workers_under_way(workers, 0), 0);
	settle(1);
	assert_int_equal(job.ran, 1);
	assert_int_equal(job.done, 1);
	assert_false(pthread_equal(job.ran_in, pthread_self()));
	close_all();
}

static void test_kind_without_workers_is_refused(void **state)
{
	struct job job = job_make();

	(void)state;
	open_with(1, 0);
	assert_int_equal(work_submit(loop_workers_port(workers, 0), WORK_AUTH, &job.work), -EAGAIN);
	assert_int_equal(loop_workers_under_way(workers, 0), 0);
	assert_int_equal(loop_workers_refused(workers, 0), 1);
	close_all();
	assert_int_equal(job.done, 0);
}

/* No thread runs, so the rings fill: first the kind's, then the core's own limit. */
static void test_full_rings_refuse(void **state)
{
	enum { N = LOOP_JOBS_MAX + 10 };
	struct job *jobs = calloc(N, sizeof(*jobs));
	struct work_port *port;
	unsigned taken = 0;

	(void)state;
	assert_non_null(jobs);
	open_with(1, 1);
	port = loop_workers_port(workers, 0);
	for (unsigned k = 0; k < N; k++)
		jobs[k] = job_make();
	while (taken < N && work_submit(port, WORK_AUTH, &jobs[taken].work) == 0)
		taken++;
	assert_int_equal(taken, LOOP_JOBS_AUTH_MAX);
	while (taken < N && work_submit(port, WORK_STORE, &jobs[taken].work) == 0)
		taken++;
	assert_int_equal(taken, LOOP_JOBS_MAX);
	assert_int_equal(loop_workers_refused(workers, 0), 2);
	/* What was taken is answered once, what was refused never, threads or no threads. */
	loop_workers_settle(workers);
	for (unsigned k = 0; k < N; k++) {
		assert_int_equal(jobs[k].ran, k < taken);
		assert_int_equal(jobs[k].done, k < taken);
	}
	assert_int_equal(work_submit(port, WORK_STORE, &jobs[0].work), -EAGAIN);
	close_all();
	free(jobs);
}

/* Many short jobs from two cores at once: none is lost, none is answered twice, none stays with
 * a worker that sleeps. */
static void *core_submits(void *arg)
{
	enum { ROUNDS = 2000, BATCH = 16 };
	const unsigned core = (unsigned)(uintptr_t)arg;
	struct work_port *port = loop_workers_port(workers, core);
	struct job jobs[BATCH];

	for (unsigned round = 0; round < ROUNDS; round++) {
		const unsigned n = 1 + round % BATCH;

		for (unsigned k = 0; k < n; k++) {
			jobs[k] = job_make();
			while (work_submit(port, round & 1 ? WORK_STORE : WORK_AUTH,
					   &jobs[k].work) != 0)
				loop_workers_answers(workers, core, 32);
		}
		if (round % 64 == 0) /* lets the workers fall asleep now and then */
			pause_ms(1);
		settle(core);
		for (unsigned k = 0; k < n; k++)
			if (jobs[k].ran != 1 || jobs[k].done != 1)
				return arg;
	}
	return NULL;
}

static void test_two_cores_many_jobs(void **state)
{
	pthread_t threads[CORES];
	void *failed;

	(void)state;
	open_with(2, 1);
	assert_int_equal(loop_workers_start(workers), 0);
	for (uintptr_t k = 0; k < CORES; k++)
		assert_int_equal(pthread_create(&threads[k], NULL, core_submits, (void *)k), 0);
	for (unsigned k = 0; k < CORES; k++) {
		pthread_join(threads[k], &failed);
		assert_null(failed);
	}
	close_all();
}

/* An answer wakes a core that sleeps, and writes nothing for one that is awake. */
static void test_answer_rings_the_bell_of_a_sleeper(void **state)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	struct job job = job_make();
	int gate[2], set = epoll_create1(0);

	(void)state;
	open_with(1, 1);
	assert_int_equal(pipe(gate), 0);
	assert_int_equal(epoll_ctl(set, EPOLL_CTL_ADD, bells[0].eventfd, &event), 0);
	assert_int_equal(loop_workers_start(workers), 0);

	job.gate = gate[0];
	assert_int_equal(work_submit(loop_workers_port(workers, 0), WORK_STORE, &job.work), 0);
	loop_bell_sleeping(&bells[0]);
	assert_int_equal(epoll_wait(set, &event, 1, 20), 0); /* nothing yet */
	assert_int_equal(write(gate[1], "x", 1), 1);
	assert_int_equal(epoll_wait(set, &event, 1, PATIENCE_MS), 1);
	loop_bell_awake(&bells[0]);
	assert_true(loop_workers_answered(workers, 0));
	settle(0);

	job.gate = -1;
	assert_int_equal(work_submit(loop_workers_port(workers, 0), WORK_STORE, &job.work), 0);
	settle(0);
	assert_int_equal(epoll_wait(set, &event, 1, 20), 0); /* awake: no system call was made */
	close(gate[0]);
	close(gate[1]);
	close(set);
	close_all();
}

static int setup(void **state)
{
	(void)state;
	return eal_start(128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs_elsewhere_and_answers_here),
		cmocka_unit_test(test_kind_without_workers_is_refused),
		cmocka_unit_test(test_full_rings_refuse),
		cmocka_unit_test(test_two_cores_many_jobs),
		cmocka_unit_test(test_answer_rings_the_bell_of_a_sleeper),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
