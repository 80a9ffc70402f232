/* SPDX-License-Identifier: Apache-2.0 */
#include "step.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void sleep_ms(unsigned ms)
{
	const struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};

	nanosleep(&time, NULL);
}

/* Ticks a CPU was busy and ticks in all, from /proc/stat. False: not to be had. */
static bool cpu_ticks(int cpu, uint64_t *busy_r, uint64_t *all_r)
{
	char line[512], name[16];
	FILE *file = fopen("/proc/stat", "re");
	bool found = false;

	if (file == NULL)
		return false;
	snprintf(name, sizeof(name), "cpu%d ", cpu);
	while (!found && fgets(line, sizeof(line), file) != NULL) {
		unsigned long long t[8] = {0};

		if (strncmp(line, name, strlen(name)) != 0)
			continue;
		/* user nice system idle iowait irq softirq steal (proc(5)) */
		found = sscanf(line + strlen(name), "%llu %llu %llu %llu %llu %llu %llu %llu",
			       &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) == 8;
		*busy_r = t[0] + t[1] + t[2] + t[5] + t[6];
		*all_r = *busy_r + t[3] + t[4] + t[7];
	}
	fclose(file);
	return found;
}

static enum load_phase phase_of(struct load_engine *engine)
{
	/* Pairs with the core's release in phase_set(). */
	return (enum load_phase)atomic_load_explicit(&engine->phase, memory_order_acquire);
}

static void phase_set(struct load_engine *engine, enum load_phase phase)
{
	/* Pairs with the core's acquire in load_engine_turn(). */
	atomic_store_explicit(&engine->phase, (int)phase, memory_order_release);
}

/* Waits for the core to reach the phase; -ETIMEDOUT, or -EPIPE when errors came up. */
static int phase_await(struct load_engine *engine, enum load_phase phase, double seconds_max,
		       bool errors_end_it)
{
	double end = now_s() + seconds_max;
	struct load_counts counts;

	while (phase_of(engine) != phase) {
		load_engine_counts(engine, &counts);
		if (errors_end_it && counts.errors > 0)
			return -EPIPE;
		if (now_s() > end)
			return -ETIMEDOUT;
		sleep_ms(1);
	}
	return 0;
}

struct sample {
	double at_s;
	struct load_counts counts;
	uint64_t busy_ns, cpu_busy, cpu_all;
	bool cpu;
};

static void sample_take(struct load_engine *engine, const struct step *step,
			struct sample *sample_r)
{
	sample_r->cpu = step->server_cpu >= 0 &&
			cpu_ticks(step->server_cpu, &sample_r->cpu_busy, &sample_r->cpu_all);
	sample_r->busy_ns = step->busy_ns(step->transport);
	load_engine_counts(engine, &sample_r->counts);
	sample_r->at_s = now_s();
}

static void result_fill(struct step_result *result, const struct sample *from,
			const struct sample *to, const struct histogram *latency)
{
	result->seconds = to->at_s - from->at_s;
	result->counts = (struct load_counts){
		.requests = to->counts.requests - from->counts.requests,
		.messages = to->counts.messages - from->counts.messages,
		.bytes = to->counts.bytes - from->counts.bytes,
		.literals = to->counts.literals - from->counts.literals,
		.errors = to->counts.errors,
	};
	result->busy_load = (double)(to->busy_ns - from->busy_ns) / 1e9 / result->seconds;
	result->busy_server = -1;
	if (from->cpu && to->cpu && to->cpu_all > from->cpu_all)
		result->busy_server = (double)(to->cpu_busy - from->cpu_busy) /
				      (double)(to->cpu_all - from->cpu_all);
	result->p50_ns = histogram_percentile(latency, 50);
	result->p90_ns = histogram_percentile(latency, 90);
	result->p99_ns = histogram_percentile(latency, 99);
	result->max_ns = histogram_percentile(latency, 100);
	result->samples = latency->total;
}

/* Only in LOAD_IDLE may the control thread touch the engine. */
static void engine_prepare(struct load_engine *engine, const struct step *step)
{
	engine->wanted = step->connections;
	engine->scenario = step->scenario;
	engine->latency = (struct histogram){.total = 0};
	engine->why[0] = '\0';
	atomic_store_explicit(&engine->errors, 0, memory_order_relaxed);
}

static void measure(struct load_engine *engine, const struct step *step, struct sample *from,
		    struct sample *to)
{
	phase_set(engine, LOAD_RUNNING);
	sleep_ms(step->warmup_ms);
	atomic_store_explicit(&engine->recording, true, memory_order_relaxed);
	sample_take(engine, step, from);
	sleep_ms(step->seconds * 1000);
	sample_take(engine, step, to);
	atomic_store_explicit(&engine->recording, false, memory_order_relaxed);
}

int step_run(struct load_engine *engine, const struct step *step, struct step_result *result_r,
	     char why_r[ENGINE_WHY_BYTES_MAX])
{
	struct sample from = {0}, to = {0};
	int status, ended;

	*result_r = (struct step_result){.seconds = 0};
	engine_prepare(engine, step);
	phase_set(engine, LOAD_OPENING);
	status = phase_await(engine, LOAD_READY, STEP_OPENING_S_MAX, true);
	if (status == 0)
		measure(engine, step, &from, &to);
	phase_set(engine, LOAD_ENDING);
	ended = phase_await(engine, LOAD_IDLE, STEP_ENDING_S_MAX, false);
	if (status == 0)
		result_fill(result_r, &from, &to, &engine->latency);
	if (status == 0 && to.counts.errors > 0)
		status = -EPIPE;
	if (status == 0)
		status = ended;
	snprintf(why_r, ENGINE_WHY_BYTES_MAX, "%s",
		 engine->why[0] != '\0' ? engine->why : strerror(-status));
	return status;
}
