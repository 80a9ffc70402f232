/* SPDX-License-Identifier: Apache-2.0 */
#include "requests.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "stats.h"

typedef void command(struct control *control, struct control_client *client, json_t *request);

enum {
	DRAIN_PER_S = 1000, /* clients come back at once, and somewhere else they all log in */
	DRAIN_PER_S_MAX = 1000000,
	SECONDS_MAX = UINT_MAX / 1000,
};

/* A whole number of a request, within bounds. `*number_r` is the default and stays when it is not
 * said. False: refused. */
static bool number_read(struct control_client *client, const json_t *request, const char *key,
			uint64_t most, uint64_t *number_r)
{
	const json_t *value = json_object_get(request, key);
	json_int_t number = json_integer_value(value);

	if (value == NULL)
		return true;
	if (!json_is_integer(value) || number < 0 || (uint64_t)number > most) {
		control_socket_refuse(client, "%s: a number from 0 to %llu", key,
				      (unsigned long long)most);
		return false;
	}
	*number_r = (uint64_t)number;
	return true;
}

static void stats_ask(struct control *control, struct control_client *client, json_t *request)
{
	(void)request;
	control_socket_answer(client, stats_json(control->server));
}

static void reload_ask(struct control *control, struct control_client *client, json_t *request)
{
	struct config_error error = {""};

	(void)request;
	if (control_reload(control, &error) != 0)
		control_socket_refuse(client, "%s", error.text);
	else
		control_socket_answer(client, json_object());
}

static uint64_t connections(const struct server *server)
{
	struct tcp_stats stats;
	uint64_t n = 0;

	for (unsigned k = 0; k < loop_cores(server->loop); k++) {
		loop_tcp_stats(server->loop, k, &stats);
		n += stats.connections;
	}
	return n;
}

static void drain_ask(struct control *control, struct control_client *client, json_t *request)
{
	struct server *server = control->server;
	uint64_t per_s = DRAIN_PER_S, grace_s = 0;

	if (!number_read(client, request, "per_s", DRAIN_PER_S_MAX, &per_s) ||
	    !number_read(client, request, "grace_s", SECONDS_MAX, &grace_s))
		return;
	log_line(&server->log.log, LOG_LEVEL_INFO,
		 "drain: no new connections; %llu sessions a second are told",
		 (unsigned long long)per_s);
	control_end(control, grace_s == 0 ? UINT_MAX : (unsigned)grace_s * 1000, (unsigned)per_s);
	control_socket_answer(client,
			      json_pack("{s:I}", "connections", (json_int_t)connections(server)));
}

/* False: refused. */
static bool filter_read(struct control_client *client, const json_t *request,
			struct port_tap_filter *filter_r)
{
	const char *host = json_string_value(json_object_get(request, "host"));
	uint64_t port = 0;

	*filter_r = (struct port_tap_filter){0};
	if (json_object_get(request, "host") != NULL &&
	    (host == NULL || inet_pton(AF_INET, host, &filter_r->host) != 1)) {
		control_socket_refuse(client, "host: an IPv4 address");
		return false;
	}
	if (!number_read(client, request, "port", UINT16_MAX, &port))
		return false;
	filter_r->port = (uint16_t)port;
	return true;
}

static void capture_ask(struct control *control, struct control_client *client, json_t *request)
{
	struct port_tap_filter filter;
	struct capture_limits limits = {0};
	struct stat file;
	uint64_t seconds = 0;
	int status;

	if (!filter_read(client, request, &filter) ||
	    !number_read(client, request, "packets", INT64_MAX, &limits.packets) ||
	    !number_read(client, request, "seconds", SECONDS_MAX, &seconds))
		return;
	limits.seconds = (unsigned)seconds;
	/* What else there is, a pipe above all, could block the writer for ever. */
	if (client->passed < 0 || fstat(client->passed, &file) != 0 || !S_ISREG(file.st_mode)) {
		control_socket_refuse(client, "a regular file must come along to write into");
		return;
	}
	status = capture_start(&control->capture, control->server->wires.tap, &filter, &limits,
			       client->passed);
	if (status == -EBUSY) {
		control_socket_refuse(client, "a capture is going on; there is one at a time");
	} else if (status != 0) {
		control_socket_refuse(client, "cannot capture: %s", strerror(-status));
	} else {
		client->passed = -1;
		control->captor = client;
	}
}

void requests_ask(void *arg, struct control_client *client, json_t *request_json)
{
	static const struct {
		const char *name;
		command *run;
	} requests[] = {
		{"stats", stats_ask},
		{"reload", reload_ask},
		{"drain", drain_ask},
		{"capture", capture_ask},
	};
	const char *name = json_string_value(json_object_get(request_json, "command"));

	for (size_t k = 0; name != NULL && k < sizeof(requests) / sizeof(requests[0]); k++) {
		if (strcmp(name, requests[k].name) == 0) {
			requests[k].run(arg, client, request_json);
			return;
		}
	}
	control_socket_refuse(client, "no such command");
}

void requests_hung_up(void *arg, struct control_client *client)
{
	struct control *control = arg;

	if (control->captor == client)
		capture_stop(&control->capture);
}

void requests_captured(struct control *control)
{
	struct capture *capture = &control->capture;
	struct control_client *captor = control->captor;

	capture_join(capture);
	control->captor = NULL;
	if (capture->status != 0)
		control_socket_refuse(captor, "the file takes no more: %s",
				      strerror(-capture->status));
	else
		control_socket_answer(captor,
				      json_pack("{s:I,s:I}", "captured",
						(json_int_t)capture->stats.captured, "dropped",
						(json_int_t)capture->stats.dropped));
}

void requests_settle(struct control *control)
{
	if (!control->capture.running)
		return;
	capture_stop(&control->capture);
	requests_captured(control);
}
