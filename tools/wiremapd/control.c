/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "ready.h"
#include "requests.h"
#include "stats.h"

enum {
	ENDING_POLL_MS = 20, /* between looks whether the cores have ended */
	/* Sessions say BYE and their bytes are acknowledged; our unit gives 30 s. */
	GRACE_MS = 3000,
};

int control_open(struct control *control)
{
	sigset_t set;

	*control = (struct control){
		.signals = -1, .ticks = -1, .door.fd = -1, .capture = {.done = -1}};
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	control->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return control->signals < 0 ? -errno : 0;
}

int control_listen(struct control *control, struct server *server)
{
	const char *path = server->config->control_socket;
	int status;

	control->server = server;
	if (path == NULL)
		return 0;
	control->door.ask = requests_ask;
	control->door.hung_up = requests_hung_up;
	control->door.arg = control;
	status = control_socket_open(&control->door, path, &server->privileges);
	if (status != 0)
		log_line(&server->log.log, LOG_LEVEL_ERROR, "control_socket: %s: %s%s", path,
			 strerror(-status),
			 status == -EADDRINUSE ? ": is another server running?" : "");
	return status;
}

void control_close(struct control *control)
{
	requests_settle(control);
	control_socket_close(&control->door);
	if (control->capture.done >= 0)
		close(control->capture.done);
	if (control->signals >= 0)
		close(control->signals);
	if (control->ticks >= 0)
		close(control->ticks);
	control->signals = control->ticks = control->capture.done = -1;
}

int control_reload(struct control *control, struct config_error *error_r)
{
	struct server *server = control->server;
	struct log *log = &server->log.log;
	struct wiremap_config *fresh;

	if (config_load(server->config->path, &fresh, error_r) != 0) {
		log_line(log, LOG_LEVEL_ERROR, "not reloaded: %s", error_r->text);
		return -EINVAL;
	}
	__atomic_store_n(&log->level_max, (enum log_level)fresh->log.level, __ATOMIC_RELAXED);
	config_free(&fresh);
	log_line(log, LOG_LEVEL_INFO,
		 "reloaded log.level; the password file is read at every login; all else in %s "
		 "needs a restart",
		 server->config->path);
	return 0;
}

/* A statistics file that cannot be written is said once, not every second. */
static void tick(struct control *control, struct server *server)
{
	uint64_t ticks;
	int status;

	if (read(control->ticks, &ticks, sizeof(ticks)) != (ssize_t)sizeof(ticks))
		return;
	status = stats_write_file(server, server->config->stats_file);
	if (status != 0 && !control->stats_failed)
		log_line(&server->log.log, LOG_LEVEL_WARNING,
			 "stats_file: %s: %s: may the server's user write in its directory?",
			 server->config->stats_file, strerror(-status));
	control->stats_failed = status != 0;
}

/* The second signal, if it comes, finds no handler of ours any more and kills. */
static void signals_release(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void control_end(struct control *control, unsigned grace_ms, unsigned per_s)
{
	if (!control->ending)
		ready_notify("STOPPING=1");
	control->ending = true;
	loop_stop(control->server->loop, grace_ms, per_s);
}

static void signal_take(struct control *control, struct server *server)
{
	struct signalfd_siginfo info;
	struct config_error error;

	if (read(control->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGHUP:
		control_reload(control, &error);
		break;
	case SIGUSR1:
		stats_log(server);
		break;
	default:
		log_line(&server->log.log, LOG_LEVEL_INFO, "%s: ends",
			 info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
		signals_release();
		control_end(control, GRACE_MS, 0);
	}
}

static void ticks_start(struct control *control)
{
	const struct itimerspec second = {.it_value.tv_sec = 1, .it_interval.tv_sec = 1};

	control->ticks = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (control->ticks >= 0)
		timerfd_settime(control->ticks, 0, &second, NULL);
}

enum { WAIT_SIGNALS, WAIT_LOG, WAIT_TICKS, WAIT_CAPTURE, WAIT_DOOR };

static void serve(struct control *control, struct server *server, const struct pollfd *ready)
{
	if (ready[WAIT_SIGNALS].revents != 0)
		signal_take(control, server);
	if (ready[WAIT_LOG].revents != 0)
		daemon_log_pump(&server->log);
	if (ready[WAIT_TICKS].revents != 0)
		tick(control, server);
	if (ready[WAIT_CAPTURE].revents != 0)
		requests_captured(control);
	control_socket_serve(&control->door, ready + WAIT_DOOR);
}

void control_run(struct control *control, struct server *server)
{
	if (server->config->stats_file != NULL)
		ticks_start(control);
	while (!control->ending || !loop_ended(server->loop)) {
		/* Descriptors of -1 are left alone. */
		struct pollfd ready[WAIT_DOOR + CONTROL_DESCRIPTORS] = {
			[WAIT_SIGNALS] = {.fd = control->signals, .events = POLLIN},
			[WAIT_LOG] = {.fd = server->log.pipe_read, .events = POLLIN},
			[WAIT_TICKS] = {.fd = control->ticks, .events = POLLIN},
			[WAIT_CAPTURE] = {.fd = control->capture.done, .events = POLLIN},
		};

		control_socket_wait(&control->door, ready + WAIT_DOOR);
		if (poll(ready, sizeof(ready) / sizeof(ready[0]),
			 control->ending ? ENDING_POLL_MS : -1) >= 0)
			serve(control, server, ready);
		else if (errno != EINTR)
			break;
	}
}
