/* SPDX-License-Identifier: Apache-2.0 */
/* wiremap-load: how fast does an IMAP server answer? */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "dataplane.h"
#include "options.h"
#include "sockets.h"
#include "step.h"

static void write_line(struct log *log, enum log_level level, const char *line)
{
	(void)log, (void)level;
	fprintf(stderr, "wiremap-load: %s\n", line);
}

/* One of the two, under the engine. */
struct transport {
	struct sockets *sockets;
	struct dataplane *dataplane;
};

static int transport_start(struct transport *transport, struct load_engine *engine,
			   const struct options *options, struct log *log)
{
	int status;

	if (options->sockets) {
		status = sockets_create(engine, htonl(options->server), options->server_port,
					&transport->sockets);
		return status != 0 ? status : sockets_start(transport->sockets, (int)options->cpu);
	}
	status = dataplane_create(engine, options, log, &transport->dataplane);
	return status != 0 ? status : dataplane_start(transport->dataplane);
}

static void transport_stop(struct transport *transport)
{
	if (transport->sockets != NULL)
		sockets_destroy(&transport->sockets);
	if (transport->dataplane != NULL)
		dataplane_destroy(&transport->dataplane);
}

static uint64_t transport_busy_ns(const void *arg)
{
	const struct transport *transport = arg;

	return transport->sockets != NULL ? sockets_busy_ns(transport->sockets)
					  : dataplane_busy_ns(transport->dataplane);
}

static json_t *result_json(const struct step *step, const struct step_result *result)
{
	json_t *object = json_pack(
		"{s:s, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:f}",
		"scenario", load_scenario_name(step->scenario), "connections",
		(int)step->connections, "seconds", result->seconds, "requests_per_s",
		(double)result->counts.requests / result->seconds, "messages_per_s",
		(double)result->counts.messages / result->seconds, "bytes_per_s",
		(double)result->counts.bytes / result->seconds, "literal_bytes_per_s",
		(double)result->counts.literals / result->seconds, "p50_us",
		(double)result->p50_ns / 1e3, "p90_us", (double)result->p90_ns / 1e3, "p99_us",
		(double)result->p99_ns / 1e3, "max_us", (double)result->max_ns / 1e3, "samples",
		(json_int_t)result->samples, "errors", (json_int_t)result->counts.errors,
		"busy_load", result->busy_load);

	if (result->busy_server >= 0)
		json_object_set_new(object, "busy_server", json_real(result->busy_server));
	else
		json_object_set_new(object, "busy_server", json_null());
	return object;
}

static void result_print(const struct step *step, const struct step_result *result)
{
	printf("%-12s %7u %12.0f %12.0f %10.1f %10.0f %10.0f %6.0f%%\n",
	       load_scenario_name(step->scenario), step->connections,
	       (double)result->counts.requests / result->seconds,
	       (double)result->counts.messages / result->seconds,
	       (double)result->counts.bytes / result->seconds / 1e6, (double)result->p50_ns / 1e3,
	       (double)result->p99_ns / 1e3, result->busy_load * 100);
	fflush(stdout);
}

static int run(struct load_engine *engine, struct transport *transport,
	       const struct options *options, json_t *results)
{
	printf("%-12s %7s %12s %12s %10s %10s %10s %7s\n", "scenario", "conns", "requests/s",
	       "messages/s", "MB/s", "p50 us", "p99 us", "load");
	for (enum load_scenario scenario = 0; scenario < SCENARIOS; scenario++) {
		for (unsigned k = 0; options->scenarios[scenario] && k < options->connections_n;
		     k++) {
			const struct step step = {.scenario = scenario,
						  .connections = options->connections[k],
						  .seconds = options->seconds,
						  .warmup_ms = options->warmup_ms,
						  .server_cpu = options->server_cpu,
						  .busy_ns = transport_busy_ns,
						  .transport = transport};
			struct step_result result;
			char why[ENGINE_WHY_BYTES_MAX];
			int status = step_run(engine, &step, &result, why);

			if (status != 0) {
				fprintf(stderr, "wiremap-load: %s with %u connections: %s\n",
					load_scenario_name(scenario), step.connections, why);
				return 1;
			}
			result_print(&step, &result);
			json_array_append_new(results, result_json(&step, &result));
		}
	}
	return 0;
}

static unsigned connections_most(const struct options *options)
{
	unsigned most = 0;

	for (unsigned k = 0; k < options->connections_n; k++)
		if (options->connections[k] > most)
			most = options->connections[k];
	return most;
}

int main(int argc, char **argv)
{
	struct options options;
	static struct load_engine engine;
	struct transport transport = {NULL, NULL};
	struct log log = {write_line, LOG_LEVEL_WARNING};
	json_t *results;
	int status = options_read(&options, argc, argv);
	struct load_config config;

	if (status >= 0)
		return status;
	config = (struct load_config){.user = options.user,
				      .password = options.password,
				      .mailbox = options.mailbox,
				      .connections_max = connections_most(&options),
				      .seed = options.seed};
	results = json_array();
	status = results == NULL ? -ENOMEM : load_engine_init(&engine, &config);
	if (status == 0)
		status = transport_start(&transport, &engine, &options, &log);
	if (status == 0)
		status = run(&engine, &transport, &options, results);
	else
		fprintf(stderr, "wiremap-load: cannot start: %s\n", strerror(-status));
	transport_stop(&transport);
	load_engine_fini(&engine);
	if (status == 0 && options.json != NULL &&
	    json_dump_file(results, options.json, JSON_INDENT(2)) != 0) {
		fprintf(stderr, "wiremap-load: cannot write %s: %s\n", options.json,
			strerror(errno));
		status = 1;
	}
	json_decref(results);
	return status == 0 ? 0 : 1;
}
