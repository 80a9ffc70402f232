/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "remote.h"

enum { NAME_COLUMNS = 36 };

/* A maximum of several cores is a maximum; all else adds up. */
static void counter_add(json_t *sums, const char *name, json_int_t value)
{
	const size_t len = strlen(name);
	json_int_t before = json_integer_value(json_object_get(sums, name));
	bool greatest = len > 4 && strcmp(name + len - 4, "_max") == 0;

	if (greatest)
		value = value > before ? value : before;
	else
		value += before;
	json_object_set_new(sums, name, json_integer(value));
}

static void part_add(json_t *sums, const char *part, const json_t *counters)
{
	const char *key;
	json_t *value;
	char name[128];

	json_object_foreach((json_t *)(uintptr_t)counters, key, value)
	{
		snprintf(name, sizeof(name), "%s.%s", part, key);
		if (json_is_integer(value))
			counter_add(sums, name, json_integer_value(value));
	}
}

/* "tcp.segments_in" and so on: the sum over all cores, and over all ports. */
static json_t *stats_sum(const json_t *stats)
{
	json_t *sums = json_object(), *object, *counters;
	const char *part;
	size_t k;

	json_array_foreach(json_object_get(stats, "ports"), k, object)
	{
		json_object_del(object, "mtu");
		part_add(sums, "port", object);
	}
	json_array_foreach(json_object_get(stats, "cores"), k, object)
	{
		json_object_foreach(object, part, counters)
		{
			if (json_is_object(counters))
				part_add(sums, part, counters);
		}
	}
	return sums;
}

static void stats_print(const json_t *stats)
{
	json_t *sums = stats_sum(stats), *value;
	const char *name;

	printf("%-*s %lld\n", NAME_COLUMNS, "uptime_s",
	       (long long)json_integer_value(json_object_get(stats, "uptime_s")));
	printf("%-*s %zu\n", NAME_COLUMNS, "cores",
	       json_array_size(json_object_get(stats, "cores")));
	json_object_foreach(sums, name, value)
	{
		if (json_integer_value(value) != 0)
			printf("%-*s %lld\n", NAME_COLUMNS, name,
			       (long long)json_integer_value(value));
	}
	json_decref(sums);
}

int stats(struct ctl *ctl)
{
	int server = remote_open(ctl);
	json_t *answer = NULL;

	if (server < 0)
		return CTL_FAILED;
	if (remote_ask(server, json_pack("{s:s}", "command", "stats"), -1) == 0)
		answer = remote_answer(server);
	close(server);
	if (answer == NULL)
		return CTL_FAILED;
	if (ctl->json)
		json_dumpf(answer, stdout, JSON_INDENT(1));
	else
		stats_print(answer);
	if (ctl->json)
		putchar('\n');
	json_decref(answer);
	return CTL_OK;
}
