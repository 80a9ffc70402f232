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
#include "stats.h"

enum {
	/* Sessions say BYE and their bytes are acknowledged; our unit gives 30 s. */
	GRACE_MS = 3000,
};

int control_open(struct control *control)
{
	sigset_t set;

	*control = (struct control){.signals = -1, .ticks = -1};
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

void control_close(struct control *control)
{
	if (control->signals >= 0)
		close(control->signals);
	if (control->ticks >= 0)
		close(control->ticks);
	*control = (struct control){.signals = -1, .ticks = -1};
}

static void reload(struct server *server)
{
	struct log *log = &server->log.log;
	struct wiremap_config *fresh;
	struct config_error error;

	if (config_load(server->config->path, &fresh, &error) != 0) {
		log_line(log, LOG_LEVEL_ERROR, "not reloaded: %s", error.text);
		return;
	}
	__atomic_store_n(&log->level_max, (enum log_level)fresh->log.level, __ATOMIC_RELAXED);
	config_free(&fresh);
	log_line(log, LOG_LEVEL_INFO,
		 "reloaded log.level; the password file is read at every login; all else in %s "
		 "needs a restart",
		 server->config->path);
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

/* True when the server shall end. */
static bool signal_take(struct control *control, struct server *server)
{
	struct signalfd_siginfo info;

	if (read(control->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return false;
	switch (info.ssi_signo) {
	case SIGHUP:
		reload(server);
		return false;
	case SIGUSR1:
		stats_log(server);
		return false;
	default:
		log_line(&server->log.log, LOG_LEVEL_INFO, "%s: ends",
			 info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
		return true;
	}
}

static void ticks_start(struct control *control)
{
	const struct itimerspec second = {.it_value.tv_sec = 1, .it_interval.tv_sec = 1};

	control->ticks = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (control->ticks >= 0)
		timerfd_settime(control->ticks, 0, &second, NULL);
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

unsigned control_run(struct control *control, struct server *server)
{
	bool ends = false;

	if (server->config->stats_file != NULL)
		ticks_start(control);
	while (!ends) {
		struct pollfd ready[] = {
			{.fd = control->signals, .events = POLLIN},
			{.fd = server->log.pipe_read, .events = POLLIN},
			{.fd = control->ticks, .events = POLLIN}, /* -1 is left alone */
		};

		if (poll(ready, sizeof(ready) / sizeof(ready[0]), -1) < 0 && errno != EINTR)
			break;
		if (ready[0].revents != 0)
			ends = signal_take(control, server);
		if (ready[1].revents != 0)
			daemon_log_pump(&server->log);
		if (ready[2].revents != 0)
			tick(control, server);
	}
	ready_notify("STOPPING=1");
	signals_release();
	return GRACE_MS;
}
