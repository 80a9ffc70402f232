/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"

#include <errno.h>
#include <stdio.h>

#include "load.h"
#include "wiremapd/counters.h"

enum {
	OPENING_S_MAX = 120,
	ANSWERS_S_MAX = 120,
	LOOK_MS = 5,
};

struct sample {
	uint64_t at_ns, busy_ns;
	struct load_counts counts;
};

static void sample_take(const struct load *load, const struct loop *loop, struct sample *sample_r)
{
	struct loop_stats stats;

	loop_stats(loop, 0, &stats);
	sample_r->busy_ns = stats.busy_ns;
	load_counts(load, &sample_r->counts);
	sample_r->at_ns = patience_now_ns();
}

static bool is_ready(const struct load *load)
{
	return load_phase(load) == LOAD_READY;
}

static bool is_answered(const struct load *load)
{
	struct load_counts counts;

	load_counts(load, &counts);
	return counts.completed == counts.opened;
}

static int await(const struct load *load, bool (*done)(const struct load *load), unsigned seconds,
		 struct patience *patience)
{
	uint64_t until_ns = patience_now_ns() + seconds * 1000000000ull;
	struct load_counts counts;

	while (!done(load)) {
		load_counts(load, &counts);
		if (counts.errors > 0)
			return -EPIPE;
		if (patience_now_ns() > until_ns)
			return -ETIMEDOUT;
		if (!patience_wait_ms(patience, LOOK_MS))
			return -EINTR;
	}
	return 0;
}

/* From open to ready, and what lies between `from` and `to`. */
static int measure_run(const struct options *options, struct load *load, const struct loop *loop,
		       struct patience *patience, struct sample *from, struct sample *to)
{
	int status = await(load, is_ready, OPENING_S_MAX, patience);

	if (status != 0)
		return status;
	if (options->scenario == SCENARIO_IDLE) {
		/* All stand; now each is asked once. */
		sample_take(load, loop, from);
		load_phase_set(load, LOAD_RUNNING);
		status = await(load, is_answered, ANSWERS_S_MAX, patience);
		sample_take(load, loop, to);
		/* Whoever counts the server's memory has its moment. */
		patience_wait_ms(patience, options->seconds * 1000);
		return status;
	}
	load_phase_set(load, LOAD_RUNNING);
	patience_wait_ms(patience, options->warmup_ms);
	sample_take(load, loop, from);
	patience_wait_ms(patience, options->seconds * 1000);
	sample_take(load, loop, to);
	return patience->ended ? -EINTR : 0;
}

static json_t *result_json(const struct options *options, const struct wire *wire,
			   const struct load *load, const struct loop *loop,
			   const struct sample *from, const struct sample *to)
{
	double seconds = (double)(to->at_ns - from->at_ns) / 1e9;

	return json_pack(
		"{s:s, s:i, s:f, s:I, s:f, s:f, s:f, s:I, s:I, s:I, s:s, s:f, s:o, s:o, s:o}",
		"scenario", options_scenario_name(options->scenario), "connections",
		(int)options->connections, "seconds", seconds, "completed",
		(json_int_t)(to->counts.completed - from->counts.completed), "completed_per_s",
		(double)(to->counts.completed - from->counts.completed) / seconds, "bytes_per_s",
		(double)(to->counts.bytes - from->counts.bytes) / seconds, "forged_per_s",
		(double)(to->counts.forged - from->counts.forged) / seconds, "opened",
		(json_int_t)to->counts.opened, "open", (json_int_t)to->counts.open, "errors",
		(json_int_t)to->counts.errors, "why", load_why(load), "busy",
		(double)(to->busy_ns - from->busy_ns) / 1e9 / seconds, "tcp", counters_tcp(loop, 0),
		"loop", counters_loop(loop, 0), "port", counters_port(wire->port, options->device));
}

static int result_write(const struct options *options, json_t *result)
{
	int status = 0;

	if (options->json == NULL)
		status = json_dumpf(result, stdout, JSON_INDENT(1));
	else if (json_dump_file(result, options->json, JSON_INDENT(1)) != 0)
		status = -EIO;
	json_decref(result);
	return status;
}

int measure(const struct options *options, const struct wire *wire, struct patience *patience,
	    struct log *log)
{
	struct sample from = {0}, to = {0};
	struct load_counts counts = {0};
	struct loop *loop = NULL;
	struct load *load;
	int status = load_create(options, wire, &load);
	struct wire_role role = {
		.core_start = load_core_start, .core_turn = load_core_turn, .arg = load};

	if (status == 0)
		status = wire_loop(options, wire, &role, log, &loop);
	if (status == 0)
		status = loop_start(loop);
	if (status == 0) {
		status = measure_run(options, load, loop, patience, &from, &to);
		load_counts(load, &counts);
		if (status == 0)
			status = result_write(options,
					      result_json(options, wire, load, loop, &from, &to));
		if (status != 0)
			log_line(log, LOG_LEVEL_ERROR, "%s; %lu of %u open; %s", strerror(-status),
				 (unsigned long)counts.open, options->connections, load_why(load));
		load_phase_set(load, LOAD_ENDING);
		loop_stop(loop, 0, 0);
		loop_join(loop);
	}
	loop_destroy(&loop);
	load_destroy(&load);
	return status;
}
