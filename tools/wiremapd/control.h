/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the control thread does while the cores run: signals, the control socket, statistics once a
 * second, the log.
 *
 * SIGTERM, SIGINT: an orderly end within seconds; a second one: at once. SIGHUP: reads the
 * configuration again and applies what can be applied (log.level); says that the rest needs a
 * restart. SIGUSR1: all counters into the log.
 */
#ifndef WIREMAPD_CONTROL_H
#define WIREMAPD_CONTROL_H

#include "capture.h"
#include "control_socket.h"
#include "server.h"

struct control {
	int signals; /* signalfd */
	int ticks;   /* timerfd, once a second; -1: there is no statistics file */
	bool stats_failed;
	bool ending; /* the cores were told to drain */
	struct server *server;
	struct control_socket door;
	struct capture capture;
	struct control_client *captor; /* whom the capture's end is told */
};

/* Takes the signals from the process; before any thread or fork. 0 or -errno. */
int control_open(struct control *control);
/* Opens the control socket of the configuration, if there is one; before privileges are dropped.
 * 0 or -errno, after a line in the log. */
int control_listen(struct control *control, struct server *server);
/* Serves until the cores have ended, because they were asked to. */
void control_run(struct control *control, struct server *server);
void control_close(struct control *control);

/* Reads the configuration again. 0, or -EINVAL with what is wrong in error_r. */
int control_reload(struct control *control, struct config_error *error_r);
/* Has every session told, `per_s` a second (0: at once), and the cores end when none is left or
 * after `grace_ms`. Called again it changes both. */
void control_end(struct control *control, unsigned grace_ms, unsigned per_s);

#endif
