/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	PREFIX_BYTES_MAX = 64,
	/* Below PIPE_BUF, so that lines of several threads do not mix in the pipe (pipe(7)). */
	TEXT_BYTES_MAX = PREFIX_BYTES_MAX + LOG_LINE_BYTES_MAX + 1,
};

static const struct {
	const char *name;
	int priority; /* syslog(3) */
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", 3},
	[LOG_LEVEL_WARNING] = {"warning", 4},
	[LOG_LEVEL_INFO] = {"info", 6},
	[LOG_LEVEL_DEBUG] = {"debug", 7},
};

/* JOURNAL_STREAM names the journal's socket as device:inode; it may have been inherited by a
 * process whose standard error is another file (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;

	return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
	       status.st_ino == inode;
}

static int prefix_write(const struct daemon_log *log, enum log_level level, char *text)
{
	struct timespec now;
	struct tm utc;
	size_t n;

	if (log->journal)
		return snprintf(text, PREFIX_BYTES_MAX, "<%d>", levels[level].priority);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	n = strftime(text, PREFIX_BYTES_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
	return (int)n + snprintf(text + n, PREFIX_BYTES_MAX - n,
				 ".%03ldZ %s: ", now.tv_nsec / 1000000, levels[level].name);
}

static void write_line(struct log *base, enum log_level level, const char *line)
{
	struct daemon_log *log = (struct daemon_log *)base;
	int pipe_write = __atomic_load_n(&log->pipe_write, __ATOMIC_ACQUIRE);
	int to = pipe_write >= 0 ? pipe_write : STDERR_FILENO;
	size_t line_bytes = strnlen(line, LOG_LINE_BYTES_MAX);
	char text[TEXT_BYTES_MAX];
	int prefix_bytes = prefix_write(log, level, text);
	size_t bytes = (size_t)prefix_bytes + line_bytes;

	memcpy(text + prefix_bytes, line, line_bytes);
	text[bytes++] = '\n';
	if (write(to, text, bytes) != (ssize_t)bytes)
		__atomic_add_fetch(&log->dropped, 1, __ATOMIC_RELAXED);
}

void daemon_log_init(struct daemon_log *log, enum log_level level_max)
{
	*log = (struct daemon_log){
		.log = {.write = write_line, .level_max = level_max},
		.pipe_read = -1,
		.pipe_write = -1,
		.journal = stderr_is_journal(),
	};
}

int daemon_log_detach(struct daemon_log *log)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return -errno;
	log->pipe_read = ends[0];
	__atomic_store_n(&log->pipe_write, ends[1], __ATOMIC_RELEASE);
	return 0;
}

void daemon_log_pump(struct daemon_log *log)
{
	unsigned dropped = __atomic_exchange_n(&log->dropped, 0, __ATOMIC_RELAXED);
	char text[4096];
	ssize_t n;

	while ((n = read(log->pipe_read, text, sizeof(text))) > 0) {
		ssize_t ignored = write(STDERR_FILENO, text, (size_t)n);
		(void)ignored;
	}
	if (dropped > 0)
		log_line(&log->log, LOG_LEVEL_WARNING, "%u log lines were lost", dropped);
}

void daemon_log_attach(struct daemon_log *log)
{
	int pipe_write = log->pipe_write;

	if (pipe_write < 0)
		return;
	__atomic_store_n(&log->pipe_write, -1, __ATOMIC_RELEASE);
	daemon_log_pump(log);
	close(pipe_write);
	close(log->pipe_read);
	log->pipe_read = -1;
}
