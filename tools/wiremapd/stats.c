/* SPDX-License-Identifier: Apache-2.0 */
#include "stats.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "counters.h"

#define PUT(name) json_object_set_new(object, #name, json_integer((json_int_t)stats.name));

static json_t *session_json(const struct session_engine *engine)
{
	json_t *object = json_object();
	struct session_stats stats;

	session_engine_stats(engine, &stats);
	SESSION_COUNTERS(PUT)
	PUT(sessions)
	return object;
}

static json_t *store_json(const struct store_reader *reader)
{
	json_t *object = json_object();
	struct store_reader_stats stats;

	store_reader_stats(reader, &stats);
	STORE_READER_COUNTERS(PUT)
	PUT(accounts)
	PUT(accounts_idle)
	PUT(accounts_idle_bytes)
	PUT(segments)
	PUT(segments_bytes)
	return object;
}

static json_t *core_json(const struct server *server, unsigned core)
{
	const struct session_engine *engine = server->engines.engines[core];
	json_t *object = json_object();

	json_object_set_new(object, "core", json_integer(core));
	json_object_set_new(object, "cpu", json_integer(server->config->eal.cores.items[core]));
	json_object_set_new(object, "loop", counters_loop(server->loop, core));
	json_object_set_new(object, "net", counters_net(server->loop, core));
	json_object_set_new(object, "tcp", counters_tcp(server->loop, core));
	json_object_set_new(object, "session", session_json(engine));
	json_object_set_new(object, "store", store_json(session_engine_reader(engine)));
	return object;
}

json_t *stats_json(const struct server *server)
{
	json_t *object = json_object(), *cores = json_array(), *ports = json_array();
	const int64_t now_s = time(NULL);

	for (unsigned k = 0; k < loop_cores(server->loop); k++)
		json_array_append_new(cores, core_json(server, k));
	for (unsigned k = 0; k < server->wires.ports_n; k++)
		json_array_append_new(
			ports, counters_port(server->wires.ports[k], server->wires.devices[k]));
	json_object_set_new(object, "pid", json_integer(getpid()));
	json_object_set_new(object, "time", json_integer(now_s));
	json_object_set_new(object, "uptime_s", json_integer(now_s - server->started_s));
	json_object_set_new(object, "cores", cores);
	json_object_set_new(object, "ports", ports);
	return object;
}

int stats_write_file(const struct server *server, const char *path)
{
	char fresh[PATH_MAX + 8];
	json_t *all = stats_json(server);
	int status = 0;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	if (json_dump_file(all, fresh, JSON_INDENT(1)) != 0 || rename(fresh, path) != 0)
		status = errno != 0 ? -errno : -EIO;
	json_decref(all);
	return status;
}

/* What is zero says nothing, and all names together would not fit into a line. */
static void zeros_remove(json_t *counters)
{
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(counters, next, key, value)
	{
		if (json_is_integer(value) && json_integer_value(value) == 0)
			json_object_del(counters, key);
	}
}

static void part_log(struct log *log, const char *of, json_t *part)
{
	char *text;

	zeros_remove(part);
	text = json_dumps(part, JSON_COMPACT);
	log_line(log, LOG_LEVEL_INFO, "stats: %s %s", of, text == NULL ? "no memory" : text);
	free(text);
}

void stats_log(struct server *server)
{
	json_t *all = stats_json(server), *object, *part;
	const char *key;
	size_t k;
	char of[64];

	json_array_foreach(json_object_get(all, "cores"), k, object)
	{
		json_object_foreach(object, key, part)
		{
			snprintf(of, sizeof(of), "core %zu %s", k, key);
			if (json_is_object(part))
				part_log(&server->log.log, of, part);
		}
	}
	json_array_foreach(json_object_get(all, "ports"), k, object)
	{
		snprintf(of, sizeof(of), "port %zu", k);
		part_log(&server->log.log, of, object);
	}
	json_decref(all);
}
