/* SPDX-License-Identifier: Apache-2.0 */
#include "serve.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "services.h"
#include "wiremapd/counters.h"

enum { GRACE_MS = 200 };

struct serving {
	const struct options *options;
	const struct wire *wire;
	struct services *services;
	struct loop *loop;
};

static int core_start(struct loop_core *core, unsigned number, void *arg)
{
	struct serving *serving = arg;

	(void)number;
	return services_listen(serving->services, loop_core_tcp(core));
}

#define PUT(name) json_object_set_new(object, #name, json_integer((json_int_t)stats.name));

static json_t *services_json(const struct services *services)
{
	json_t *object = json_object();
	struct services_stats stats;

	services_stats(services, &stats);
	SERVICES_COUNTERS(PUT)
	return object;
}

/* Written new and renamed: who reads it finds it whole. */
static void stats_write(const struct serving *serving, struct log *log)
{
	const char *path = serving->options->stats;
	char fresh[PATH_MAX];
	json_t *all;

	if (path == NULL)
		return;
	all = json_pack("{s:o, s:o, s:o, s:o, s:o}", "services", services_json(serving->services),
			"loop", counters_loop(serving->loop, 0), "net",
			counters_net(serving->loop, 0), "tcp", counters_tcp(serving->loop, 0),
			"port", counters_port(serving->wire->port, serving->options->device));
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	if (json_dump_file(all, fresh, JSON_INDENT(1)) != 0 || rename(fresh, path) != 0)
		log_line(log, LOG_LEVEL_ERROR, "cannot write %s: %s", path, strerror(errno));
	json_decref(all);
}

static void serve_on(struct serving *serving, struct patience *patience, struct log *log)
{
	unsigned seconds = 0;

	printf("ready\n");
	fflush(stdout);
	do
		stats_write(serving, log);
	while (patience_wait_ms(patience, 1000) && ++seconds != serving->options->seconds);
	loop_stop(serving->loop, GRACE_MS, 0);
	loop_join(serving->loop);
	stats_write(serving, log);
}

int serve(const struct options *options, const struct wire *wire, struct span file,
	  struct patience *patience, struct log *log)
{
	struct serving serving = {.options = options, .wire = wire};
	const struct wire_role role = {.core_start = core_start, .arg = &serving};
	int status =
		services_create(options->connections, file, options->spread, &serving.services);

	if (status == 0)
		status = wire_loop(options, wire, &role, log, &serving.loop);
	if (status == 0)
		status = loop_start(serving.loop);
	if (status == 0)
		serve_on(&serving, patience, log);
	loop_destroy(&serving.loop);
	services_destroy(&serving.services);
	return status;
}
