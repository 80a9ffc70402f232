/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server as a whole: what is started in which order, and stopped in the other. Control
 * thread.
 */
#ifndef WIREMAPD_SERVER_H
#define WIREMAPD_SERVER_H

#include "daemon_log.h"
#include "engines.h"
#include "privileges.h"
#include "wires.h"

struct server {
	struct wiremap_config *config;
	struct daemon_log log;
	struct privileges privileges;
	struct auth *auth;
	struct store *store;
	struct wires wires;
	struct engines engines;
	struct loop *loop;
	int64_t started_s; /* wall clock */
};

/* Reads the configuration, checks it and starts everything but the cores' threads. 0 or -errno,
 * after a line in the log; server_stop() is due in either case. */
int server_prepare(struct server *server, const char *config_path);
/* Checks the configuration and what it names, and prints what is wrong; starts nothing. */
int server_check(const char *config_path);
/* Becomes the unprivileged user and starts the threads. */
int server_run(struct server *server);
/* Stops what still runs, at once, and gives everything back. */
void server_stop(struct server *server);

#endif
