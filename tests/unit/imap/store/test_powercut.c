/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The power is cut under the commit log. test_powercut [STATES [FIRST SEED]]: a failure names the
 * seed and the moment that show it again.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log_fixture.h"
#include "powercut.h"

enum { STEPS = 60, MOMENTS_MAX = 4096 };

static unsigned states_n = 10000;
static uint64_t seed_first = 1;

/* What was promised when so many calls had been recorded. */
struct promise {
	unsigned moment;
	uint64_t durable, applied;
};

struct run {
	struct powercut *powercut;
	struct promise promises[MOMENTS_MAX];
	unsigned promises_n;
	uint64_t lsn; /* of the last group ever written */
};

static void promise(struct run *run, const struct log_fixture *fixture)
{
	struct store_log_stats stats;

	store_log_stats(fixture->log, &stats);
	assert_true(run->promises_n < MOMENTS_MAX);
	run->promises[run->promises_n++] = (struct promise){
		.moment = powercut_moment(run->powercut),
		.durable = stats.durable,
		.applied = stats.applied,
	};
	if (stats.lsn > run->lsn)
		run->lsn = stats.lsn;
}

/* A log's life: groups one by one and several to a flush, files taken again, openings in between.
 */
static void workload(struct run *run, struct log_fixture *fixture)
{
	struct store_log_group group;

	fixture->config.disk = powercut_disk(run->powercut);
	assert_int_equal(log_fixture_open(fixture), 0);
	for (unsigned step = 0; step < STEPS; step++) {
		struct store_log_stats stats;

		for (unsigned k = 0; k <= step % 3; k++)
			assert_int_equal(log_fixture_write(fixture), 0);
		assert_int_equal(store_log_sync(fixture->log), 0);
		promise(run, fixture);
		store_log_stats(fixture->log, &stats);
		if (step % 4 == 3)
			store_log_applied(fixture->log, stats.durable - 2);
		if (step % 20 == 19) {
			log_fixture_write(fixture);
			log_fixture_kill(fixture);
			assert_int_equal(log_fixture_open(fixture), 0);
			while (store_log_replay(fixture->log, &group) == 1)
				;
			promise(run, fixture);
		}
	}
	log_fixture_kill(fixture);
}

/* NULL, or what is wrong with what a cut left. */
static const char *state_check(const struct run *run, struct log_fixture *after, unsigned moment)
{
	struct promise known = {0};
	uint8_t body[LOG_BODY_BYTES_MAX];
	struct store_log_group group;
	struct store_log_stats stats;
	uint64_t lsn = 0, last;
	int status;

	for (unsigned k = 0; k < run->promises_n && run->promises[k].moment <= moment; k++)
		known = run->promises[k];
	if (log_fixture_open(after) != 0)
		return "it does not open";
	while ((status = store_log_replay(after->log, &group)) == 1) {
		size_t len = log_body(group.lsn, body);

		if (lsn != 0 && group.lsn != lsn + 1)
			return "a group is missing";
		lsn = group.lsn;
		if (group.body.len != len || memcmp(group.body.ptr, body, len) != 0)
			return "a group is not what was written";
	}
	if (status != 0)
		return "it cannot be replayed";
	store_log_stats(after->log, &stats);
	last = stats.lsn;
	if (last < known.durable)
		return "an acknowledged group is lost";
	if (last > run->lsn || (lsn != 0 && lsn != last))
		return "a group is there that was not written";
	/* And it goes on from there. */
	if (log_fixture_write(after) != 0 || store_log_sync(after->log) != 0)
		return "it cannot be written";
	log_fixture_kill(after);
	if (log_fixture_open(after) != 0)
		return "it does not open again";
	store_log_stats(after->log, &stats);
	return stats.lsn == last + 1 ? NULL : "what was written after the cut is lost";
}

/* How many states were wrong; says the first. */
static unsigned states_try(const struct run *run, unsigned states, bool say)
{
	unsigned wrong = 0;

	for (unsigned k = 0; k < states; k++) {
		uint64_t seed = seed_first + k;
		unsigned moment = (unsigned)(seed * 7919 % (powercut_moment(run->powercut) + 1));
		struct log_fixture *after;
		const char *fault;

		log_fixture_setup((void **)&after);
		powercut_state_make(run->powercut, moment, seed, after->directory);
		after->config.seed = seed << 32;
		fault = state_check(run, after, moment);
		if (fault != NULL && say && wrong == 0)
			fprintf(stderr, "seed %llu, moment %u: %s %s\n", (unsigned long long)seed,
				moment, fault, after->error.text);
		wrong += fault != NULL;
		if (after->log != NULL)
			log_fixture_kill(after);
		log_fixture_teardown((void **)&after);
	}
	return wrong;
}

static void test_commit_log_survives(void **state)
{
	struct run run = {.powercut = powercut_create()};

	workload(&run, *state);
	assert_int_equal(states_try(&run, states_n, true), 0);
	powercut_destroy(&run.powercut);
}

/* Planted: one sync in seven lies. The test above would see it. */
static void test_skipped_sync_is_seen(void **state)
{
	struct run run = {.powercut = powercut_create()};

	powercut_skip_sync(run.powercut, 7);
	workload(&run, *state);
	assert_true(states_try(&run, 1000, false) > 0);
	powercut_destroy(&run.powercut);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_commit_log_survives, log_fixture_setup,
						log_fixture_teardown),
		cmocka_unit_test_setup_teardown(test_skipped_sync_is_seen, log_fixture_setup,
						log_fixture_teardown),
	};

	if (argc > 1)
		states_n = (unsigned)strtoul(argv[1], NULL, 10);
	if (argc > 2)
		seed_first = strtoull(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
