/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the control thread does while the cores run: signals, statistics once a second, the log.
 *
 * SIGTERM, SIGINT: an orderly end; a second one: at once. SIGHUP: reads the configuration again
 * and applies what can be applied (log.level); says that the rest needs a restart. SIGUSR1: all
 * counters into the log.
 */
#ifndef WIREMAPD_CONTROL_H
#define WIREMAPD_CONTROL_H

#include "server.h"

struct control {
	int signals; /* signalfd */
	int ticks;   /* timerfd, once a second; -1: there is no statistics file */
	bool stats_failed;
};

/* Takes the signals from the process; before any thread or fork. 0 or -errno. */
int control_open(struct control *control);
/* Serves until an end is asked for. Returns the grace for server_stop(), milliseconds. */
unsigned control_run(struct control *control, struct server *server);
void control_close(struct control *control);

#endif
