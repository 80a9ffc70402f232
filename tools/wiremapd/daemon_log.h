/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's log: whole lines on standard error, with a time stamp, or with a priority where
 * standard error is systemd's journal (sd-daemon(3)). While the cores run a line goes through a
 * pipe that never blocks them, and the control thread writes it out; what the pipe cannot take
 * is counted, and the count is logged.
 */
#ifndef WIREMAPD_DAEMON_LOG_H
#define WIREMAPD_DAEMON_LOG_H

#include <stdbool.h>

#include "log.h"

struct daemon_log {
	struct log log;
	int pipe_read;	/* -1: lines go straight to standard error */
	int pipe_write; /* atomic */
	bool journal;
	unsigned dropped; /* atomic */
};

/* `level_max` may be changed later by the control thread. */
void daemon_log_init(struct daemon_log *log, enum log_level level_max);
/* From now on lines go through the pipe, whose reading end is pipe_read. 0 or -errno. */
int daemon_log_detach(struct daemon_log *log);
/* Writes out what the pipe holds. Control thread, when pipe_read is readable. */
void daemon_log_pump(struct daemon_log *log);
/* Straight to standard error again: the cores have ended. */
void daemon_log_attach(struct daemon_log *log);

#endif
