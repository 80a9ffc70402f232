/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator: TCP endpoints over a modelled link in virtual time, everything from a seed.
 *
 *     sim --seed N [--kind K]                                replays one, printing all of it
 *     sim --seeds N [--from K] [--jobs J] [--kind K]         runs many
 *     sim --seeds N --planted FAULT [--kind K]               must see the fault
 *
 * Kinds are tcp, adversary, imap and hole; without one the seed chooses, of the first three. A seed
 * that fails is printed with the command that replays it. Exit status: 0 all right (planted: the
 * fault was seen), 1 not, 2 wrong usage.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "eal.h"
#include "imap_mail.h"
#include "kind.h"
#include "random.h"

enum {
	MEMORY_MB = 192,
	JOBS_MAX = 64,
	LOOK_US = 200000, /* between two looks at the workers */
	SAY_S = 5,	  /* between two lines of progress */
};

struct kind {
	const char *name;
	bool (*run)(struct kind_run *run);
	unsigned share; /* of ten seeds */
};

static const struct kind kinds[] = {{"tcp", kind_tcp, 4},
				    {"adversary", kind_adversary, 3},
				    {"imap", kind_imap, 3},
				    {"hole", kind_hole, 0}};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

struct orders {
	uint64_t from, seeds;
	unsigned jobs;
	const struct kind *kind; /* NULL: the seed's */
	enum planted planted;
	bool loud;
};

/* What a worker shares with its parent. Each field has one writer. */
struct worker {
	pid_t pid;
	uint64_t first; /* the worker's: it goes on from here */
	uint64_t seed;	/* that it runs or has run last */
	uint64_t done;
	uint64_t failed;
	struct kind_coverage coverage;
};

static const struct kind *kind_of(const struct orders *orders, uint64_t seed)
{
	struct random random = {random_mix(seed ^ 0x6b696e64)};
	uint64_t at = random_below(&random, 10);
	const struct kind *kind = kinds;

	if (orders->kind != NULL)
		return orders->kind;
	while (at >= kind->share)
		at -= kind++->share;
	return kind;
}

/* One seed. What was wrong is printed. */
static bool seed_run(const struct orders *orders, uint64_t seed, struct kind_coverage *coverage)
{
	const struct kind *kind = kind_of(orders, seed);
	struct kind_run run = {.seed = seed,
			       .loud = orders->loud,
			       .planted = orders->planted,
			       .coverage = coverage};

	if (kind->run(&run))
		return true;
	printf("seed %" PRIu64 " (%s): %s\n", seed, kind->name, run.wrong);
	fflush(stdout);
	return false;
}

/* Each job takes every `jobs`th seed. Ends with the first that fails, which is not taken apart. */
__attribute__((noreturn)) static void worker_main(const struct orders *orders,
						  struct worker *worker)
{
	bool right = true;

	if (eal_start(MEMORY_MB) != 0)
		exit(2);
	for (uint64_t seed = worker->first; seed < orders->from + orders->seeds && right;
	     seed += orders->jobs) {
		worker->seed = seed;
		right = seed_run(orders, seed, &worker->coverage);
		worker->done++;
	}
	kind_imap_end();
	exit(right ? 0 : 1);
}

static void worker_start(const struct orders *orders, struct worker *worker)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	ASSERT(pid >= 0);
	if (pid == 0)
		worker_main(orders, worker);
	worker->pid = pid;
}

/* Looks after one worker; a seed that fails ends it, and a new one goes on. Returns whether it is
 * still at work. */
static bool worker_watch(const struct orders *orders, struct worker *worker)
{
	int status = 0;

	if (worker->pid == 0)
		return false;
	if (waitpid(worker->pid, &status, WNOHANG) == 0)
		return true;
	imap_mail_sweep(worker->pid);
	worker->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return false;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2) {
		worker->failed++;
		return false;
	}
	if (WIFSIGNALED(status)) {
		printf("seed %" PRIu64 ": ended by signal %d\n", worker->seed, WTERMSIG(status));
		worker->done++;
	}
	worker->failed++;
	printf("replay: sim --seed %" PRIu64 "%s%s\n", worker->seed,
	       orders->kind != NULL ? " --kind " : "",
	       orders->kind != NULL ? orders->kind->name : "");
	worker->first = worker->seed + orders->jobs;
	if (orders->planted != PLANTED_none || worker->first >= orders->from + orders->seeds)
		return false;
	worker_start(orders, worker);
	return true;
}

static void progress(const struct orders *orders, const struct worker *workers, double seconds)
{
	uint64_t done = 0, failed = 0;

	for (unsigned i = 0; i < orders->jobs; i++) {
		done += workers[i].done;
		failed += workers[i].failed;
	}
	fprintf(stderr, "sim: %" PRIu64 " of %" PRIu64 " seeds, %" PRIu64 " failed, %.0f s\n", done,
		orders->seeds, failed, seconds);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* What the seeds have met; what none of them has met stands out. */
static void coverage_print(const struct orders *orders, const struct worker *workers)
{
	struct kind_coverage sum = {0};

#define ADD_TCP(name) sum.tcp.name += workers[i].coverage.tcp.name;
#define ADD_LINK(name) sum.link.name += workers[i].coverage.link.name;
	for (unsigned i = 0; i < orders->jobs; i++) {
		sum.runs += workers[i].coverage.runs;
		sum.checks += workers[i].coverage.checks;
		sum.virtual_ms += workers[i].coverage.virtual_ms;
		TCP_COUNTERS(ADD_TCP)
		LINK_COUNTERS(ADD_LINK)
	}
#undef ADD_TCP
#undef ADD_LINK
	printf("%" PRIu64 " hours of virtual time, %" PRIu64 " looks at the invariants\n",
	       sum.virtual_ms / 3600000, sum.checks);
#define PRINT_TCP(name) printf("tcp %-24s %" PRIu64 "\n", #name, sum.tcp.name);
#define PRINT_LINK(name) printf("link %-23s %" PRIu64 "\n", #name, sum.link.name);
	TCP_COUNTERS(PRINT_TCP)
	LINK_COUNTERS(PRINT_LINK)
#undef PRINT_TCP
#undef PRINT_LINK
}

static int many_run(const struct orders *orders)
{
	struct worker *workers = mmap(NULL, sizeof(*workers) * orders->jobs, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double start_s = now_s(), said_s = start_s;
	uint64_t failed = 0;
	bool busy = true;

	ASSERT(workers != MAP_FAILED);
	for (unsigned i = 0; i < orders->jobs; i++) {
		workers[i].first = orders->from + i;
		worker_start(orders, &workers[i]);
	}
	while (busy) {
		usleep(LOOK_US);
		busy = false;
		for (unsigned i = 0; i < orders->jobs; i++)
			busy |= worker_watch(orders, &workers[i]);
		if (now_s() - said_s < SAY_S && busy)
			continue;
		said_s = now_s();
		progress(orders, workers, said_s - start_s);
	}
	for (unsigned i = 0; i < orders->jobs; i++)
		failed += workers[i].failed;
	coverage_print(orders, workers);
	if (orders->planted != PLANTED_none) {
		printf("%s\n", failed > 0 ? "the fault is seen" : "the fault is not seen");
		return failed > 0 ? 0 : 1;
	}
	printf("%" PRIu64 " seeds, %" PRIu64 " failed\n", orders->seeds, failed);
	return failed > 0 ? 1 : 0;
}

static int one_run(const struct orders *orders)
{
	struct kind_coverage coverage = {0};
	bool right;

	/* What was said before an assertion fails is the most interesting. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (eal_start(MEMORY_MB) != 0)
		return 2;
	right = seed_run(orders, orders->from, &coverage);
	if (right)
		printf("seed %" PRIu64 " (%s): right\n", orders->from,
		       kind_of(orders, orders->from)->name);
	kind_imap_end();
	return right ? 0 : 1;
}

/* False: the word or its value is none of ours. */
static bool order_take(struct orders *orders, const char *word, const char *value)
{
	uint64_t number = strtoull(value, NULL, 0);

	if (strcmp(word, "--seed") == 0) {
		orders->from = number;
		orders->loud = true;
	} else if (strcmp(word, "--seeds") == 0) {
		orders->seeds = number;
	} else if (strcmp(word, "--from") == 0) {
		orders->from = number;
	} else if (strcmp(word, "--jobs") == 0) {
		orders->jobs = (unsigned)number;
		return number > 0 && number <= JOBS_MAX;
	} else if (strcmp(word, "--planted") == 0) {
		orders->planted = planted_find(value);
		return orders->planted != PLANTED_N;
	} else if (strcmp(word, "--kind") == 0) {
		for (unsigned i = 0; i < KINDS; i++)
			if (strcmp(value, kinds[i].name) == 0)
				orders->kind = &kinds[i];
		return orders->kind != NULL;
	} else {
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct orders orders = {.from = 1, .seeds = 200, .jobs = 1};

	for (int i = 1; i < argc; i += 2) {
		if (i + 1 < argc && order_take(&orders, argv[i], argv[i + 1]))
			continue;
		fprintf(stderr, "usage: sim --seed N | --seeds N [--from N] [--jobs N]\n"
				"           [--kind tcp|adversary|imap|hole] [--planted FAULT]\n");
		return 2;
	}
	return orders.loud ? one_run(&orders) : many_run(&orders);
}
